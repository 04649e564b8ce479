"""``python -m tests.sim --seeds A-B``: plays the seeds, prints those that violate an invariant, and writes ``build/sim.json``.

``--rotate N`` plays N seeds that follow from the commit, so that every commit tries others; ``--shrink`` cuts a failing seed down to
what it takes to fail; ``--deaths N`` first lets an executor die at each of its first N boundaries, ``--found`` plays the plans of
``found.py``, ``--crowd N`` lets N jobs more fail in each. A run is reproduced by its seed and its commit. A chaotic step is one that was
begun in a plan with faults; doubles are counted in the targets' own ledgers. Exits 1 when an invariant is violated.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure, at_least, commit, write
from tests.sim.found import FOUND
from tests.sim.plan import Plan, draw_plan
from tests.sim.seeds import Verdict, verdict_of, verdict_of_death, verdicts
from tests.sim.shrink import shrink

BUILD = Path(__file__).parents[2] / "build"
ROTATION = 1_000_000


def seeds_of(words: argparse.Namespace) -> range:
    """Return the seeds that are asked for."""
    if words.rotate:
        begin = int(commit()[:8] or "0", 16) % ROTATION
        return range(begin, begin + words.rotate)
    first, _, last = words.seeds.partition("-")
    return range(int(first), int(last or first) + 1)


def explain(seed: int, crowd: int) -> str:
    """Return the smallest plan that violates the same invariant as a seed does."""
    wanted = {sentence.split(":")[0] for sentence in verdict_of(draw_plan(seed, crowd)).found}

    def still_fails(plan: Plan) -> bool:
        return bool(wanted & {sentence.split(":")[0] for sentence in verdict_of(plan).found})

    plan = shrink(draw_plan(seed, crowd), still_fails)
    return "\n".join([f"  {plan}", *(f"  {sentence}" for sentence in verdict_of(plan).found)])


def figures_of(found: Sequence[Verdict], took_s: float) -> list[Figure]:
    """Return the figures of a run."""
    violations = sum(len(one.found) for one in found)
    how = f"python -m tests.sim, seeds {found[0].seed}-{found[-1].seed}"
    doubled, steps = sum(one.doubled for one in found), sum(one.chaotic_steps for one in found)
    return [
        Figure("violations of an invariant", violations, "violations", "= 0", violations == 0, how),
        at_least("seeds played", len(found), "seeds", 1, how),
        at_least("seeds a second", len(found) / took_s, "1/s", 0, how),
        at_least("incidents", sum(one.incidents for one in found), "incidents", 1, how),
        at_least("journal records", sum(one.records for one in found), "records", 1, how),
        at_least("chaotic steps", steps, "steps", 1, how),
        at_least("effects at targets", sum(one.effects for one in found), "effects", 1, how),
        Figure("double effects at targets", doubled, "effects", "= 0", doubled == 0, how),
    ]


def main() -> int:
    """Play what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description="simulate the whole system under drawn faults")
    parser.add_argument("--seeds", default="1-300", help="from-to, both included")
    parser.add_argument("--rotate", type=int, default=0, help="so many seeds that follow from the commit")
    parser.add_argument("--deaths", type=int, default=0, help="first let an executor die at each of so many boundaries")
    parser.add_argument("--found", action="store_true", help="first play the plans in which a defect was found")
    parser.add_argument("--crowd", type=int, default=0, help="so many jobs more fail in each plan")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--shrink", action="store_true", help="cut each failing plan down")
    parser.add_argument("--to", type=Path, default=BUILD / "sim.json")
    words = parser.parse_args()
    seeds = seeds_of(words)
    deaths = [verdict_of_death(boundary) for boundary in range(1, words.deaths + 1)]
    again = [verdict_of(plan) for plan in FOUND] if words.found else []
    for what, first in (*(("death at boundary", one) for one in deaths), *(("found with seed", one) for one in again)):
        sys.stdout.write("".join(f"{what} {first.seed}: {sentence}\n" for sentence in first.found))
    sys.stdout.write(f"seeds {seeds.start}-{seeds.stop - 1} at commit {commit()[:12]}\n")
    began = time.monotonic()
    found: list[Verdict] = []
    for verdict in verdicts(seeds, words.processes, words.crowd):
        found.append(verdict)
        for sentence in verdict.found:
            sys.stdout.write(f"seed {verdict.seed}: {sentence}\n")
            sys.stdout.flush()
        if verdict.found and words.shrink:
            sys.stdout.write(explain(verdict.seed, words.crowd) + "\n")
    figures = figures_of(found, time.monotonic() - began)
    write(figures, words.to, seeds.start)
    for figure in figures:
        sys.stdout.write(f"{'ok  ' if figure.ok else 'MISS'} {figure.value:>10g} {figure.unit:10} {figure.name}\n")
    return 0 if all(figure.ok for figure in figures) and not any(one.found for one in (*deaths, *again)) else 1


if __name__ == "__main__":
    sys.exit(main())
