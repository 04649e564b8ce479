"""Where a series goes: the median of all slopes between its points, and how sure that is; asked by ``streams/detectors/measures.py``.

The estimate is Theil's and Sen's (P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63,
1968), with Sen's interval: a third of the points may be far off and the slope stays. Equal readings side by side are taken for what
they are; no shape of the noise is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from statistics import median

import numpy as np

# 99 % on both sides.
_Z = 2.576
LEAST_POINTS = 12


@dataclass(frozen=True, slots=True)
class Trend:
    """The slope (units a second) with the ends of its interval, and the level at the newest point by what of the slope is sure."""

    slope: float
    low: float
    high: float
    level: float

    @property
    def sure(self) -> float:
        """Return the slope that is sure: the end of the interval that is nearer to none, none when the interval holds it."""
        if self.low <= 0.0 <= self.high:
            return 0.0
        return self.low if self.low > 0 else self.high


def trend_of(points: Sequence[tuple[float, float]]) -> Trend | None:
    """Return the trend of points (s, value) in order of time; None of fewer than ``LEAST_POINTS``."""
    n = len(points)
    if n < LEAST_POINTS:
        return None
    times, values = np.array([at for at, _ in points]), np.array([value for _, value in points])
    first, second = np.triu_indices(n, 1)
    slopes = np.sort((values[second] - values[first]) / (times[second] - times[first]))
    pairs = len(slopes)
    width = _Z * sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low, high = int((pairs - width) / 2), int((pairs + width) / 2) + 1
    found = Trend(float(np.median(slopes)), float(slopes[max(low, 0)]), float(slopes[min(high, pairs - 1)]), 0.0)
    return replace(found, level=_level(points, found.sure))


def steady_trend_of(points: Sequence[tuple[float, float]]) -> Trend | None:
    """Return the trend that the whole and its newer half agree on; a step, a saw's tooth or a slope that has ended has none left.

    What is sure is then the slower of the two, and where they disagree the slope is nought.
    """
    whole, newer = trend_of(points), trend_of(points[len(points) // 2 :])
    if whole is None or newer is None:
        return None
    slow = min((whole, newer), key=lambda one: abs(one.sure))
    if whole.sure * newer.sure <= 0:
        return Trend(0.0, 0.0, 0.0, _level(points[len(points) // 2 :], 0.0))
    return replace(slow, level=newer.level)


def _level(points: Sequence[tuple[float, float]], slope: float) -> float:
    last_at = points[-1][0]
    return median(value - slope * (at - last_at) for at, value in points)
