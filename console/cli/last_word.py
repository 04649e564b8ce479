"""How a command finds the incident that a person means, and says that person's signed word on it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime

from console.brake_words import override_of
from console.cli.deeds import sayer
from console.cli.people_here import people_of
from console.cli.show import home
from console.readmodel import ReadModel
from console.words import Speaker, require_right, speaker_in
from schemas.errors import NotFoundError
from schemas.oversight import Override
from schemas.people import Right


def incident_named(model: ReadModel, text: str) -> str:
    """Return the one incident whose id begins so; raises NotFoundError."""
    names = model.named(text) if text else []
    if len(names) != 1:
        why = f"{len(names)} incidents begin so" if names else "there is none"
        raise NotFoundError(f"incident {text}", why, "List them with `healstream incident list -o json`")
    return names[0]


def speaker_on_incidents(name: str, who: str) -> Speaker:
    """Return who speaks; raises DeniedError when that person may not have the last word on anything."""
    speaker = speaker_in(home(name).people, who)
    require_right(people_of(home(name)), speaker, Right.OVERRIDE)
    return speaker


def say_override(name: str, speaker: Speaker, incident: str, word: Override, *, dry: bool) -> None:
    """Sign the word with a nonce of its own and put it on the topic."""
    sayer(name, dry=dry)(override_of(incident, replace(word, nonce=secrets.token_hex(8)), speaker, datetime.now(UTC)))
