"""A person's answer to "was this right?" as one deed for the command line and the page: from rights to the signed word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from console.configuration import load_people
from console.feedback_words import feedback_of, right_to_teach, said_of
from console.home import Home
from console.readmodel import IncidentView
from console.words import require_right, speaker_in
from schemas.errors import UsageError
from schemas.ids import Record


@dataclass(frozen=True, slots=True)
class Typed:
    """An answer as it was typed: ``is_right`` is None where neither was said, ``kind`` empty where none was named."""

    is_right: bool | None
    kind: str = ""
    note: str = ""
    is_action_wrong: bool = False


def teach(place: Home, who: str, found: Callable[[], tuple[str, IncidentView]], typed: Typed, say: Callable[[Record], None]) -> str:
    """Say a person's signed answer and return what was said; raises DeniedError, NotFoundError, UsageError or UnreachableError."""
    speaker, people = speaker_in(place.people, who), load_people(place.config)
    # Who may not is told so before the topics are read.
    require_right(people, speaker, right_to_teach(people, speaker.name))
    name, view = found()
    incident = view.incident
    acted = acted_by(view)
    if typed.is_action_wrong and not acted:
        raise UsageError(f"incident {name[:12]}", "nothing was done about it", "Say whether the kind is right")
    action = acted if typed.is_action_wrong else ""
    said = said_of(is_right=typed.is_right, kind=typed.kind, note=typed.note, judged=incident.kind, wrong_action=action)
    say(feedback_of(name, said, speaker, datetime.now(UTC)))
    verdict = f"wrong action, {action}," if action else "right" if said.is_right else "wrong"
    return f"{speaker.name} says {verdict} of {incident.kind} on {incident.target}"


def acted_by(view: IncidentView) -> str:
    """Return the strategy that an executor carried out last; empty when nothing was done."""
    return next((row.strategy or "" for row in reversed(view.outcomes) if row.command_id and row.steps), "")
