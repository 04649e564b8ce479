"""What the topics hold, as the completeness check and the chaos tests read it: in the order of each partition, the first of each id.

Called by ``audit_complete.py`` and, with what targets say beside it, by the invariant checkers of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

from infra.kafka import Located, codec_of, located, messages_to_end, read_to_end
from schemas.decisions import Decision, HealingCommand
from schemas.ids import Record, id_of
from schemas.incidents import Detection, Incident, IncidentUpdate
from schemas.oversight import AuditEntry, AuditRecord, DeadLetter
from schemas.recoveries import JournalRecord, RecoveryOutcome
from schemas.topics import BY_NAME

R = TypeVar("R", bound=Record)
# What the stages said to each other, and what they said of it.
SPOKEN = ("heal.detections", "heal.incidents", "heal.decisions", "heal.lease", "recovery.commands", "recovery.journal", "recovery.outcomes")
TOLD = ("heal.deadletter", "heal.audit")


@dataclass(frozen=True, slots=True)
class Stored:
    """``events`` came in from outside, ``side`` are the ids of those that were too late or too early."""

    records: tuple[Record, ...] = ()
    events: tuple[Located, ...] = ()
    side: frozenset[str] = frozenset()
    # The first of each id by kind, found once: every check asks for the same ones.
    firsts: dict[type[Record], Mapping[str, Record]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def detections(self) -> tuple[Detection, ...]:
        """Return the detections, the first of each id."""
        return tuple(_first_in(self, Detection).values())

    @property
    def incidents(self) -> dict[str, Incident]:
        """Return the incidents by id in the order of their opening."""
        return dict(_first_in(self, Incident))

    @property
    def updates(self) -> tuple[IncidentUpdate, ...]:
        """Return what incidents were told."""
        return tuple(_first_in(self, IncidentUpdate).values())

    @property
    def decisions(self) -> dict[str, Decision]:
        """Return the decisions by id."""
        return dict(_first_in(self, Decision))

    @property
    def commands(self) -> dict[str, HealingCommand]:
        """Return the commands by id."""
        return dict(_first_in(self, HealingCommand))

    @property
    def outcomes(self) -> tuple[RecoveryOutcome, ...]:
        """Return every outcome that was written, repeated ids too."""
        return tuple(self.every(RecoveryOutcome))

    @property
    def journal(self) -> tuple[JournalRecord, ...]:
        """Return the journal, the first record of each id."""
        return tuple(_first_in(self, JournalRecord).values())

    @property
    def audit(self) -> tuple[AuditRecord, ...]:
        """Return the chain as it lies there."""
        return tuple(self.every(AuditRecord))

    @property
    def dead_places(self) -> frozenset[tuple[str, int, int]]:
        """Return where the dead letters came from."""
        return frozenset((one.origin.topic, one.origin.partition, one.origin.offset) for one in self.every(DeadLetter))

    def every(self, wanted: type[R]) -> Iterator[R]:
        """Yield every record of one kind, repeated ids too."""
        return (record for record in self.records if isinstance(record, wanted))


def _first_in(stored: Stored, wanted: type[R]) -> Mapping[str, R]:
    if wanted not in stored.firsts:
        stored.firsts[wanted] = first_by_id(stored.every(wanted))
    return cast("Mapping[str, R]", stored.firsts[wanted])


def first_by_id(records: Iterable[R]) -> Mapping[str, R]:
    """Return the first record of each id by that id: readers skip the others."""
    found: dict[str, R] = {}
    for record in records:
        found.setdefault(id_of(record), record)
    return found


def first_of_each(records: Iterable[R]) -> tuple[R, ...]:
    """Return the first record of each id."""
    return tuple(first_by_id(records).values())


def read_stored(brokers: str, events: Iterable[str], deadline_s: float = 30.0) -> Stored:
    """Read what the stages have said, and these topics of events; raises UnreachableError."""
    # Events first: what is said of them is only more when it is read later.
    came = tuple(found for topic in events for found in _located(brokers, topic, deadline_s))
    return Stored(
        records=tuple(record for topic in (*SPOKEN, *TOLD) for record in read_to_end(brokers, topic, deadline_s)),
        events=came,
        side=frozenset(id_of(record) for record in read_to_end(brokers, "heal.side", deadline_s)),
    )


def read_entries(brokers: str, deadline_s: float = 30.0) -> dict[int, AuditEntry]:
    """Return the audit entries that the notary has to chain, by their offset; raises UnreachableError."""
    found = _located(brokers, "heal.audit.entries", deadline_s)
    return {one.offset: one.record for one in found if isinstance(one.record, AuditEntry)}


def chain_records(brokers: str, hear: Callable[[str], None], deadline_s: float = 600.0) -> Iterator[AuditRecord]:
    """Yield the audit chain as its topic holds it; ``hear`` is told of what is no record of it. Raises UnreachableError."""
    codec = codec_of(brokers, [AuditRecord])
    for message in messages_to_end(brokers, "heal.audit", deadline_s):
        value = message.value()
        found = codec.decode(value if isinstance(value, bytes) else None)
        if isinstance(found, AuditRecord):
            yield found
        else:
            hear(f"offset {message.offset()}: it is no record of the chain")


def _located(brokers: str, topic: str, deadline_s: float) -> Iterator[Located]:
    codec = codec_of(brokers, BY_NAME[topic].records)
    return (located(message, codec) for message in messages_to_end(brokers, topic, deadline_s))
