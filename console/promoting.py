"""A person's promotion of a model as one deed: from the right to the signed word; learn judges it again by the same rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from console.configuration import load_people
from console.home import Home
from console.model_words import ModelShelf, promotion_of
from console.words import require_right, speaker_in
from schemas.ids import Record
from schemas.people import Right


def promote(place: Home, who: str, shelf: Callable[[], ModelShelf], version: str, say: Callable[[Record], None]) -> str:
    """Let a version act and return what was said; raises DeniedError, NotFoundError, UsageError or UnreachableError."""
    speaker, people = speaker_in(place.people, who), load_people(place.config)
    # Who may not is told so before the topic is read.
    require_right(people, speaker, Right.PROMOTE_MODEL)
    found = shelf()
    name = found.named(version)
    say(promotion_of(found, name, speaker, people, datetime.now(UTC)))
    return f"{name}: promoted by {speaker.name}; workers take it up within seconds, `healstream model rollback` goes back"
