"""How large the processes are when they hold ten thousand keys: a detect worker with open runs, an executor with a journal to know."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from confluent_kafka import Producer

from infra.broker.install import cache_folder, install
from infra.kafka import headers_of, producer_settings
from recoverers.journal import command_text
from schemas.decisions import HealingCommand, Mode
from schemas.ids import id_of
from schemas.partitioning import partition_of
from schemas.policy import Policy
from schemas.recoveries import JournalKind, JournalRecord
from schemas.topics import BY_NAME, key_of
from schemas.vocabulary import Kind
from tests.bench.build_logs import chunks
from tests.bench.figures import Figure, below
from tests.bench.throughput import WORKER, produce, taken
from tests.support.whole_system import WholeSystem

KEYS = 10_000
CHUNK = 8 * 1024
DEADLINE_S = 120.0
SETTLE_S = 3.0
EXECUTOR = "recoverers.worker"
JOURNAL = "recovery.journal"


def largest_mib(system: WholeSystem, name: str, is_loaded: Callable[[], bool]) -> float:
    """Return the largest resident size of a process until it is loaded, and for some seconds more."""
    process = psutil.Process(system.processes[name].pid)
    largest, end, until = 0, time.monotonic() + DEADLINE_S, None
    while until is None or time.monotonic() < until:
        if time.monotonic() > end:
            raise SystemExit(f"{name} did not take its {KEYS} keys within {DEADLINE_S:.0f} s\n{system.log(name)}")
        largest = max(largest, process.memory_info().rss)
        until = until or (time.monotonic() + SETTLE_S if is_loaded() else None)
        time.sleep(0.1)
    return largest / 1024 / 1024


def write_journal(system: WholeSystem) -> None:
    """Write what that many finished commands leave behind: each with its whole command."""
    producer = Producer(producer_settings(system.address) | {"queue.buffering.max.messages": 1_000_000})
    now = datetime.now(UTC)
    for number in range(KEYS):
        service = f"service:app{number}"
        command = HealingCommand(
            mode=Mode.RUN,
            incident_id=f"{number:032x}",
            decision_id=f"{number:032x}",
            attempt=1,
            max_attempts=3,
            kind=Kind.SERVICE_DOWN,
            opened_at=now,
            detected_at=now,
            target=service,
            scope=f"group:{number}",
            strategy="service_restart",
            recipe_version=1,
            plan_hash=f"{number:032x}",
            epoch=1,
            issued_at=now,
            not_after=now + timedelta(seconds=120),
            deadline_s=60.0,
            signature="s" * 88,
        )
        first = JournalRecord(id_of(command), JournalKind.ACCEPTED, now, result=command_text(command), owner="bench", scope=command.scope)
        last = replace(first, kind=JournalKind.CONCLUDED, result='{"reason":"","status":"healed"}')
        for record in (first, last):
            key = key_of(record).encode()
            partition = partition_of(key, BY_NAME[JOURNAL].partitions)
            producer.produce(JOURNAL, system.codec.encode(record), key, partition, headers=headers_of(record))
    if producer.flush(60):
        raise SystemExit("the broker did not take the journal")


def measure() -> list[Figure]:
    """Return the largest resident size of both while they take their keys in."""
    with tempfile.TemporaryDirectory() as folder:
        system = WholeSystem(Path(folder), install(cache_folder(os.environ)))
        try:
            system.start_broker(Policy())
            produce(system, chunks(KEYS, KEYS, CHUNK, "open"))
            system.run(WORKER, "detect")
            worker = largest_mib(system, WORKER, lambda: taken(system) >= KEYS)
            system.end(WORKER)
            write_journal(system)
            system.run(EXECUTOR)
            executor = largest_mib(system, EXECUTOR, lambda: is_ready(system))
        finally:
            system.close()
    return [
        below("stream_worker_memory", worker, "MiB", 300, f"largest RSS of a detect worker that takes in {KEYS} open runs"),
        below("executor_memory", executor, "MiB", 200, f"largest RSS of an executor that reads the journal of {KEYS} commands"),
    ]


def is_ready(system: WholeSystem) -> bool:
    """Tell whether the executor owns its partitions and knows their commands."""
    try:
        system.wait_ready(EXECUTOR, 0.5)
    except AssertionError:
        return False
    return True
