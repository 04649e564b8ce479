"""How far a pattern goes: people's signed words on single patterns, published with them, and the demotions that only a later word lifts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from schemas.ids import Identified, IdPart
from schemas.people import People, Right
from schemas.signing import is_said_by


class PatternState(StrEnum):
    """How far a pattern goes: ``shadow`` is matched and shown but decides nothing, ``disabled`` is not matched at all."""

    SHADOW = "shadow"
    ACTING = "acting"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class PatternReview(Identified):
    """A person's word on one pattern in one wording.

    ``digest`` names the wording that was looked at (``learning.patterns.reviewed.digest_of``): of another wording the word says
    nothing. ``author`` wrote it, ``by`` says the word; ``backtest`` is the digest of the report that was seen, empty when none was.
    """

    RECORD: ClassVar[str] = "PatternReview"

    pattern: str
    digest: str
    state: PatternState
    author: str
    by: str
    at: datetime
    backtest: str = ""
    signature: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.pattern, self.digest, self.state, self.by, self.at)


@dataclass(frozen=True, slots=True)
class PatternDemotion(Identified):
    """A pattern hit too many successful runs: in every worker it only shadows, until a person lets it act again, later than ``at``.

    ``green`` of the last ``runs`` successful runs were hit. It lowers only, so nobody's key is needed.
    """

    RECORD: ClassVar[str] = "PatternDemotion"

    pattern: str
    at: datetime
    green: int
    runs: int
    why: str

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.pattern, self.at)


def why_not_counted(review: PatternReview, people: People) -> str | None:
    """Return why a word on a pattern does not count, None when it does."""
    if not is_said_by(review, review.by, people):
        return "not signed by a person of people.yaml"
    if review.state is not PatternState.ACTING:
        return None if people.may(review.by, Right.EDIT_PATTERN) else f"{review.by} has no right to {Right.EDIT_PATTERN}"
    if not people.may(review.by, Right.PROMOTE_MODEL):
        return f"{review.by} has no right to {Right.PROMOTE_MODEL}"
    if review.by == review.author or not review.author:
        return "a pattern acts by the word of another person than its author"
    return None if review.backtest else "a pattern acts only after a back-test"


def counted_reviews(reviews: Iterable[PatternReview], people: People) -> Mapping[str, PatternReview]:
    """Return the latest counted word on each pattern; of two at the same time the later in order."""
    found: dict[str, PatternReview] = {}
    for review in reviews:
        known = found.get(review.pattern)
        if why_not_counted(review, people) is None and (known is None or review.at >= known.at):
            found[review.pattern] = review
    return found


def held_back(demotions: Iterable[PatternDemotion], reviews: Mapping[str, PatternReview]) -> frozenset[str]:
    """Return the patterns that are demoted now; ``reviews`` are the counted words by pattern."""
    return frozenset(row.pattern for row in demotions if not _is_lifted(row, reviews.get(row.pattern)))


def _is_lifted(demotion: PatternDemotion, review: PatternReview | None) -> bool:
    return review is not None and review.state is PatternState.ACTING and review.at > demotion.at
