"""How much one detect worker takes from Kafka: log text beside a loop that only decodes it, and small events without a hit."""

from __future__ import annotations

import os
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn
from urllib.error import URLError

from confluent_kafka import Consumer, Producer, TopicPartition

from infra.broker.install import cache_folder, install
from infra.kafka import consumer_settings, producer_settings, send
from schemas.avro_codec import Codec
from schemas.events import LogChunk
from schemas.policy import Policy
from schemas.topics import BY_NAME
from tests.bench.build_logs import CHUNK_BYTES, SMALL_BYTES, chunks
from tests.bench.figures import Figure, at_least
from tests.support.whole_system import WholeSystem

LARGE = 9_000
SMALL = 80_000
RUNS = 32
DEADLINE_S = 120.0
# Each look costs the worker some milliseconds.
LOOK_S = 0.25
TOPIC = "ci.logs"
WORKER = "streams.app"


def produce(system: WholeSystem, records: Iterable[LogChunk]) -> None:
    """Put the records on their topic."""
    producer = Producer(producer_settings(system.address) | {"linger.ms": 20, "queue.buffering.max.kbytes": 65536})
    for record in records:
        while True:
            try:
                send(producer, record, system.codec)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(60):
        raise SystemExit("the broker did not take the records")


def bare_seconds(system: WholeSystem, count: int) -> float:
    """Return how long a confluent-kafka loop takes that only decodes, from its first record to its last."""
    consumer = Consumer(consumer_settings(system.address, "bench-bare"))
    codec = Codec(BY_NAME[TOPIC].records)
    consumer.assign([TopicPartition(TOPIC, number, 0) for number in range(BY_NAME[TOPIC].partitions)])
    seen, began = 0, 0.0
    while seen < count:
        for message in consumer.consume(200, 5.0):
            began = began or time.perf_counter()
            value = message.value()
            if isinstance(value, bytes) and isinstance(codec.decode(value), LogChunk):
                seen += 1
    took = time.perf_counter() - began
    consumer.close()
    return took


def taken(system: WholeSystem) -> int:
    """Return how many log chunks the worker says that it has taken in."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{system.ports[WORKER]}/metrics", timeout=5) as answer:
            rows = answer.read().decode().splitlines()
    except URLError:
        # It has not begun to serve; when it has died, its log says why.
        return 0 if system.processes[WORKER].poll() is None else _fail(system.log(WORKER))
    counted = [row for row in rows if row.startswith('healstream_events_total{kind="LogChunk",source="ci.logs"}')]
    return int(float(counted[0].split()[-1])) if counted else 0


def _fail(why: str) -> NoReturn:
    raise SystemExit(why)


def worker_seconds(system: WholeSystem, before: int, count: int) -> tuple[float, int]:
    """Return the time between the first and the last look at which the worker had taken some, and how many it took in it."""
    end = time.monotonic() + DEADLINE_S
    began, first = 0.0, 0
    while time.monotonic() < end:
        seen, now = taken(system) - before, time.perf_counter()
        if seen and not began:
            began, first = now, seen
        if seen >= count:
            return now - began, count - first
        time.sleep(LOOK_S)
    raise SystemExit(f"the worker took {taken(system) - before} of {count} chunks within {DEADLINE_S:.0f} s\n{system.log(WORKER)}")


def measure() -> list[Figure]:
    """Return both rates of one real worker process on the embedded broker."""
    with tempfile.TemporaryDirectory() as folder:
        system = WholeSystem(Path(folder), install(cache_folder(os.environ)))
        try:
            system.start_broker(Policy())
            produce(system, chunks(LARGE, RUNS, CHUNK_BYTES, "large"))
            bare = LARGE / bare_seconds(system, LARGE)
            system.run(WORKER, "detect")
            took, count = worker_seconds(system, 0, LARGE)
            ours = count / took
            system.end(WORKER)
            produce(system, chunks(SMALL, RUNS, SMALL_BYTES, "small", is_plain=True))
            system.run(WORKER, "detect")
            took, count = worker_seconds(system, 0, SMALL)
        finally:
            system.close()
    megabytes = CHUNK_BYTES / 1e6
    how = f"{LARGE} chunks of 64 KiB from {RUNS} runs, one streams.app, redaction and all patterns; bare loop {bare * megabytes:.0f} MB/s"
    return [
        at_least("detection_throughput", ours * megabytes, "MB/s", 60, how),
        at_least("detection_over_bare_loop", ours / bare, "ratio", 0.6, how),
        at_least("small_events", count / took, "1/s", 5000, f"{SMALL} chunks of {SMALL_BYTES} B without a hit, the same worker"),
    ]
