"""Notice that a stream of yes-or-no observations says yes more often than it used to: a cumulative sum whose state is plain data.

Asked by ``streams/drift_watch.py`` on inputs and labels, and by ``streams/demotions.py`` on what strategies achieve.

A watch first learns its usual share over ``warm_up`` observations, then adds up log likelihood ratios of a raised share against the
usual one (Page, 1954) and says drift at ``bound``. While the usual share is as learned, one false alarm comes in at least e**bound
observations on average (Lorden, 1971); the usual share is taken at its upper 90 % bound, so that a lucky warm-up does not break that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log, sqrt

_Z = 1.2816
_LEAST, _MOST = 0.01, 0.9


@dataclass(frozen=True, slots=True)
class WatchRules:
    """How soon a watch speaks: ``rise`` is the least rise of the share (0..1) that matters, ``bound`` the evidence (nats) that is asked.

    ``warm_up`` observations teach the usual share; ``expected`` stands in for it until then, None watches nothing until then.
    """

    rise: float = 0.15
    bound: float = 9.0
    warm_up: int = 100
    expected: float | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """The state of one stream: observations and yeses of the warm-up, the sum of evidence, and drifts said so far."""

    seen: int = 0
    yes: int = 0
    evidence: float = 0.0
    drifts: int = 0

    def usual(self, rules: WatchRules) -> float | None:
        """Return the share that is usual, None while nobody knows it."""
        if self.seen < rules.warm_up:
            return rules.expected
        return min(max(upper_bound(self.yes, self.seen), _LEAST), _MOST)


def observe(watch: Watch, said_yes: bool, rules: WatchRules) -> tuple[Watch, bool]:
    """Return the watch after one observation, and whether it is drift; after a drift what is usual is learned anew."""
    usual = watch.usual(rules)
    is_warm = watch.seen >= rules.warm_up
    learned = watch if is_warm else replace(watch, seen=watch.seen + 1, yes=watch.yes + said_yes)
    if usual is None:
        return learned, False
    raised = min(usual + rules.rise, 1.0 - _LEAST / 2)
    step = log(raised / usual) if said_yes else log((1.0 - raised) / (1.0 - usual))
    evidence = max(0.0, watch.evidence + step)
    if evidence < rules.bound:
        return replace(learned, evidence=round(evidence, 6)), False
    return Watch(drifts=watch.drifts + 1), True


def upper_bound(hits: int, n: int) -> float:
    """Return Wilson's one-sided upper bound at 90 %."""
    share, square = hits / n, _Z * _Z
    return (share + square / (2 * n) + _Z * sqrt(share * (1 - share) / n + square / (4 * n * n))) / (1 + square / n)


@dataclass(frozen=True, slots=True)
class Familiar:
    """What is usual among named things (patterns): counts of at most ``MAX_NAMES`` names while it is learned, then fixed."""

    counts: tuple[tuple[str, int], ...] = ()
    n: int = 0

    def knows(self, name: str) -> bool:
        """Tell whether a name was among those seen while learning."""
        return any(known == name for known, _ in self.counts)

    def learn(self, name: str) -> Familiar:
        """Return it with one more name; when there are too many the rarest goes."""
        counts = dict(self.counts)
        counts[name] = counts.get(name, 0) + 1
        if len(counts) > MAX_NAMES:
            del counts[min(counts, key=lambda known: (counts[known], known))]
        return Familiar(tuple(sorted(counts.items())), self.n + 1)


MAX_NAMES = 200
