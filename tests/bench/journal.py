"""What one durable append to an executor's journal costs on a real broker."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from infra.broker.install import cache_folder, install
from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.journal_log import JournalWriter
from infra.topics_admin import create_topics
from schemas.avro_codec import Codec
from schemas.recoveries import JournalKind, JournalRecord
from schemas.topics import ALL_RECORDS
from tests.bench.figures import Figure, below, quantile

WARM, APPENDS = 20, 500
APPEND_MS = 100.0


def append_ms(folder: Path) -> list[float]:
    """Return how many milliseconds each durable append of one record took."""
    broker = EmbeddedBroker(BrokerPlace(folder, *free_ports(2)), install(cache_folder(os.environ)))
    broker.start()
    try:
        broker.wait_ready()
        create_topics(broker.address)
        writer = JournalWriter(broker.address, 0, Codec(ALL_RECORDS))
        taken: list[float] = []
        for number in range(WARM + APPENDS):
            record = JournalRecord("bench", JournalKind.INTENT, datetime.now(UTC), f"step:{number}")
            began = time.perf_counter()
            writer.append([record])
            taken.append(1000 * (time.perf_counter() - began))
    finally:
        broker.stop()
    return taken[WARM:]


def measure() -> list[Figure]:
    """Append one record after the other."""
    with tempfile.TemporaryDirectory(prefix="healstream-journal-") as folder:
        appended = append_ms(Path(folder))
    how = f"p99 of {APPENDS} transactions of one record each, embedded broker"
    return [below("journal_append_p99", quantile(appended, 0.99), "ms", APPEND_MS, how)]
