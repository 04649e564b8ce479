"""What a choice is worth by its logged cases, with bounds that hold however often one looks; used by ``learning/strategy_choice.py``.

The value is self-normalised importance sampling (Swaminathan and Joachims, 2015) with stabilised weights (Robins, Hernan and Brumback,
2000); the weighted cases count as Kish's effective number (1965). The bounds turn the exact binomial test round as Clopper and Pearson
did (1934), but with Robbins's mixture likelihood ratio (1970) in place of one tail: by Ville's inequality they hold at every look at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import lgamma, log, pi, sqrt

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# More than so many cases are not remembered: a strategy that breaks must not hide behind a long good past.
MEMORY = 100.0
# As of teachers (``learning/teachers.py``): no source makes up more than a quarter, or twice the fair share where sources are few.
MOST_SHARE, FAIR_TIMES = 0.25, 2.0
MAX_SOURCES = 40
_HALVINGS = 30
# What has faded to less than this share of one case is forgotten, long before its square is too small for a float.
_FORGOTTEN = 1e-6
_Z = 1.96
_log_gamma = np.frompyfunc(lgamma, 1, 1)


@dataclass(frozen=True, slots=True)
class Tally:
    """Cases of one source, faded: how many, the sum of their weights, of the weights of those that ended well, and of the squares."""

    source: str = ""
    cases: float = 0.0
    weight: float = 0.0
    good: float = 0.0
    squares: float = 0.0

    def faded(self, factor: float) -> Tally:
        """Return the tally with every case counting ``factor`` (0..1) times as much."""
        square = factor * factor
        return Tally(self.source, self.cases * factor, self.weight * factor, self.good * factor, self.squares * square)

    def with_case(self, weight: float, *, is_good: bool) -> Tally:
        """Return the tally with one more case."""
        good = self.good + weight * is_good
        return Tally(self.source, self.cases + 1.0, self.weight + weight, good, self.squares + weight * weight)


@dataclass(frozen=True, slots=True)
class Worth:
    """How many cases the evidence is worth, and the share of them that ended well."""

    cases: float = 0.0
    rate: float = 0.0


def fade(tallies: tuple[Tally, ...], age_s: float, half_life_s: float) -> tuple[Tally, ...]:
    """Return the tallies after ``age_s`` seconds in which nothing came."""
    factor = 0.5 ** (max(age_s, 0.0) / half_life_s)
    return tuple(tally.faded(factor) for tally in tallies)


def add_case(tallies: tuple[Tally, ...], source: str, weight: float, *, is_good: bool) -> tuple[Tally, ...]:
    """Return the tallies with one more case of a source: the whole fits the memory, the smallest source goes when there are too many."""
    total = sum(tally.cases for tally in tallies)
    lasting = [tally for tally in tallies if tally.cases > _FORGOTTEN]
    kept = {tally.source: tally.faded(min(1.0, (MEMORY - 1.0) / max(total, 1.0))) for tally in lasting}
    kept[source] = kept.get(source, Tally(source)).with_case(weight, is_good=is_good)
    ranked = sorted(kept.values(), key=lambda tally: (tally.source != source, -tally.cases))
    return tuple(sorted(ranked[:MAX_SOURCES], key=lambda tally: tally.source))


def worth_of(tallies: Iterable[Tally]) -> Worth:
    """Return what the cases are worth when no source makes up more than its share of them."""
    known = [tally for tally in tallies if tally.cases > _FORGOTTEN]
    if not known:
        return Worth()
    most = max(MOST_SHARE, FAIR_TIMES / len(known)) * sum(tally.cases for tally in known)
    capped = [tally.faded(min(1.0, most / tally.cases)) for tally in known]
    weight = sum(tally.weight for tally in capped)
    effective = weight * weight / sum(tally.squares for tally in capped)
    # Fading leaves the effective number as it is, the count not; the smaller of the two claims the least.
    return Worth(min(effective, sum(tally.cases for tally in capped)), sum(tally.good for tally in capped) / weight)


def is_surely_above(good: Floats, bad: Floats, shares: Sequence[Floats], level: float) -> list[Bools]:
    """Tell for each of some shares whether the lower bound of ``bounds_of`` is above it, without looking for the bound."""
    mean, needed = good / np.maximum(good + bad, 1e-12), _needed(good, bad, level)
    return [np.asarray((share < mean) & _is_refused(good, bad, share, needed)) for share in shares]


def bounds_of(good: Floats, bad: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the ends between which the true share lies at every look, but for one time in ``1 / level``."""
    needed, cases = _needed(good, bad, level), good + bad
    mean = np.where(cases > 0, good / np.maximum(cases, 1e-12), 0.5)
    return _end(good, bad, needed, (np.zeros_like(mean), mean)), _end(good, bad, needed, (np.ones_like(mean), mean))


def _needed(good: Floats, bad: Floats, level: float) -> Floats:
    """Return the likelihood below which a share is refused: the mixture over all shares, with Jeffreys's prior, is so much likelier."""
    mixed = _log_gamma(good + 0.5) + _log_gamma(bad + 0.5) - _log_gamma(good + bad + 1.0)
    return np.asarray(mixed, dtype=np.float64) - log(pi) - log(1.0 / level)


def _is_refused(good: Floats, bad: Floats, share: Floats, needed: Floats) -> Bools:
    safe = np.clip(share, 1e-12, 1.0 - 1e-12)
    return np.asarray(good * np.log(safe) + bad * np.log1p(-safe) < needed)


def _end(good: Floats, bad: Floats, needed: Floats, between: tuple[Floats, Floats]) -> Floats:
    """Return where shares begin to be refused, between an end that may be and the mean, which is not."""
    outside, inside = between
    for _ in range(_HALVINGS):
        middle = 0.5 * (outside + inside)
        refused = _is_refused(good, bad, middle, needed)
        outside, inside = np.where(refused, middle, outside), np.where(refused, inside, middle)
    return outside


@dataclass(frozen=True, slots=True)
class Credit:
    """What a strategy adds to what ends well without it, and the ends between which it lies 19 times in 20."""

    value: float
    low: float
    high: float


def credit_of(acted: Worth, untouched: Worth) -> Credit | None:
    """Return the difference of the two shares with Newcombe's interval (1998, method 10); None where either has no case."""
    if not acted.cases or not untouched.cases:
        return None
    value = acted.rate - untouched.rate
    (low_a, high_a), (low_u, high_u) = wilson(acted), wilson(untouched)
    below = sqrt((acted.rate - low_a) ** 2 + (high_u - untouched.rate) ** 2)
    above = sqrt((high_a - acted.rate) ** 2 + (untouched.rate - low_u) ** 2)
    return Credit(value, value - below, value + above)


def wilson(worth: Worth) -> tuple[float, float]:
    """Return Wilson's interval of a share at 95 % (1927)."""
    if not worth.cases:
        return 0.0, 1.0
    square = _Z * _Z / worth.cases
    middle, half = worth.rate + square / 2, _Z * sqrt(worth.rate * (1 - worth.rate) / worth.cases + square / (4 * worth.cases))
    return max(0.0, (middle - half) / (1 + square)), min(1.0, (middle + half) / (1 + square))
