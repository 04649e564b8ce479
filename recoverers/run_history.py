"""How long a CI job usually takes, by its passing runs, and whether it takes longer and longer. Used by ``rerun_elsewhere``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import exp, log, sqrt
from statistics import NormalDist, fmean, median, stdev

# Each is a call to the server, and they must fit into one look at it; what is older says little of the job as it is now.
MOST_RUNS = 20
# With fewer the limit would be a guess.
FEWEST_RUNS = 5
_FEWEST_FOR_TREND = 10
_P99 = NormalDist().inv_cdf(0.99)
# Servers tell whole seconds, and machines differ by some percent: what always took the same may take a little longer.
_LEAST_SPREAD = 0.05
# A drift that anybody would call one.
_LEAST_RISE = 1.1


def longest_usual_s(seconds: Sequence[float]) -> float | None:
    """Return the seconds within which 99 of 100 further runs end that are like these, None of too few.

    The 99th of so few is not among them: it is where the next one lies if the logarithms are normally distributed, as times of work
    are, with the wider margin that a small sample needs.
    """
    if len(seconds) < FEWEST_RUNS:
        return None
    logs = [log(max(row, 1.0)) for row in seconds]
    spread = max(stdev(logs), _LEAST_SPREAD)
    return exp(fmean(logs) + _quantile_of_t(len(logs) - 1) * spread * sqrt(1 + 1 / len(logs)))


def is_rising(seconds: Sequence[float]) -> bool:
    """Tell whether the runs, oldest first, take longer and longer: more pairs rise than chance lets, once in a hundred, and by a tenth."""
    count = len(seconds)
    if count < _FEWEST_FOR_TREND:
        return False
    rises = sum((after > before) - (after < before) for before, after in combinations(seconds, 2))
    deviation = sqrt(count * (count - 1) * (2 * count + 5) / 18)
    older, newer = seconds[: count // 2], seconds[-(count // 2) :]
    return rises - 1 > _P99 * deviation and median(newer) >= _LEAST_RISE * median(older)


def _quantile_of_t(freedom: int) -> float:
    """Return the 99th percentile of Student's t by the first terms of its expansion about the normal one; 4 % low at 4 degrees."""
    z = _P99
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
