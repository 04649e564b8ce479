"""``make learning``: thirty seeds of six months, then poisoned labels; ``build/learning.json``, a table, and a picture.

The figure of a month m and a seed s is the ratio r(m, s) = errors of the learning recognition / errors of the frozen one, on the same
events, each scored before its label could be learned (half an error is added to both, so that a month without errors has a ratio).
The learning began as the frozen one, r(0, s) = 1, so the geometric mean of the monthly reductions over the six months telescopes:
g(s) = 1 - r(6, s) ** (1 / 6), the constant share by which errors would have to fall every month to get there. Reported is the geometric
mean over seeds, 1 - exp(mean(ln r(6, s)) / 6), and the one-sided lower 95 % bound of the same by Student's t over the seeds. It is
asked of all events, and printed too for the fresh ones, whose log was never learned from.

``python -m tests.learning_run [SEEDS] [EVENTS_A_MONTH]`` takes fewer; exits 1 when a target is missed.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random

from console.recognition import load_recognizer
from console.system_paths import shipped_patterns
from learning.classification import Recognizer
from tests.bench.figures import write
from tests.learning_run.figures import figures_of, poison_figures, table
from tests.learning_run.material import Log, families_in, read_logs, tools_by_pattern
from tests.learning_run.picture import draw_picture
from tests.learning_run.play import EVENTS_A_MONTH, Played, play
from tests.learning_run.world import make_world

BUILD = Path(__file__).parents[2] / "build"
SEEDS = 30
POISONS = (0.05, 0.1, 0.2)
POISON_SEEDS = 2
_WORKERS = 2
_LOG_SEED = 20


@cache
def _material() -> tuple[Recognizer, dict[str, str], tuple[Log, ...]]:
    recognizer = load_recognizer(shipped_patterns())
    tools = tools_by_pattern(recognizer, families_in(shipped_patterns()))
    return recognizer, tools, read_logs(recognizer, tools, _LOG_SEED)


def run_one(seed: int, poison: float, a_month: int) -> Played:
    """Play one seed; called in a worker, which reads the logs once."""
    recognizer, tools, logs = _material()
    world = make_world(recognizer, tools, logs, Random(seed))
    return play(world, seed, poison, a_month)


def main(arguments: list[str]) -> int:
    """Play everything; return 1 when a target is missed."""
    seeds = int(arguments[0]) if arguments else SEEDS
    a_month = int(arguments[1]) if len(arguments) > 1 else EVENTS_A_MONTH
    # Forked workers share what was read here.
    _material()
    plans = [(seed, 0.0) for seed in range(1, seeds + 1)]
    plans += [(seed, poison) for poison in POISONS for seed in range(1, min(seeds, POISON_SEEDS) + 1)]
    with ProcessPoolExecutor(_WORKERS, mp_context=get_context("fork")) as pool:
        played = list(pool.map(run_one, *zip(*((*plan, a_month) for plan in plans), strict=True)))
    clean, poisoned = played[:seeds], played[seeds:]
    figures = figures_of(clean)
    for number, poison in enumerate(POISONS):
        share = min(seeds, POISON_SEEDS)
        figures += poison_figures(poison, poisoned[number * share : (number + 1) * share], clean[:share])
    write(figures, BUILD / "learning.json", seed=_LOG_SEED)
    (BUILD / "learning.svg").write_text(draw_picture(clean), encoding="utf-8")
    sys.stdout.writelines(f"{line}\n" for line in table(clean))
    for figure in figures:
        word = "ok  " if figure.ok else "MISS"
        sys.stdout.write(f"{word} {figure.name:44} {figure.value:>9g} {figure.unit:8} target {figure.target:10} {figure.how}\n")
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
