"""How far a value lies from what its own past foretells: exponential smoothing with a season that no outlier teaches.

river's Holt-Winters does the smoothing; between two samples it is plain figures, so that a snapshot is data. Before it learns a value
it is drawn towards the forecast as far as it is unlikely, and the deviation grows in bounds: S. Gelper, R. Fried and C. Croux, "Robust
forecasting with exponential and Holt-Winters smoothing", J. Forecasting 29 (2010). A slow slide that no single value shows is added up
from the residuals (E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954). Asked by ``streams/detectors/measures.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from statistics import fmean
from typing import Any

WARM = 30
_ALPHA, _BETA, _GAMMA = 0.02, 0.0005, 0.2
# A residual beyond so many deviations is drawn in to them before it is learned.
_CLIP = 2.0
_SCALE_WEIGHT = 0.05
# The slide's sum takes what is beyond this part of a deviation; so much of the sum is as unusual as one value of one deviation.
_SLACK, _SLIDE, _MOST_SLIDE = 0.6, 2.0, 60.0


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of one series: samples seen, level, trend, the deviation, the two slides, and the season's offsets by slot.

    ``rounds`` is how often the season has begun anew since, ``slot`` where it was last. Without a season ``WARM`` samples are learned
    before anything is said, with one the rest of the season that runs and two whole ones.
    """

    seen: int = 0
    level: float = 0.0
    trend: float = 0.0
    deviation: float = 0.0
    up: float = 0.0
    down: float = 0.0
    rounds: int = 0
    slot: int = 0
    season: tuple[float, ...] = ()

    def is_warm(self) -> bool:
        """Tell whether enough is known."""
        return self.rounds > 2 if self.season else self.seen >= WARM


def score(usual: Usual, value: float, slot: int) -> tuple[Usual, float | None]:
    """Return what is usual after one more value, and how unusual it was in deviations: None while too little is known.

    ``slot`` is the value's place in the season (0 where there is none).
    """
    now = replace(usual, seen=usual.seen + 1, rounds=usual.rounds + (slot < usual.slot), slot=slot)
    if usual.season and now.rounds < 2:
        return _first_of_season(now, value, usual.slot), None
    if not usual.season and usual.seen < WARM // 2:
        return _first(now, value), None
    if usual.season and usual.rounds < 2:
        level = fmean(usual.season)
        now = replace(now, level=level, season=tuple(shown - level for shown in usual.season))
    return _smoothed(now, value, usual.is_warm())


def _smoothed(usual: Usual, value: float, is_warm: bool) -> tuple[Usual, float | None]:
    model = _model_of(usual)
    foretold = model.forecast(1)[0]
    # A series that never moved has no deviation; a thousandth of its level stands in for one.
    deviation = max(usual.deviation, abs(usual.level) / 1000, 1e-9)
    residual = (value - foretold) / deviation
    up, down = (max(0.0, total + sign * _clipped(residual, 3.0) - _SLACK) for total, sign in ((usual.up, 1.0), (usual.down, -1.0)))
    model.learn_one(foretold + _clipped(residual, _CLIP) * deviation)
    after = replace(
        usual,
        level=model.level[-1],
        trend=model.trend[-1],
        deviation=_spread(deviation, residual),
        up=min(up, _MOST_SLIDE),
        down=min(down, _MOST_SLIDE),
        season=_with_slot(usual.season, usual.slot, model.season[-1]) if usual.season else (),
    )
    return after, max(abs(residual), max(up, down) / _SLIDE) if is_warm else None


def _first(usual: Usual, value: float) -> Usual:
    gap = value - usual.level
    level = usual.level + gap / usual.seen
    return replace(usual, level=level, deviation=sqrt(((usual.seen - 1) * usual.deviation**2 + gap * (value - level)) / usual.seen))


def _first_of_season(usual: Usual, value: float, before: int) -> Usual:
    """Let each slot take its own values; from the second round on they tell how far two rounds lie apart."""
    shown = usual.season[usual.slot]
    gap = value - shown
    is_new = usual.slot != before or usual.seen == 1
    square = usual.deviation**2 if usual.deviation else gap**2
    deviation = sqrt(square + _SCALE_WEIGHT * (gap**2 - square)) if usual.rounds else 0.0
    return replace(usual, deviation=deviation, season=_with_slot(usual.season, usual.slot, value if is_new else shown + _GAMMA * gap))


def _model_of(usual: Usual) -> Any:
    # Here and not above: it brings all of river and scipy, half of the time that a worker needs to start, and few rules ask for it.
    from river.time_series import HoltWinters  # noqa: PLC0415

    width = max(len(usual.season), 1)
    model: Any = HoltWinters(_ALPHA, _BETA, _GAMMA, width)  # type: ignore[no-untyped-call]
    model._initialized = True  # noqa: SLF001 - river has no way to begin from figures
    model.level.extend([usual.level, usual.level])
    model.trend.extend([usual.trend, usual.trend])
    offsets = usual.season or (0.0,)
    # The season's first slot to come is this value's.
    model.season.extend([*offsets[usual.slot :], *offsets[: usual.slot]])
    return model


def _with_slot(season: tuple[float, ...], slot: int, offset: float) -> tuple[float, ...]:
    return (*season[:slot], offset, *season[slot + 1 :])


def _clipped(residual: float, most: float) -> float:
    return max(-most, min(most, residual))


def _spread(deviation: float, residual: float) -> float:
    # The mean of a squared residual that is cut at two deviations is 0.87 of the square of what it is drawn from (normal).
    cut = _clipped(residual, _CLIP) ** 2 / 0.87
    return deviation * sqrt(max((1 - _SCALE_WEIGHT) + _SCALE_WEIGHT * cut, 1e-12))
