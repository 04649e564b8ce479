"""How fast the audit chain is verified: records as they lie in the topic, Avro and all, and the lines of an export; processor time."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from console.audit_export import Span, export, verify_file
from console.audit_reading import Reading
from schemas.avro_codec import Codec
from schemas.outputs import Emit, Place
from schemas.oversight import AuditEntry, AuditRecord
from schemas.signing import private_key_from, public_text
from streams.notary import BEGINNING, Notary, NotaryRules
from tests.bench.figures import Figure, at_least

RECORDS = 20_000
FEWEST_PER_S = 20_000.0
KEY = private_key_from(bytes(range(32)))
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def entry(number: int) -> AuditEntry:
    """Return an entry as decide writes one: the longest of the frequent ones."""
    name = f"{number:032x}"
    details = (
        ("attempt", "1"),
        ("decision_id", name),
        ("reason", "rollout: the strategy only observes here"),
        ("risk", "12.50"),
        ("strategy", "service_restart"),
        ("target", "service:web"),
        ("tier", "low"),
    )
    return AuditEntry("decide", "decision.observe", name, BEGAN + timedelta(seconds=number), details, (name,), f"00-{name}-{name[:16]}-01")


def chain() -> list[AuditRecord]:
    """Return the chain that the notary makes of so many entries."""
    owner, found = Notary.from_state({}, NotaryRules(KEY)), list[AuditRecord]()
    for number in range(RECORDS):
        outputs = owner.on_event(entry(number), Place("heal.audit.entries", 0, number), BEGAN)
        found += [output.record for output in outputs if isinstance(output, Emit) and isinstance(output.record, AuditRecord)]
    return found


def topic_rate(records: list[AuditRecord]) -> float:
    """Return how many records a second are decoded and verified; raises SystemExit when the check finds what is not there."""
    codec, reading = Codec([AuditRecord]), Reading(public_text(KEY), BEGINNING)
    raws = [codec.encode(record) for record in records]
    began = time.process_time()
    for raw in raws:
        record = codec.decode(raw)
        if isinstance(record, AuditRecord):
            reading.take(record)
    took = time.process_time() - began
    if reading.records != RECORDS or reading.faulty:
        raise SystemExit(f"{reading.records} records, {reading.said()}")
    return RECORDS / took


def file_rate(records: list[AuditRecord]) -> float:
    """Return how many lines of an export a second are verified."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "audit.jsonl"
        export(records, file, Span(), KEY, BEGAN)
        began = time.process_time()
        reading = verify_file(file, public_text(KEY))
        took = time.process_time() - began
    if reading.records != RECORDS or reading.faulty:
        raise SystemExit(f"{reading.records} records, {reading.said()}")
    return RECORDS / took


def measure() -> list[Figure]:
    """Return one figure for the topic and one for a file."""
    records = chain()
    how = f"{RECORDS} records, one core's time"
    return [
        at_least("audit_verified_from_topic", topic_rate(records), "1/s", FEWEST_PER_S, f"{how}, decoded from Avro"),
        at_least("audit_verified_from_export", file_rate(records), "1/s", FEWEST_PER_S, f"{how}, read from a file"),
    ]
