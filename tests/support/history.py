"""What one run of the system left behind: the records of its topics, the targets' own ledgers, and the state that the targets are in.

Read by ``history_from`` after the faults have stopped; judged by the pure functions of ``invariants.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from infra.kafka import Located, located, messages_to_end, read_to_end
from schemas.avro_codec import Codec
from schemas.decisions import Decision, HealingCommand
from schemas.ids import Record, id_of
from schemas.incidents import Detection, Incident, IncidentUpdate
from schemas.oversight import AuditRecord, DeadLetter, Lease
from schemas.recoveries import JournalRecord, RecoveryOutcome
from schemas.topics import BY_NAME

R = TypeVar("R", bound=Record)
SPOKEN = ("heal.detections", "heal.incidents", "heal.decisions", "heal.lease", "recovery.commands", "recovery.journal", "recovery.outcomes")


@dataclass(frozen=True, slots=True)
class Effect:
    """One change as the target itself wrote it down: ``key`` is the idempotency key it was given, empty when it takes none."""

    target: str
    act: str
    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """``records`` in the order of each partition; ``images`` holds, by step, the JSON text that a pre-image taken now would be."""

    records: tuple[Record, ...] = ()
    events: tuple[Located, ...] = ()
    side: frozenset[str] = frozenset()
    effects: tuple[Effect, ...] = ()
    images: tuple[tuple[str, str], ...] = ()
    notary_key: str = ""
    checkpoint_every: int = 100

    @property
    def detections(self) -> tuple[Detection, ...]:
        """Return the detections, the first of each id."""
        return first_of_each(self._all(Detection))

    @property
    def incidents(self) -> dict[str, Incident]:
        """Return the incidents by id in the order of their opening."""
        return {id_of(one): one for one in first_of_each(self._all(Incident))}

    @property
    def updates(self) -> tuple[IncidentUpdate, ...]:
        """Return what incidents were told."""
        return first_of_each(self._all(IncidentUpdate))

    @property
    def decisions(self) -> dict[str, Decision]:
        """Return the decisions by id."""
        return {id_of(one): one for one in first_of_each(self._all(Decision))}

    @property
    def commands(self) -> dict[str, HealingCommand]:
        """Return the commands by id."""
        return {id_of(one): one for one in first_of_each(self._all(HealingCommand))}

    @property
    def outcomes(self) -> tuple[RecoveryOutcome, ...]:
        """Return every outcome that was written, repeated ids too."""
        return tuple(self._all(RecoveryOutcome))

    @property
    def journal(self) -> tuple[JournalRecord, ...]:
        """Return the journal, the first record of each id."""
        return first_of_each(self._all(JournalRecord))

    @property
    def leases(self) -> tuple[Lease, ...]:
        """Return the leases in their order."""
        return tuple(self._all(Lease))

    @property
    def audit(self) -> tuple[AuditRecord, ...]:
        """Return the chain as it lies there."""
        return tuple(self._all(AuditRecord))

    @property
    def dead_places(self) -> frozenset[tuple[str, int, int]]:
        """Return where the dead letters came from."""
        return frozenset((one.origin.topic, one.origin.partition, one.origin.offset) for one in self._all(DeadLetter))

    def _all(self, wanted: type[R]) -> Iterator[R]:
        return (record for record in self.records if isinstance(record, wanted))


def first_of_each(records: Iterable[R]) -> tuple[R, ...]:
    """Return the first record of each id: readers skip the others."""
    found: dict[str, R] = {}
    for record in records:
        found.setdefault(id_of(record), record)
    return tuple(found.values())


def runs_of(history: History) -> Mapping[str, Sequence[JournalRecord]]:
    """Return the journal by command, each in its order."""
    runs: dict[str, list[JournalRecord]] = {}
    for record in history.journal:
        if record.command_id:
            runs.setdefault(record.command_id, []).append(record)
    return runs


def history_from(brokers: str, notary_key: str, effects: Sequence[Effect], images: Mapping[str, str]) -> History:
    """Read everything that the checkers need from the topics."""
    codec = Codec(BY_NAME["ci.events"].records)
    topics = (*SPOKEN, "heal.deadletter", "heal.audit")
    return History(
        records=tuple(record for topic in topics for record in read_to_end(brokers, topic)),
        events=tuple(located(message, codec) for message in messages_to_end(brokers, "ci.events")),
        side=frozenset(id_of(record) for record in read_to_end(brokers, "heal.side")),
        effects=tuple(effects),
        images=tuple(sorted(images.items())),
        notary_key=notary_key,
    )
