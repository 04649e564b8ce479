"""``make learning``: thirty seeds of six months, then poisoned and quiet ones; ``build/learning.json``, a table, and a picture.

The figure of a month m and a seed s is the ratio r(m, s) = errors of the learning recognition / errors of the frozen one, on the same
events, each scored before its label could be learned (half an error is added to both, so that a month without errors has a ratio).
The learning began as the frozen one, r(0, s) = 1, so the geometric mean of the monthly reductions over the six months telescopes:
g(s) = 1 - r(6, s) ** (1 / 6), the constant share by which errors would have to fall every month to get there. Reported is the geometric
mean over seeds, 1 - exp(mean(ln r(6, s)) / 6), and the one-sided lower 95 % bound of the same by Student's t over the seeds. It is
asked of all events, and shown for the fresh ones too, whose log was never learned from.

What is assumed, and why, stands in ``assumptions.py``. The headline plays seeds 101 to 130, none of which was looked at while the
learning or an assumption was changed; seeds 1 to 6 are for development.

``python -m tests.learning_run [SEEDS] [EVENTS_A_MONTH] [FIRST_SEED]`` takes others; exits 1 when a target is missed.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random

from console.recognition import load_recognizer
from console.system_paths import shipped_patterns
from learning.classification import Recognizer
from tests.bench.figures import Figure, write
from tests.learning_run.assumptions import (
    ABSENT_SHARE,
    EVENTS_A_MONTH,
    FIRST_SEED,
    LOG_SEED,
    POISON_SEEDS,
    POISONS,
    QUIET_SEEDS,
    SEEDS,
)
from tests.learning_run.figures import drift_figures, figures_of, poison_figures, table
from tests.learning_run.material import Log, families_in, read_logs, tools_by_pattern
from tests.learning_run.picture import draw_picture
from tests.learning_run.play import Played, play
from tests.learning_run.world import make_world

BUILD = Path(__file__).parents[2] / "build"
_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: ``poison`` is the share of wrong labels, ``absent`` that of the families that come later."""

    seed: int
    a_month: int
    poison: float = 0.0
    absent: float = ABSENT_SHARE


@cache
def _material() -> tuple[Recognizer, dict[str, str], tuple[Log, ...]]:
    recognizer = load_recognizer(shipped_patterns())
    tools = tools_by_pattern(recognizer, families_in(shipped_patterns()))
    return recognizer, tools, read_logs(recognizer, tools, LOG_SEED)


def run_one(plan: Plan) -> Played:
    """Play one seed; called in a worker, which shares the logs that were read before it was forked."""
    recognizer, tools, logs = _material()
    world = make_world(recognizer, tools, logs, Random(plan.seed), plan.absent)
    return play(world, plan.seed, plan.poison, plan.a_month)


def plans_of(first: int, seeds: int, a_month: int) -> dict[str, list[Plan]]:
    """Return what is played, by name: the seeds as asked, the first of them with each share of poison, and without any change."""

    def seeds_to(n: int) -> range:
        return range(first, first + min(n, seeds))

    clean = {"clean": [Plan(seed, a_month) for seed in seeds_to(seeds)]}
    poisoned = {f"poison {poison}": [Plan(seed, a_month, poison) for seed in seeds_to(POISON_SEEDS)] for poison in POISONS}
    return {**clean, **poisoned, "quiet": [Plan(seed, a_month, absent=0.0) for seed in seeds_to(QUIET_SEEDS)]}


def _played(plans: dict[str, list[Plan]]) -> dict[str, list[Played]]:
    _material()
    with ProcessPoolExecutor(_WORKERS, mp_context=get_context("fork")) as pool:
        found = {name: [pool.submit(run_one, plan) for plan in chosen] for name, chosen in plans.items()}
        return {name: [future.result() for future in futures] for name, futures in found.items()}


def _figures(played: dict[str, list[Played]]) -> list[Figure]:
    clean = played["clean"]
    poisoned = [row for poison in POISONS for row in poison_figures(poison, played[f"poison {poison}"], clean[:POISON_SEEDS])]
    return [*figures_of(clean), *poisoned, *drift_figures(clean, played["quiet"])]


def main(arguments: list[str]) -> int:
    """Play everything; return 1 when a target is missed."""
    usual = (SEEDS, EVENTS_A_MONTH, FIRST_SEED)
    seeds, a_month, first = (*map(int, arguments), *usual[len(arguments) :])
    played = _played(plans_of(first, seeds, a_month))
    figures = _figures(played)
    write(figures, BUILD / "learning.json", seed=first)
    (BUILD / "learning.svg").write_text(draw_picture(played["clean"]), encoding="utf-8")
    sys.stdout.writelines(f"{line}\n" for line in table(played["clean"]))
    for figure in figures:
        word = "ok  " if figure.ok else "MISS"
        sys.stdout.write(f"{word} {figure.name:44} {figure.value:>9g} {figure.unit:8} target {figure.target:10} {figure.how}\n")
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
