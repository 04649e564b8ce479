"""A history whose times are right although its writers' clocks were not: what was stamped hours off a run of minutes is moved into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from schemas.ids import Record
from schemas.incidents import Incident
from schemas.oversight import Lease
from schemas.recoveries import JournalRecord, RecoveryOutcome
from tests.support.history import History

HOUR = timedelta(hours=1)
# The times that invariants compare; no id holds one of them.
TIMES: Mapping[type[Record], tuple[str, ...]] = {
    JournalRecord: ("at",),
    RecoveryOutcome: ("finished_at", "verified_at"),
    Incident: ("detected_at",),
    Lease: ("at",),
}


def true_times(history: History, about: datetime) -> History:
    """Return the history with each time moved by whole hours to within half an hour of ``about``."""
    return replace(history, records=tuple(_set_right(record, about) for record in history.records))


def _set_right(record: Record, about: datetime) -> Record:
    found: dict[str, Any] = {}
    for name in TIMES.get(type(record), ()):
        at = getattr(record, name)
        if at is not None and (hours := round((at - about) / HOUR)):
            found[name] = at - hours * HOUR
    return replace(record, **found) if found else record  # type: ignore[type-var] # every record is a dataclass
