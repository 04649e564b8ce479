"""An audit chain with everything by which it can be checked: the records, the notary's stored head, and what was published elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.audit_checkpoints import compare
from console.audit_reading import Checkpoint, Reading
from schemas.outputs import Emit, Place
from schemas.oversight import AuditEntry, AuditRecord
from schemas.signing import private_key_from, public_text, sign_bytes
from streams.notary import GENESIS, Notary, NotaryRules, hash_of
from tests.support.records import AT

NOTARY = private_key_from(bytes(range(32)))
STRANGER = private_key_from(bytes(range(1, 33)))
PUBLIC = public_text(NOTARY)
COUNT = 350
NOW = AT + timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Evidence:
    """``head`` is None when the notary has stored none."""

    records: tuple[AuditRecord, ...]
    published: tuple[Checkpoint, ...]
    head: str | None

    def with_records(self, records: Sequence[AuditRecord]) -> Evidence:
        """Return the evidence with other records in the topic."""
        return replace(self, records=tuple(records))


def entry(number: int) -> AuditEntry:
    """Return an entry with something in every field."""
    details = (("attempt", "1"), ("reason", f"café {number}"))
    evidence = (f"a{number:031x}", f"b{number:031x}")
    return AuditEntry(
        "decide", "decision.heal", f"incident-{number}", AT + timedelta(minutes=number), details, evidence, f"00-{number:032x}"
    )


@cache
def good_evidence() -> Evidence:
    """Return a chain that is right in everything."""
    owner, records = Notary.from_state({}, NotaryRules(NOTARY)), list[AuditRecord]()
    for number in range(COUNT):
        for output in owner.on_event(entry(number), Place("heal.audit.entries", 0, 3 * number), AT):
            assert isinstance(output, Emit)
            assert isinstance(output.record, AuditRecord)
            records.append(output.record)
    reading = read(records)
    return Evidence(tuple(records), tuple(reading.checkpoints.values()), owner.snapshot()["head"])


def read(records: Sequence[AuditRecord]) -> Reading:
    """Read records as the topic's."""
    reading = Reading(PUBLIC, None)
    for record in records:
        reading.take(record)
    return reading


def faults_of(evidence: Evidence, now: datetime = NOW) -> list[str]:
    """Return what ``audit verify --checkpoints`` says."""
    reading = read(evidence.records)
    return [
        *reading.said(),
        *reading.against_head(evidence.head, evidence.head),
        *compare(evidence.published, reading, PUBLIC, now),
    ]


def chained(records: Sequence[AuditRecord], key: Ed25519PrivateKey | None, start: str = GENESIS, first: int = 0) -> list[AuditRecord]:
    """Return the entries of these records as a chain of its own: numbered, hashed and, with a key, signed anew."""
    found, previous = list[AuditRecord](), start
    for number, record in enumerate(records, first):
        fresh = replace(record, sequence=number, previous_hash=previous)
        fresh = replace(fresh, hash=hash_of(fresh))
        if key is not None:
            fresh = replace(fresh, checkpoint=sign_bytes(fresh.hash.encode(), key) if (number + 1) % 100 == 0 else "")
        found.append(fresh)
        previous = fresh.hash
    return found
