"""What a run left behind, as the judge reads it: topics with the times of their append, audit, and the targets' own records.

Nothing here is taken from a stage's memory. A journal record's time is that of its append, since a worker's own clock may be wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from console.audit_stored import SPOKEN
from infra.kafka import Located
from schemas.avro_codec import Undecodable
from schemas.decisions import HealingCommand
from schemas.ids import Record, id_of
from schemas.oversight import Control, Lease
from schemas.policy import Policy
from schemas.recoveries import JournalRecord, RecoveryOutcome
from schemas.services import Services
from schemas.signing import is_signed_by, public_text
from tests.sim.failures import SECRET
from tests.sim.log import Log
from tests.sim.plan import Plan
from tests.sim.play import Played
from tests.sim.services import CONFIGURED, SERVICES
from tests.sim.world import LITERAL
from tests.support.history import History
from tests.support.memory_flow import ADMIT_KEY, CHECKPOINT_EVERY, NOTARY_KEY

WRITTEN_BY_OTHERS = ("ci.logs", "ci.events", "infra.metrics", "infra.health", "infra.alerts")
READ_BY_US = (*WRITTEN_BY_OTHERS, "heal.control", "recovery.commands")
Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Timed:
    """A record and when its topic got it."""

    record: Record
    at: datetime


@dataclass(frozen=True, slots=True)
class Witness:
    """All that is judged. ``unread`` and ``forged`` are places that must have a dead letter; ``written`` is every byte that we wrote."""

    plan: Plan
    history: History
    policy: Policy
    services: Services
    controls: tuple[Timed, ...]
    leases: tuple[Timed, ...]
    commands: tuple[Timed, ...]
    outcomes: tuple[Timed, ...]
    stop_files: tuple[tuple[datetime, datetime], ...]
    unread: tuple[Place, ...]
    written: tuple[tuple[str, bytes], ...]
    secrets: tuple[str, ...]
    quiet_s: float


def witness_of(played: Played) -> Witness:
    """Read what a run left behind."""
    world = played.world
    log = world.log
    live = json.dumps({"hash": sha256(world.targets.live).hexdigest()})
    history = History(
        records=tuple(_spoken(log)),
        events=tuple(_located(log, "ci.events")),
        side=frozenset(id_of(record) for record, _ in _rows(log, "heal.side")),
        effects=tuple(world.targets.effects),
        images=((f"write:{CONFIGURED}", live),),
        notary_key=public_text(NOTARY_KEY),
        checkpoint_every=CHECKPOINT_EVERY,
    )
    timed = {kind: tuple(Timed(*row) for row in _of(log, topic, kind)) for topic, kind in _TIMED.items()}
    return Witness(
        plan=world.plan,
        history=history,
        policy=world.policy,
        services=SERVICES,
        controls=timed[Control],
        leases=timed[Lease],
        commands=tuple(row for row in timed[HealingCommand] if _is_admits(row.record)),
        outcomes=timed[RecoveryOutcome],
        stop_files=tuple(world.stop_files),
        unread=tuple(_unread(log)),
        written=tuple(_written(log)),
        secrets=(SECRET, LITERAL),
        quiet_s=played.quiet_s,
    )


_TIMED: Mapping[str, type[Record]] = {
    "heal.control": Control,
    "heal.lease": Lease,
    "recovery.commands": HealingCommand,
    "recovery.outcomes": RecoveryOutcome,
}


def _rows(log: Log, topic: str) -> Iterator[tuple[Record, datetime]]:
    for name, partition in sorted(log.rows):
        if name == topic:
            for record, row in zip(log.known(topic, partition), log.rows[topic, partition], strict=True):
                if not isinstance(record, Undecodable):
                    yield record, row.at


def _of(log: Log, topic: str, kind: type[Record]) -> Iterator[tuple[Record, datetime]]:
    return (row for row in _rows(log, topic) if isinstance(row[0], kind))


def _spoken(log: Log) -> Iterator[Record]:
    for topic in (*SPOKEN, "heal.deadletter", "heal.audit"):
        for record, at in _rows(log, topic):
            if isinstance(record, JournalRecord):
                yield replace(record, at=at)
            elif not isinstance(record, HealingCommand) or _is_admits(record):
                yield record


def _is_admits(record: Record) -> bool:
    return isinstance(record, HealingCommand) and is_signed_by(record, public_text(ADMIT_KEY))


def _located(log: Log, topic: str) -> Iterator[Located]:
    for partition in range(log.partitions_of(topic)):
        for offset, record in enumerate(log.known(topic, partition)):
            yield Located(record, topic, partition, offset)


def _unread(log: Log) -> Iterator[Place]:
    """Yield the places of records that nobody can use: bytes that are none of ours, and orders that are not admit's."""
    for topic in READ_BY_US:
        for found in _located(log, topic):
            is_forged = isinstance(found.record, HealingCommand) and not _is_admits(found.record)
            if isinstance(found.record, Undecodable) or is_forged:
                yield topic, found.partition, found.offset


def _written(log: Log) -> Iterator[tuple[str, bytes]]:
    for (topic, _), rows in log.rows.items():
        if topic not in WRITTEN_BY_OTHERS:
            yield from ((topic, row.raw or b"") for row in rows)
    for (topic, _), table in log.tables.items():
        yield from ((topic, text.encode()) for text in table.values())
