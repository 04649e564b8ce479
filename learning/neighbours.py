"""Which kind of failure new lines look like: the patterns whose example lines are nearest by hashed words and pairs of words.

Called by ``proposing.py`` when a pattern is proposed. A suggestion decides nothing: a person takes it or names another kind.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import log, sqrt

from learning.features import feature_index, mask_tokens
from learning.patterns.model import Pattern
from schemas.proposals import Neighbour
from schemas.vocabulary import Kind

MAX_NEIGHBOURS = 5
# Below this a line shares no more with another than any two failures do.
NEAR = 0.35
# Of what is near so much must speak for one kind. With both, of the shipped patterns each judged by all others four in ten get a
# suggestion, and of ten suggestions seven are right.
_MAJORITY = 0.6
_HASHES_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The kind that the nearest patterns speak for, None when none is near or they disagree; ``confidence`` is 0..1."""

    kind: Kind | None
    confidence: float
    neighbours: tuple[Neighbour, ...]


class Neighbourhood:
    """The example lines of all patterns as hashed features of unit length, a megabyte for a thousand patterns."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        """Read every example once."""
        index_of = lru_cache(_HASHES_KEPT)(feature_index)
        found = [(pattern, _counts([example], index_of)) for pattern in patterns for example in pattern.examples]
        seen: Counter[int] = Counter()
        for _, counts in found:
            seen.update(counts.keys())
        self._rarity = {index: log(1 + len(found) / n) for index, n in seen.items()}
        # What no pattern says makes a line less like all of them, but a new tool's own name must not drown what it says.
        self._unknown = max(self._rarity.values(), default=1.0) / 2
        self._known = [(pattern.id, pattern.kind, *self._packed(counts)) for pattern, counts in found]

    def suggest(self, lines: Sequence[str], without: str = "") -> Suggestion:
        """Return what the patterns nearest to the lines say; ``without`` is one that is not asked."""
        asked = dict(self._weighed(_counts(lines, feature_index)))
        near: dict[str, Neighbour] = {}
        for name, kind, indices, weights in self._known:
            similarity = round(sum(asked.get(index, 0.0) * weight for index, weight in zip(indices, weights, strict=True)), 4)
            if similarity >= NEAR and name != without and (name not in near or similarity > near[name].similarity):
                near[name] = Neighbour(name, kind, min(similarity, 1.0))
        return _suggestion(tuple(sorted(near.values(), key=lambda one: (-one.similarity, one.pattern))[:MAX_NEIGHBOURS]))

    def _packed(self, counts: Mapping[int, int]) -> tuple[array[int], array[float]]:
        pairs = list(self._weighed(counts))
        return array("l", [index for index, _ in pairs]), array("f", [weight for _, weight in pairs])

    def _weighed(self, counts: Mapping[int, int]) -> Iterator[tuple[int, float]]:
        weights = {index: (1 + log(n)) * self._rarity.get(index, self._unknown) for index, n in counts.items()}
        length = sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return ((index, weight / length) for index, weight in weights.items())


def _suggestion(nearest: tuple[Neighbour, ...]) -> Suggestion:
    votes: dict[Kind, float] = defaultdict(float)
    for one in nearest:
        # By the square: one that is near says more than two that are far.
        votes[one.kind] += one.similarity * one.similarity
    if not votes:
        return Suggestion(None, 0.0, ())
    kind, most = max(votes.items(), key=lambda vote: (vote[1], vote[0]))
    share = most / sum(votes.values())
    if share < _MAJORITY:
        return Suggestion(None, 0.0, nearest)
    best = max(one.similarity for one in nearest if one.kind is kind)
    return Suggestion(kind, round(share * best, 4), nearest)


def _counts(lines: Iterable[str], index_of: Callable[[str], int]) -> Counter[int]:
    found: Counter[int] = Counter()
    for line in lines:
        tokens = mask_tokens(line)
        found.update(index_of(f"t:{token}") for token in tokens)
        found.update(index_of(f"n:{first} {second}") for first, second in pairwise(tokens))
    return found
