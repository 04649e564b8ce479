"""What one run of the system left behind: the records of its topics, the targets' own ledgers, and the state that the targets are in.

Read by ``history_from`` after the faults have stopped; judged by the pure functions of ``invariants.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.audit_stored import Stored, read_stored
from schemas.oversight import Lease
from schemas.recoveries import JournalRecord


@dataclass(frozen=True, slots=True)
class Effect:
    """One change as the target itself wrote it down: ``key`` is the idempotency key it was given, empty when it takes none."""

    target: str
    act: str
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class History(Stored):
    """What the topics hold and what the targets say; ``images`` is, by step, the JSON text that a pre-image taken now would be."""

    effects: tuple[Effect, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    notary_key: str = ""
    checkpoint_every: int = 100

    @property
    def leases(self) -> tuple[Lease, ...]:
        """Return the leases in their order."""
        return tuple(self.every(Lease))


def runs_of(history: Stored) -> Mapping[str, Sequence[JournalRecord]]:
    """Return the journal by command, each in its order."""
    runs: dict[str, list[JournalRecord]] = {}
    for record in history.journal:
        if record.command_id:
            runs.setdefault(record.command_id, []).append(record)
    return runs


def history_from(brokers: str, notary_key: str, effects: Sequence[Effect], images: Mapping[str, str]) -> History:
    """Read everything that the checkers need from the topics."""
    stored = read_stored(brokers, ("ci.events",))
    found = (stored.records, stored.events, stored.side)
    return History(*found, effects=tuple(effects), images=tuple(sorted(images.items())), notary_key=notary_key)
