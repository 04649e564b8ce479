"""A person's words on patterns as changes of the folder, each with its audit entry; pure but for the clock that the caller reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from console.pattern_files import PatternShelf, with_word, without_state
from console.words import Speaker
from learning.backtest import BackTest
from learning.patterns.model import Pattern
from learning.patterns.reviewed import digest_of
from schemas.errors import DeniedError, UsageError
from schemas.oversight import AuditEntry
from schemas.pattern_review import PatternReview, PatternState, why_not_counted
from schemas.people import People
from schemas.proposals import PROPOSER
from schemas.signing import sign


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written: the words afterwards, and the entry that tells of it."""

    reviews: tuple[PatternReview, ...]
    audit: AuditEntry


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks, among which people, and when."""

    speaker: Speaker
    people: People
    at: datetime

    def says(self, pattern: Pattern, state: PatternState, author: str, backtest: str = "") -> PatternReview:
        """Return the signed word; raises DeniedError when it would not count."""
        word = PatternReview(pattern.id, digest_of(pattern), state, author or self.speaker.name, self.speaker.name, self.at, backtest)
        signed = sign(word, self.speaker.key)
        why = why_not_counted(signed, self.people)
        if why:
            raise DeniedError(self.speaker.name, why, "Ask somebody whose role allows it")
        return signed


def wrote(shelf: PatternShelf, pattern: Pattern, voice: Voice) -> Change:
    """Return the change by which somebody becomes a pattern's author; it shadows."""
    return _change(shelf, pattern, voice.says(pattern, PatternState.SHADOW, voice.speaker.name))


def accepted(shelf: PatternShelf, pattern: Pattern, report: BackTest, voice: Voice, proposer: str = "") -> Change:
    """Return the change by which a pattern acts; raises DeniedError for its author, for no right, and for a refusing back-test.

    ``proposer`` is the author of a pattern that no word names yet.
    """
    # What is shipped has no author here; its word lifts a demotion.
    author = shelf.author_of(pattern.id) or proposer or (PROPOSER if shelf.shipped.get(pattern.id) == pattern else "")
    if not author:
        raise UsageError(f"pattern {pattern.id}", "nobody is known to have written it", "Let its author say so: `healstream pattern own`")
    if report.refused:
        raise DeniedError(f"pattern {pattern.id}", "; ".join(report.refused), "Narrow it: `healstream pattern backtest` lists the logs")
    return _change(shelf, pattern, voice.says(pattern, PatternState.ACTING, author, report.digest()))


def disabled(shelf: PatternShelf, pattern: Pattern, voice: Voice) -> Change:
    """Return the change by which a pattern, a shipped one too, is matched no more."""
    return _change(shelf, pattern, voice.says(pattern, PatternState.DISABLED, shelf.author_of(pattern.id)))


def enabled(shelf: PatternShelf, pattern: Pattern, voice: Voice) -> Change:
    """Return the change that takes back a switching off; raises UsageError when it is not off."""
    kept = without_state(shelf.reviews, pattern.id, PatternState.DISABLED)
    if len(kept) == len(shelf.reviews):
        raise UsageError(f"pattern {pattern.id}", "it is not switched off", "See `healstream pattern get`")
    return Change(kept, AuditEntry(voice.speaker.name, "pattern.enabled", pattern.id, voice.at))


def _change(shelf: PatternShelf, pattern: Pattern, word: PatternReview) -> Change:
    details = (("author", word.author), ("backtest", word.backtest), ("wording", word.digest))
    return Change(with_word(shelf.reviews, word), AuditEntry(word.by, f"pattern.{word.state}", pattern.id, word.at, details))
