"""What people and pipelines did within the last day, as ticks beside its bars: deployments, switches and freezes that count."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta

from console.site import views
from console.site.store import DEPLOYMENT, controls_in, switch_words
from schemas.control_words import FREEZE_PREFIX, SWITCH_PREFIX, why_not_counted
from schemas.incidents import Detection
from schemas.oversight import Control, SwitchMode
from schemas.people import People

DAY = timedelta(hours=24)
MAX_TICKS = 200


def ticks_in(base: sqlite3.Connection, people: People, now: datetime) -> list[views.Row]:
    """Return the newest ticks of the last day, the oldest first: when, what sort, and what is to be said of it."""
    recent = [word for word in (*switch_words(base), *controls_in(base, FREEZE_PREFIX)) if now - DAY < word.at <= now]
    # Only of those that are shown a signature is checked: each takes a tenth of a millisecond.
    words = [word for word in recent[-MAX_TICKS:] if why_not_counted(word, people) is None]
    found = [*_of_words(words), *(row for row in _deployments(base) if now - DAY < row[0] <= now)]
    rows = sorted(found, key=lambda row: row[0])[-MAX_TICKS:]
    return [{"at": at.isoformat(), "what": what, "text": text} for at, what, text in rows]


def _of_words(words: list[Control]) -> Iterator[tuple[datetime, str, str]]:
    for word in words:
        if word.killswitch is not None:
            scope, mode = word.key.removeprefix(SWITCH_PREFIX), word.killswitch.mode
            is_off = mode is SwitchMode.OFF
            yield word.at, "release" if is_off else "switch", f"{scope} {'goes on' if is_off else mode.value} by {word.by}"
        elif word.freeze is not None:
            is_over = word.freeze.until <= word.at
            yield word.at, "release" if is_over else "freeze", f"{word.freeze.target} {'thawed' if is_over else 'frozen'} by {word.by}"


def _deployments(base: sqlite3.Connection) -> Iterator[tuple[datetime, str, str]]:
    for _, row in views.newest(base, DEPLOYMENT, MAX_TICKS):
        if isinstance(row, Detection):
            yield row.first_at, "deployment", f"deployment on {row.target}"
