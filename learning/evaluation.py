"""Statistics of what was measured, with the middle 95 % of what they are over resamples; used by reports and by ``make outcomes``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

RESAMPLES = 2000
_TAILS = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Interval:
    """A statistic and the middle 95 % of what it is over resamples of the same size."""

    value: float
    low: float
    high: float

    @override
    def __str__(self) -> str:
        return f"95 % interval {self.low:.2f} to {self.high:.2f}"


def quantile_interval(values: Sequence[float], share: float, seed: int) -> Interval:
    """Return a quantile (nearest rank) with its percentile bootstrap interval; the draws follow from the seed alone."""
    rows = np.sort(np.asarray(values, dtype=float))
    place = min(len(rows) - 1, int(share * len(rows)))
    drawn = np.sort(np.random.default_rng(seed).choice(rows, size=(RESAMPLES, len(rows))), axis=1)[:, place]
    low, high = np.quantile(drawn, _TAILS)
    return Interval(float(rows[place]), float(low), float(high))


def mean_interval(values: Sequence[float], seed: int) -> Interval:
    """Return a mean with its percentile bootstrap interval; one resample at a time, for there may be a hundred thousand values."""
    rows = np.asarray(values, dtype=float)
    random = np.random.default_rng(seed)
    drawn = [float(random.choice(rows, size=len(rows)).mean()) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, _TAILS)
    return Interval(float(rows.mean()), float(low), float(high))
