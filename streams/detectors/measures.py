"""What a rule measures of a series: for each ``Measure`` a pure step from what was remembered and one sample to what is compared.

A table; called by ``metric_threshold.py`` for each sample in order of event time. What is remembered is a tuple of figures, so a snapshot
is data whatever the measure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from learning.anomaly import Usual, score
from learning.burn_rate import Burn, Span, add, fastest
from learning.trend import steady_trend_of
from schemas.metric_rules import Measure, MetricRule
from schemas.probes import Comparison

Memory = tuple[float, ...]
MAX_CHANGES = 64
# The points that a forecast is made from; twice what a half of them needs.
FORECAST_POINTS = 40
SEASON_SLOTS = 48
# A baseline is worth comparing with after that many samples; each new one weighs this much.
_WARM = 30
_WEIGHT = 0.05
_FALLING = frozenset({Comparison.BELOW, Comparison.AT_MOST})


@dataclass(frozen=True, slots=True)
class Reading:
    """What one sample gave: what is remembered from now on, the measured figure (None: none is known), and words and severity for it."""

    memory: Memory
    measured: float | None
    why: str = ""
    severity: str = ""


Step = Callable[[MetricRule, Memory, float, float], Reading]


def measure_value(rule: MetricRule, memory: Memory, at: float, value: float) -> Reading:  # noqa: ARG001 - the table's shape
    """Measure the value itself."""
    return Reading((), value)


def measure_rate(rule: MetricRule, memory: Memory, at: float, value: float) -> Reading:  # noqa: ARG001 - the table's shape
    """Measure the change a second since the sample before; a counter that fell was restarted: no rate is known."""
    is_known = bool(memory) and at > memory[0] and value >= memory[1]
    return Reading((at, value), (value - memory[1]) / (at - memory[0]) if is_known else None)


def measure_z_score(rule: MetricRule, memory: Memory, at: float, value: float) -> Reading:  # noqa: ARG001 - the table's shape
    """Measure the distance from the moving mean in deviations; what is beyond the bound must not teach that it is usual."""
    count, mean, variance = memory or (0.0, 0.0, 0.0)
    # A series that never moved has no deviation; a thousandth of its mean stands in for one.
    deviation = max(math.sqrt(variance), abs(mean) / 1000, 1e-9)
    measured = abs(value - mean) / deviation if count >= _WARM else None
    if measured is not None and rule.compare.holds(measured, rule.bound):
        return Reading(memory, measured)
    weight = max(_WEIGHT, 1 / (count + 1))
    gap = value - mean
    return Reading((count + 1, mean + weight * gap, (1 - weight) * (variance + weight * gap * gap)), measured)


def measure_changes(rule: MetricRule, memory: Memory, at: float, value: float) -> Reading:
    """Count how often the value has changed within the window, as a switch that flaps does."""
    times = tuple(time for time in memory[1:] if time > at - rule.window_s)
    times = (*times, at)[-MAX_CHANGES:] if memory and memory[0] != value else times
    return Reading((value, *times), float(len(times)))


def measure_burn(rule: MetricRule, memory: Memory, at: float, value: float) -> Reading:
    """Measure by how much the error budget is used up too fast, over whichever pair of windows says the most."""
    burn = add(_burn_in(memory), at, value)
    excess, pace = fastest(burn, rule.objective)
    figures = [figure for span in (*burn.fine, *burn.coarse) for figure in (span.begin, round(span.bad_s, 6))]
    return Reading((burn.last_at, float(len(burn.fine)), *figures), excess, pace.words, pace.severity)


def measure_anomaly(rule: MetricRule, memory: Memory, at: float, value: float) -> Reading:
    """Score a value against what its own past foretells, with the rule's season."""
    slots = SEASON_SLOTS if rule.season_s else 0
    slot = min(int(at % rule.season_s / rule.season_s * slots), slots - 1) if slots else 0
    # A rule whose season was changed learns anew.
    usual = _usual_in(memory) if len(memory) == _USUAL_FIGURES + slots else Usual(season=(0.0,) * slots)
    after, unusual = score(usual, value, slot)
    figures = (after.seen, after.level, after.trend, after.deviation, after.up, after.down, after.rounds, after.slot, *after.season)
    return Reading(tuple(float(figure) for figure in figures), unusual)


def measure_forecast(rule: MetricRule, memory: Memory, at: float, value: float) -> Reading:
    """Foretell the value at the horizon, as far as the trend of the window is sure; without a sure trend it stays as it is."""
    width_s = rule.window_s / FORECAST_POINTS
    rows = [memory[place : place + 3] for place in range(0, len(memory), 3)]
    rows = [row for row in rows if row[0] > at - rule.window_s]
    begin = at // width_s * width_s
    if rows and rows[-1][0] // width_s * width_s == begin:
        when, mean, count = rows.pop()
        rows.append((when + (at - when) / (count + 1), mean + (value - mean) / (count + 1), count + 1))
    else:
        rows.append((at, value, 1.0))
    kept = tuple(figure for row in rows for figure in row)
    trend = steady_trend_of([(row[0], row[1]) for row in rows])
    if trend is None:
        return Reading(kept, None)
    foretold = trend.level + trend.sure * rule.horizon_s
    return Reading(kept, foretold, _eta(rule, trend.level, (trend.slope, trend.low, trend.high)))


def _eta(rule: MetricRule, level: float, slopes: tuple[float, float, float]) -> str:
    toward = -1.0 if rule.compare in _FALLING else 1.0
    if rule.compare.holds(level, rule.bound):
        return f"{rule.bound:g} is reached"
    if not all(slope * toward > 0 for slope in slopes):
        return "no sure trend"
    best, *ends = ((rule.bound - level) / slope / 60 for slope in slopes)
    return f"reaches {rule.bound:g} in {best:.0f} min, between {min(ends):.0f} and {max(ends):.0f}"


_USUAL_FIGURES = 8


def _usual_in(memory: Memory) -> Usual:
    seen, level, trend, deviation, up, down, rounds, slot, *season = memory
    return Usual(int(seen), level, trend, deviation, up, down, int(rounds), int(slot), tuple(season))


def _burn_in(memory: Memory) -> Burn:
    if not memory:
        return Burn()
    spans = tuple(Span(memory[place], memory[place + 1]) for place in range(2, len(memory), 2))
    return Burn(memory[0], spans[: int(memory[1])], spans[int(memory[1]) :])


# Absence has no row: it is told by what does not come; see ``metric_absence.py``.
MEASURES: Mapping[Measure, Step] = {
    Measure.VALUE: measure_value,
    Measure.RATE: measure_rate,
    Measure.Z_SCORE: measure_z_score,
    Measure.CHANGES: measure_changes,
    Measure.BURN: measure_burn,
    Measure.ANOMALY: measure_anomaly,
    Measure.FORECAST: measure_forecast,
}
