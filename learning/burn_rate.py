"""How fast an error budget is used up, over several windows at once; asked by ``streams/detectors/measures.py``.

The windows and factors are those of "The Site Reliability Workbook" (Beyer et al., O'Reilly 2018), chapter 5, "Alerting on SLOs", table
5-8: 14.4 times over 1 h and 5 min, 6 times over 6 h and 30 min, once over 3 d and 6 h. The long window says that it matters, the short
one that it still goes on. What nobody has measured counts as good: a window that has just begun is not taken for one that is full of
errors. The ratio is averaged by time, so an hour without traffic weighs as much as a busy one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
# A sample speaks for the time since the one before it, but not for a long silence.
LONGEST_STEP_S = 60.0
# The last hour is kept by minutes, what is older by half hours: enough for every window below, and few figures.
_FINE_S, _COARSE_S = _MINUTE, 30 * _MINUTE
_FINE_KEPT_S, _COARSE_KEPT_S = _HOUR + _FINE_S, 3 * _DAY + _COARSE_S


@dataclass(frozen=True, slots=True)
class Pace:
    """Too fast: at ``factor`` times the even pace over both windows; ``severity`` says how soon somebody must look."""

    factor: float
    long_s: float
    short_s: float
    severity: str
    words: str


PACES: tuple[Pace, ...] = (
    Pace(14.4, _HOUR, 5 * _MINUTE, "critical", "14.4x over 1h and 5m"),
    Pace(6.0, 6 * _HOUR, 30 * _MINUTE, "critical", "6x over 6h and 30m"),
    Pace(1.0, 3 * _DAY, 6 * _HOUR, "warning", "1x over 3d and 6h"),
)


@dataclass(frozen=True, slots=True)
class Span:
    """What was bad from ``begin`` on (s): ``bad_s`` seconds' worth of errors."""

    begin: float
    bad_s: float


@dataclass(frozen=True, slots=True)
class Burn:
    """The spans of one series: ``fine`` by minutes, ``coarse`` by half hours, and when it was last measured."""

    last_at: float = -1.0
    fine: tuple[Span, ...] = ()
    coarse: tuple[Span, ...] = ()


def add(burn: Burn, at: float, ratio: float) -> Burn:
    """Return it with one sample of the share that failed."""
    step_s = min(at - burn.last_at, LONGEST_STEP_S) if burn.last_at >= 0 else 0.0
    bad_s = min(max(ratio, 0.0), 1.0) * step_s
    return Burn(at, _added(burn.fine, at, bad_s, _FINE_S, _FINE_KEPT_S), _added(burn.coarse, at, bad_s, _COARSE_S, _COARSE_KEPT_S))


def fastest(burn: Burn, objective: float) -> tuple[float, Pace]:
    """Return by how much the budget of ``1 - objective`` is used up too fast (above 1: too fast), and by which pace."""
    return max(((_excess(burn, pace, objective), pace) for pace in PACES), key=lambda row: row[0])


def _excess(burn: Burn, pace: Pace, objective: float) -> float:
    rates = [_bad_share(burn, window_s) / (1.0 - objective) for window_s in (pace.long_s, pace.short_s)]
    return min(rates) / pace.factor


def _bad_share(burn: Burn, window_s: float) -> float:
    spans, width_s = (burn.fine, _FINE_S) if window_s <= _HOUR else (burn.coarse, _COARSE_S)
    since = burn.last_at - window_s
    # Of the span in which the window begins only its part counts.
    return sum(span.bad_s * min(1.0, (span.begin + width_s - since) / width_s) for span in spans if span.begin + width_s > since) / window_s


def _added(spans: Sequence[Span], at: float, bad_s: float, width_s: float, kept_s: float) -> tuple[Span, ...]:
    begin = at // width_s * width_s
    kept = tuple(span for span in spans if span.begin > at - kept_s - width_s)
    if not bad_s:
        return kept
    if kept and kept[-1].begin == begin:
        return (*kept[:-1], Span(begin, kept[-1].bad_s + bad_s))
    return (*kept, Span(begin, bad_s))
