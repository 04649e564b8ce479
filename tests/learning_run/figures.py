"""From played seeds to figures: the monthly reduction with its bound, promotions, calibration, poison. Pure; formulas in ``__main__``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import fmean, stdev

from scipy.stats import t as student

from streams.drift_watch import RULES
from tests.bench.figures import Figure, at_least
from tests.learning_run.assumptions import ENTRY_MONTHS, MONTH_S, MONTHS
from tests.learning_run.play import Mark, Played

TARGET = 0.05
# A team bears an alarm without a cause once in half a year.
MOST_ALARMS = 1.0
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
    """Return the figures of the seeds without poison; on fresh events learning must help, how much is asked of all events."""
    ratios = {name: [ratio(one.marks, MONTHS - 1, counts) for one in played] for name, counts in (("all", _every), ("fresh", _fresh))}
    how = f"{len(played)} seeds, {{}} events, paired with the frozen model; 1 - exp(mean(ln(last month's ratio)) / {MONTHS})"
    found, fresh = reduction(ratios["all"]), reduction(ratios["fresh"])
    named = [row for one in played for row in one.named]
    right = fmean(right for _, right in named) if named else 0.0
    said = f"{len(named)} kinds that only the model named, {right:.3f} of them right"
    return [
        at_least("error_reduction_a_month|all", found.mean, "share", TARGET, how.format("all")),
        _above_zero("error_reduction_lower_95|all", found.lower),
        _shown("error_reduction_a_month|fresh", fresh.mean, "share", how.format("fresh")),
        _above_zero("error_reduction_lower_95|fresh", fresh.lower),
        *_promotions(played),
        _shown("learned_calibration_error", calibration_error(named) if named else 0.0, "share", said),
    ]


def _above_zero(name: str, lower: float) -> Figure:
    return Figure(name, round(lower, 4), "share", "> 0", lower > 0, "Student's t over seeds")


def _promotions(played: Sequence[Played], under: str = "") -> list[Figure]:
    steps = [step for one in played for step in one.steps]
    how = f"{len(steps)} promotions, {_count(played, 'model.held_back')} held back, {_count(played, 'model.promotion_refused')} refused"
    worse = sum(bool(step.worse) for step in steps)
    fell = sum(step.fresh_after < step.fresh_before for step in steps)
    moved = sum(one.acts_moved for one in played) + sum(step.acted_changed for step in steps)
    moved += sum(bool(one.acted_before - one.acted_after) for one in played)
    events = sum(len(one.marks) for one in played)
    acts = f"acted on by one side and not by the other: of {events} events, and of the guard logs at each promotion and at the end"
    unseen = f"of {len(steps)} promotions, by right kinds on logs that neither taught nor guarded"
    return [
        Figure(f"{under}promotions_that_made_a_split_worse", worse, "count", "0", worse == 0, how),
        _shown(f"{under}promotions_that_fell_on_unseen_logs", fell, "count", unseen),
        Figure(f"{under}acts_that_labels_moved", moved, "count", "0", moved == 0, acts),
    ]


def _shown(name: str, value: float, unit: str, how: str) -> Figure:
    return Figure(name, round(value, 4), unit, "none", True, how)


def _count(played: Sequence[Played], action: str) -> int:
    return sum(one.actions.get(action, 0) for one in played)


def poison_figures(poison: float, poisoned: Sequence[Played], clean: Sequence[Played]) -> list[Figure]:
    """Return what wrong labels from one source did: nothing to what acts, and how much less was learned."""
    name = f"poison_{poison:.0%}|"
    pairs = [reduction([ratio(one.marks, MONTHS - 1, _every) for one in side]).mean for side in (poisoned, clean)]
    how = f"the same seeds without poison: {pairs[1]:.4f}; {_count(poisoned, 'lesson.refused')} lessons refused"
    return [*_promotions(poisoned, name), _shown(f"{name}error_reduction_a_month", pairs[0], "share", how)]


def drift_figures(changed: Sequence[Played], quiet: Sequence[Played]) -> list[Figure]:
    """Return whether the watches spoke when families entered, and how often they spoke where nothing changed.

    A watch promises to see a share that rises by ``RULES.rise``: it has missed one when abstentions rose so in a month, and no watch of
    the inputs spoke from the first entry on.
    """
    entered = MONTH_S * min(ENTRY_MONTHS)
    saw = [any(drift.at_s >= entered and drift.watch.startswith("inputs/") for drift in one.drifts) for one in changed]
    rose = [_rise(one) >= RULES.rise for one in changed]
    missed = sum(has_risen and not is_seen for has_risen, is_seen in zip(rose, saw, strict=True))
    early = sum(drift.at_s < entered for one in changed for drift in one.drifts)
    by_watch = Counter(drift.watch for one in quiet for drift in one.drifts)
    alarms = by_watch.total() / len(quiet)
    how = (
        f"{by_watch.total()} in {len(quiet)} runs of {MONTHS} months in which all families are there from the start {dict(by_watch) or ''}"
    )
    return [
        _shown("drift_seen_after_families_entered", sum(saw), "seeds", f"of {len(changed)} seeds, by a watch of the inputs"),
        Figure("drift_missed", missed, "seeds", "0", missed == 0, f"of {sum(rose)} in which abstentions rose by {RULES.rise:.2f} or more"),
        _shown("drift_alarms_before_any_family_entered", early, "count", f"in the first month of {len(changed)} seeds"),
        Figure("false_drift_alarms_a_run", round(alarms, 3), "count", f"<= {MOST_ALARMS:g}", alarms <= MOST_ALARMS, how.strip()),
    ]


def _rise(one: Played) -> float:
    shares = [abstained / max(n, 1) for abstained, n in zip(one.abstentions, one.failures, strict=True)]
    return max(shares[1:]) - shares[0]


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
