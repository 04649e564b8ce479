"""From all pattern files and people's words on them to the set in force: what acts, what only shadows, what is left out.

A pattern that stands in the shipped files word for word acts; any other one is custom and shadows until another person than its
author lets that very wording act. Called by ``streams/rules.py`` and by the ``pattern`` commands, so that both judge the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from learning.patterns.loader import Catalogue, catalogue_of
from learning.patterns.model import Pattern
from schemas.pattern_review import PatternReview, PatternState


@dataclass(frozen=True, slots=True)
class InForce:
    """The patterns that are matched, and the ids of those among them that only shadow; ``digest`` names both together."""

    catalogue: Catalogue
    shadow: frozenset[str]
    digest: str


def digest_of(pattern: Pattern) -> str:
    """Return the name of a pattern's exact wording: 32 hex digits."""
    return catalogue_of((pattern,), ()).digest


def state_of(
    pattern: Pattern, shipped: Mapping[str, Pattern], reviews: Mapping[str, PatternReview], demoted: frozenset[str] = frozenset()
) -> PatternState:
    """Return how far a pattern goes; ``reviews`` are the counted words by pattern, ``demoted`` the ids that are held back."""
    review = reviews.get(pattern.id)
    if review is not None and review.state is PatternState.DISABLED:
        # Switching off holds whatever the wording is.
        return PatternState.DISABLED
    if pattern.id in demoted:
        return PatternState.SHADOW
    if shipped.get(pattern.id) == pattern:
        return PatternState.SHADOW if review is not None and review.state is PatternState.SHADOW else PatternState.ACTING
    if review is not None and review.state is PatternState.ACTING and review.digest == digest_of(pattern):
        return PatternState.ACTING
    return PatternState.SHADOW


def in_force(
    catalogue: Catalogue, shipped: Mapping[str, Pattern], reviews: Mapping[str, PatternReview], demoted: frozenset[str] = frozenset()
) -> InForce:
    """Return the set in force of a checked catalogue."""
    states = {pattern.id: state_of(pattern, shipped, reviews, demoted) for pattern in catalogue.patterns}
    kept = tuple(pattern for pattern in catalogue.patterns if states[pattern.id] is not PatternState.DISABLED)
    shadow = frozenset(name for name, state in states.items() if state is PatternState.SHADOW)
    matched = catalogue if len(kept) == len(catalogue.patterns) else catalogue_of(kept, catalogue.families)
    named = hashlib.blake2b("\0".join((matched.digest, *sorted(shadow))).encode(), digest_size=16).hexdigest()
    return InForce(matched, shadow, named if shadow else matched.digest)
