"""Reads all topics and asks whether everything in them is accounted for; called by ``healstream audit verify --complete``."""

from __future__ import annotations

from datetime import datetime, timedelta

from console.audit_complete import Window, unchained, unread, unwritten, without_one_incident
from console.audit_stored import read_entries, read_stored
from schemas.topics import BY_NAME

READ_S = 600.0
IN_TOPICS = ("ci.logs", "ci.events", "infra.metrics", "infra.health", "infra.alerts")
# Topics lose their oldest segments one after the other: of what is nearly as old as the shortest retention a part may be gone.
MARGIN = timedelta(days=1)
KEPT = timedelta(seconds=min(BY_NAME[name].retention_s for name in ("heal.incidents", "heal.decisions", "recovery.outcomes")))


def incomplete(brokers: str, now: datetime, settle: timedelta) -> list[str]:
    """Return everything that is not accounted for; what is younger than ``settle`` may still be under way.

    The entries and what is spoken of are read before what speaks of them is judged, so that nothing seems missing that is only new.
    """
    entries = read_entries(brokers, READ_S)
    stored = read_stored(brokers, IN_TOPICS, READ_S)
    window = Window(now - KEPT + MARGIN, now - settle)
    return [
        *without_one_incident(stored, window),
        *unread(stored, window),
        *unwritten(stored, window),
        *unchained(entries, stored.audit),
    ]
