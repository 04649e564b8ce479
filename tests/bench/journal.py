"""What an executor's journal costs, and how soon the runs of one that is killed go on elsewhere; both on a real broker."""

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
from tests.bench.killswitch import EXECUTORS, Halted
from tests.support.whole_system import WholeSystem

WARM, APPENDS, KILLS = 20, 500, 5
APPEND_MS, RESUME_S = 100.0, 20.0


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


def resume_s(halted: Halted) -> list[float]:
    """Return for each kill -9 of an executor how many seconds later every run had made a step again."""
    taken: list[float] = []
    for number in range(KILLS):
        place = number % EXECUTORS
        began = time.time()
        halted.workers[place].kill()
        halted.workers[place].wait()
        halted.wait_until_all_go_on()
        taken.append(time.time() - began)
        halted.workers[place] = halted.start_worker(place)
        halted.wait_until_all_go_on()
    return taken


def measure() -> list[Figure]:
    """Append, then kill executors that have runs in flight."""
    with tempfile.TemporaryDirectory(prefix="healstream-journal-") as folder:
        appended = append_ms(Path(folder) / "alone")
        how = f"p99 of {APPENDS} transactions of one record each, embedded broker"
        figures = [below("journal_append_p99", quantile(appended, 0.99), "ms", APPEND_MS, how)]
        halted = Halted(WholeSystem(Path(folder), install(cache_folder(os.environ))))
        try:
            halted.start()
            resumed = resume_s(halted)
        finally:
            halted.close()
    how = f"worst of {KILLS} kills -9 of one of {EXECUTORS} executors, until each of {len(halted.groups)} runs makes steps again"
    return [*figures, below("resume_after_kill", max(resumed), "s", RESUME_S, how)]
