"""``make outcomes``: plays one seed for real, prints its figures, and writes ``build/outcomes.json`` and ``build/outcomes.html``.

``--minutes 6 --incidents 20 --fault-minutes 2`` is a short run of the same. The same failures happen to two more shops that are not
healed: one that nobody mends, and one whose person comes after ``--person-minutes``. A run is drawn again by its seed at its commit.
Exits 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from infra.broker.install import cache_folder, install
from infra.logging import configure
from tests.bench.figures import Figure, commit, write
from tests.outcomes.figures import figures_of
from tests.outcomes.plan import Plan, draw_plan
from tests.outcomes.play import Stage
from tests.outcomes.records import Played
from tests.outcomes.report import page_of
from tests.outcomes.seen import ends_of

BUILD = Path(__file__).parents[2] / "build"


def words_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command's words."""
    parser = argparse.ArgumentParser(prog="python -m tests.outcomes", description="heal an hour of seeded failures, for real")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--incidents", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    parser.add_argument("--fault-minutes", type=float, default=5, help="one fault of our own every so many minutes")
    parser.add_argument("--person-minutes", type=float, default=15, help="how long a person takes to come")
    parser.add_argument("--to", type=Path, default=BUILD)
    return parser.parse_args(arguments)


def play_for_real(plan: Plan, person_s: float) -> tuple[Played, dict[str, datetime]]:
    """Play a plan in a folder of its own; leave no process and no file, whatever happens."""
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:7.1f} s  {text}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="healstream-outcomes-") as folder:
        stage = Stage(plan, person_s, Path(folder), install(cache_folder(os.environ)), say)
        try:
            return stage.play(), dict(stage.fleet.targets.ended_at)
        finally:
            stage.close()


def told(figures: list[Figure]) -> str:
    """Return the figures as a table."""
    rows = (
        f"{'ok  ' if one.ok else 'MISS'} {one.value:>9g} {one.unit:10} target {one.target:7} {one.name}: {one.how.split(';')[0]}\n"
        for one in figures
    )
    return "".join(rows)


def main(arguments: list[str]) -> int:
    """Play, judge, write; return 1 when a target is missed."""
    words = words_of(arguments)
    configure("outcomes")
    try:
        plan = draw_plan(words.seed, words.minutes, words.incidents, words.fault_minutes)
    except ValueError as why:
        sys.stderr.write(f"outcomes: nothing was played: {why}\n")
        return 2
    how = (
        f"python -m tests.outcomes --minutes {words.minutes:g} --incidents {words.incidents} --seed {words.seed} "
        f"--fault-minutes {words.fault_minutes:g} --person-minutes {words.person_minutes:g}"
    )
    sys.stdout.write(f"{how} at commit {commit()[:12]}\n")
    played, ended_at = play_for_real(plan, words.person_minutes * 60)
    ends = ends_of(played.shops[0].begun, ended_at, played.incidents, played.outcomes)
    figures = figures_of(played, ends, how)
    write(figures, words.to / "outcomes.json", words.seed)
    (words.to / "outcomes.html").write_text(page_of(played, ends, figures, how), encoding="utf-8")
    sys.stdout.writelines(f"{name}: {sentence}\n" for name, rows in played.found.items() for sentence in rows)
    sys.stdout.writelines(f"not as it should: {one}\n" for one in ends if not one.is_right)
    sys.stdout.write(told(figures))
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
