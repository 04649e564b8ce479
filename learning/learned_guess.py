"""Name a failure from the model alone, where no pattern speaks: calibrated on labels that were scored before they were learned.

``classification.py`` asks ``guess_kind``; ``challenger.py`` fits a ``Naming`` when it proposes. A kind named so never acts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, sqrt

from schemas.vocabulary import Group, Kind, group_of

# Fewer labels than this say too little of how far the model may be trusted.
MIN_SCORED = 40
MAX_KNOTS = 12
_MIN_A_KNOT = 10
# Wilson's lower bound, one-sided 90 %, on the share of right names at and above the threshold.
_Z = 1.2816
_LEAST_RIGHT = 0.5
# Of what is named infrastructure so little may be the change's own fault; of fewer than fifty, none.
_MOST_HARM = 0.02
# What is new may be a change's own fault in words never seen: infrastructure is named only where this much has been seen before.
# Logs that were taught come at 1.0, four of five of a tool family that has just entered below 0.9.
INFRA_FAMILIARITY = 0.9
# Above every share: never.
NEVER = 1.01
# How much more is asked of a name, in small steps first: a champion's own names are lost to a step that is too large.
_MORE_INFRA = (0.0, 0.02, 0.05, 0.1, 0.15, 0.25, 0.4, NEVER)
_MORE_CODE = (0.0, 0.05, 0.15, NEVER)


@dataclass(frozen=True, slots=True)
class Naming:
    """How far a model's own guess is trusted.

    ``knots`` are pairs (share of the likeliest kind, share of such guesses that was right), rising in both. Below ``code`` no code
    failure is named, below ``infra`` no infrastructure failure: that asks for more, because it may hide a change's own fault. All are
    0..1, or ``NEVER``.
    """

    knots: tuple[tuple[float, float], ...]
    code: float
    infra: float

    def threshold(self, kind: Kind) -> float:
        """Return the least share at which a kind is named."""
        return self.infra if group_of(kind) is Group.INFRA else self.code

    def confidence(self, share: float) -> float:
        """Return the share of right names, 0..1, among labelled guesses like this one; straight lines between the knots."""
        below = [knot for knot in self.knots if knot[0] <= share]
        above = [knot for knot in self.knots if knot[0] > share]
        if not below or not above:
            return self.knots[-1 if below else 0][1]
        (low, first), (high, second) = below[-1], above[0]
        return round(first + (second - first) * (share - low) / (high - low), 4)


@dataclass(frozen=True, slots=True)
class LearnedGuess:
    """A kind that only the model names, with its calibrated confidence, and why in words."""

    kind: Kind
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A guess on a failure before its label was learned: the likeliest kind, its share of what is familiar 0..1, and the label."""

    guess: Kind
    share: float
    label: Kind

    @property
    def is_right(self) -> bool:
        """Tell whether the guess is the label."""
        return self.guess is self.label

    @property
    def is_harm(self) -> bool:
        """Tell whether the change's own fault would be called an infrastructure failure."""
        return group_of(self.label) is not Group.INFRA and group_of(self.guess) is Group.INFRA


def likeliest(guesses: Mapping[Kind, float], familiarity: float) -> tuple[Kind, float]:
    """Return the likeliest kind, of equals the last by name, and its share of what is familiar."""
    kind, share = max(guesses.items(), key=lambda pair: (pair[1], pair[0]))
    return kind, round(share * familiarity, 4)


def guess_kind(naming: Naming | None, guesses: Mapping[Kind, float], familiarity: float) -> LearnedGuess | None:
    """Return what the model names, or None: without a naming (the shipped model has none), or below its threshold.

    ``familiarity`` (0..1) is how much of the failure the model has ever seen: what is new to it is not named by the little that is not.
    """
    if naming is None or not guesses:
        return None
    kind, share = likeliest(guesses, familiarity)
    if share < naming.threshold(kind) or (group_of(kind) is Group.INFRA and familiarity < INFRA_FAMILIARITY):
        return None
    confidence = naming.confidence(share)
    return LearnedGuess(
        kind, confidence, f"no pattern speaks; the promoted model names {kind}, right in {confidence:.0%} of labelled guesses like it"
    )


def careful_namings(naming: Naming | None) -> Iterator[Naming | None]:
    """Yield the naming, then ones that name less and less: the fewest steps first, infrastructure before code, never nothing at all."""
    yield naming
    if naming is None:
        return
    steps = sorted(product(range(len(_MORE_INFRA)), range(len(_MORE_CODE))), key=lambda step: (sum(step), step[1]))
    known = {(naming.code, naming.infra)}
    for infra_step, code_step in steps:
        limits = (_raised(naming.code, _MORE_CODE[code_step]), _raised(naming.infra, _MORE_INFRA[infra_step]))
        if limits not in known and min(limits) < NEVER:
            known.add(limits)
            yield Naming(naming.knots, *limits)


def _raised(limit: float, step: float) -> float:
    return NEVER if limit + step > 1.0 else round(limit + step, 4)


def fit_naming(scored: Sequence[Scored]) -> Naming | None:
    """Return knots and thresholds fitted on scored guesses; None when they are too few, or too often wrong at every threshold."""
    if len(scored) < MIN_SCORED:
        return None
    ordered = sorted(scored, key=lambda row: (-row.share, row.guess, row.label))
    infra = [row for row in ordered if group_of(row.guess) is Group.INFRA]
    code = [row for row in ordered if group_of(row.guess) is not Group.INFRA]
    naming = Naming(_knots(ordered[::-1]), _least_share(code), _least_share(infra))
    return naming if min(naming.code, naming.infra) < NEVER else None


def _least_share(falling: Sequence[Scored]) -> float:
    """Return the least share at and above which guesses are right often enough and seldom harm."""
    least, right, harm = NEVER, 0, 0
    for n, row in enumerate(falling, start=1):
        right, harm = right + row.is_right, harm + row.is_harm
        is_last_of_share = n == len(falling) or falling[n].share < row.share
        if n >= _MIN_A_KNOT and is_last_of_share and harm <= _MOST_HARM * n and _lower_bound(right, n) >= _LEAST_RIGHT:
            # Rounded up, so that what was left out stays out.
            least = ceil(row.share * 1e4) / 1e4
    return least


def _lower_bound(right: int, n: int) -> float:
    share, square = right / n, _Z * _Z
    return (share + square / (2 * n) - _Z * sqrt(share * (1 - share) / n + square / (4 * n * n))) / (1 + square / n)


def _knots(rising: Sequence[Scored]) -> tuple[tuple[float, float], ...]:
    """Return the mean share and the smoothed share of right ones in bins of equal count, pooled until both rise."""
    size = max(_MIN_A_KNOT, -(-len(rising) // MAX_KNOTS))
    pools: list[tuple[int, float, float]] = []
    for start in range(0, len(rising), size):
        rows = rising[start : start + size]
        # One right and one wrong are added, so that no bin claims certainty.
        pools.append((len(rows), sum(row.share for row in rows), sum(row.is_right for row in rows)))
        while len(pools) > 1 and _right(pools[-2]) >= _right(pools[-1]):
            last, before = pools.pop(), pools.pop()
            pools.append((last[0] + before[0], last[1] + before[1], last[2] + before[2]))
    return tuple((round(share / n, 4), round(_right((n, share, right)), 4)) for n, share, right in pools)


def _right(pool: tuple[int, float, float]) -> float:
    return (pool[2] + 1.0) / (pool[0] + 2.0)
