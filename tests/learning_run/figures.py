"""From played seeds to figures: the monthly reduction with its bound, promotions, calibration, poison. Pure; formulas in ``__main__``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import fmean, stdev

from scipy.stats import t as student

from tests.bench.figures import Figure, at_least
from tests.learning_run.play import Mark, Played
from tests.learning_run.world import MONTHS

TARGET = 0.05
_BINS = 10


@dataclass(frozen=True, slots=True)
class Reduction:
    """The geometric mean of the relative error reduction a month, and its one-sided lower 95 % bound."""

    mean: float
    lower: float


def error_counts(marks: Sequence[Mark], month: int, counts: Callable[[Mark], bool]) -> tuple[int, int, int]:
    """Return events, errors of the learning and errors of the frozen recognition of one month, of the events that count."""
    chosen = [mark for mark in marks if mark.month == month and counts(mark)]
    return len(chosen), sum(not mark.learning for mark in chosen), sum(not mark.frozen for mark in chosen)


def ratio(marks: Sequence[Mark], month: int, counts: Callable[[Mark], bool]) -> float:
    """Return the errors of the learning recognition for each error of the frozen one; half an error is added to both."""
    _, learning, frozen = error_counts(marks, month, counts)
    return (learning + 0.5) / (frozen + 0.5)


def reduction(ratios: Sequence[float], months: int = MONTHS) -> Reduction:
    """Return the monthly reduction that leads to these last months' ratios; with one seed there is no bound, so it is minus one."""
    logs = [log(value) for value in ratios]
    mean = fmean(logs)
    if len(logs) < 2:
        return Reduction(1.0 - exp(mean / months), -1.0)
    margin = float(student.ppf(0.95, len(logs) - 1)) * stdev(logs) / sqrt(len(logs))
    return Reduction(1.0 - exp(mean / months), 1.0 - exp((mean + margin) / months))


def _every(_: Mark) -> bool:
    return True


def _fresh(mark: Mark) -> bool:
    return mark.is_fresh


def calibration_error(named: Sequence[tuple[float, bool]]) -> float:
    """Return the expected calibration error, over ten bins of equal width, of what only the model named."""
    total = 0.0
    for number in range(_BINS):
        within = [row for row in named if min(int(row[0] * _BINS), _BINS - 1) == number]
        if within:
            total += len(within) / len(named) * abs(fmean(share for share, _ in within) - fmean(right for _, right in within))
    return total


def figures_of(played: Sequence[Played]) -> list[Figure]:
    """Return the figures of the seeds without poison."""
    figures: list[Figure] = []
    last = MONTHS - 1
    for name, counts in (("all", _every), ("fresh", _fresh)):
        found = reduction([ratio(one.marks, last, counts) for one in played])
        how = f"{len(played)} seeds, {name} events, paired with the frozen model; 1 - exp(mean(ln(last month's ratio)) / {MONTHS})"
        is_asked = name == "all"
        mean = at_least(f"error_reduction_a_month|{name}", found.mean, "share", TARGET, how)
        lower = Figure(f"error_reduction_lower_95|{name}", round(found.lower, 4), "share", "> 0", found.lower > 0, "Student's t over seeds")
        figures += [mean if is_asked else Figure(mean.name, mean.value, mean.unit, "none", True, how), lower]
    steps = [step for one in played for step in one.steps]
    worse = sum(bool(step.worse) for step in steps)
    figures.append(
        Figure(
            "promotions_that_made_a_split_worse", worse, "count", "0", worse == 0, f"{len(steps)} promotions, judged anew on the guard set"
        )
    )
    fell = sum(step.fresh_after < step.fresh_before for step in steps)
    how = "on logs that neither taught nor guarded: fewer right kinds than before"
    figures.append(Figure("promotions_that_fell_on_unseen_logs", fell, "count", "none", True, how))
    moved = sum(one.acted_before - one.acted_after != frozenset() for one in played) + sum(step.acted_changed for step in steps)
    figures.append(
        Figure("promotions_that_moved_what_acts", moved, "count", "0", moved == 0, "acted set of the guard logs, before and after")
    )
    named = [row for one in played for row in one.named]
    error = calibration_error(named) if named else 0.0
    right = fmean(right for _, right in named) if named else 0.0
    how = f"{len(named)} kinds that only the model named, {right:.3f} of them right"
    figures.append(Figure("learned_calibration_error", round(error, 4), "share", "none", True, how))
    return figures


def poison_figures(poison: float, poisoned: Sequence[Played], clean: Sequence[Played]) -> list[Figure]:
    """Return what wrong labels from one source did: nothing to what acts, and how much less was learned."""
    name = f"poison_{poison:.0%}"
    acts = sum(step.acted_changed for one in poisoned for step in one.steps)
    steps = sum(len(one.steps) for one in poisoned)
    refused = sum(one.actions.get("lesson.refused", 0) for one in poisoned)
    held = sum(one.actions.get("model.held_back", 0) for one in poisoned)
    how = f"{len(poisoned)} seeds, {steps} promotions, {held} held back, {refused} lessons refused"
    pairs = [reduction([ratio(one.marks, MONTHS - 1, _every) for one in side]).mean for side in (poisoned, clean)]
    worse = sum(bool(step.worse) for one in poisoned for step in one.steps)
    return [
        Figure(f"{name}|promotions_that_moved_what_acts", acts, "count", "0", acts == 0, how),
        Figure(f"{name}|promotions_that_made_a_split_worse", worse, "count", "0", worse == 0, how),
        Figure(
            f"{name}|error_reduction_a_month", round(pairs[0], 4), "share", "none", True, f"the same seeds without poison: {pairs[1]:.4f}"
        ),
    ]


def table(played: Sequence[Played]) -> list[str]:
    """Return the months as lines: error shares of both, and their ratio, of all and of fresh events."""
    lines = ["month   events  learning  frozen   ratio | fresh events  learning  frozen   ratio | infra named on other  wrong acts"]
    marks = [mark for one in played for mark in one.marks]
    for month in range(MONTHS):
        cells = []
        for counts in (_every, _fresh):
            n, learning, frozen = error_counts(marks, month, counts)
            cells.append(f"{n:8} {learning / max(n, 1):9.4f} {frozen / max(n, 1):7.4f} {(learning + 0.5) / (frozen + 0.5):7.3f}")
        here = [mark for mark in marks if mark.month == month]
        harm, acts = sum(mark.harm for mark in here), sum(mark.acts_wrong for mark in here)
        lines.append(f"{month + 1:5} {cells[0]} |     {cells[1]} | {harm / max(len(here), 1):20.4f} {acts:11}")
    return lines
