"""How many detections a second the middle zone takes to commands, by real ``streams.app`` and ``streams.gatekeeper`` processes."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from infra.broker.install import cache_folder, install
from infra.kafka import consumer_settings, producer_settings, send
from schemas.configuration import Configuration
from schemas.decisions import HealingCommand
from schemas.events import JobFinished, LogChunk
from schemas.incidents import Detection
from schemas.outputs import Emit, Place
from schemas.policy import Budget, Policy
from schemas.topics import BY_NAME
from schemas.vocabulary import Result
from streams.bounds import shipped
from streams.detect import Detect
from streams.rules import rules_from
from tests.bench.build_logs import FAILED_INSTALL, TRUSTED
from tests.bench.figures import Figure, at_least
from tests.support.whole_system import AUTOMATIC, WholeSystem

# A cold broker spends a core on compiling itself: what is asked is what the zone carries, not how it starts.
WARM_UP = 2000
RUNS = 3000
DEADLINE_S = 120.0
TOPIC = "recovery.commands"
PROCESSES = ("streams.app", "streams.gatekeeper")


def detections(numbers: range) -> Iterator[Detection]:
    """Yield what the detect stage itself says of failed runs of these numbers."""
    stage = Detect(rules_from(Configuration(), shipped()).detect)
    for number in numbers:
        now = datetime.now(UTC)
        run = ("github", f"acme/app{number}", str(number), 1)
        log = LogChunk(*run, "build", 0, FAILED_INSTALL, eof=True, at=now, provenance=TRUSTED)
        end = JobFinished(*run, "ci", "build", "c" * 40, "main", "push", Result.FAILURE, now, log_chunks=1, provenance=TRUSTED)
        stage.on_event(log, Place("ci.logs", 0, number), now)
        said = stage.on_event(end, Place("ci.events", 0, number), now)
        yield from (output.record for output in said if isinstance(output, Emit) and isinstance(output.record, Detection))


def seconds_to_commands(system: WholeSystem, found: list[Detection]) -> float:
    """Return the time from the first detection's produce until every one of them has its command."""
    consumer = Consumer(consumer_settings(system.address, "bench-commands"))
    consumer.assign([TopicPartition(TOPIC, number, 0) for number in range(BY_NAME[TOPIC].partitions)])
    producer = Producer(producer_settings(system.address) | {"queue.buffering.max.messages": 1_000_000})
    waiting = {detection.target for detection in found}
    began = time.perf_counter()
    for detection in found:
        send(producer, detection, system.codec)
    while waiting and time.perf_counter() - began < DEADLINE_S:
        producer.poll(0)
        for message in consumer.consume(200, 0.05):
            value = message.value()
            record = system.codec.decode(value if isinstance(value, bytes) else None)
            waiting -= {record.target} if isinstance(record, HealingCommand) else set()
    took = time.perf_counter() - began
    consumer.close()
    if waiting:
        logs = "\n".join(system.log(name) for name in PROCESSES)
        raise SystemExit(f"{len(waiting)} of {len(found)} detections became no command within {DEADLINE_S:.0f} s\n{logs}")
    return took


def measure() -> list[Figure]:
    """Return the rate of the middle zone, its processes warm."""
    plenty = Budget(100_000, 3600.0)
    # Thousands of jobs that fail alike would wait for a storm's end; what is measured is the way of each.
    policy = Policy(AUTOMATIC, target_budget=plenty, strategy_budget=plenty, fleet_budget=plenty, loop_limit=1000, storm_repositories=0)
    warm_up, found = list(detections(range(WARM_UP))), list(detections(range(WARM_UP, WARM_UP + RUNS)))
    with tempfile.TemporaryDirectory() as folder:
        system = WholeSystem(Path(folder), install(cache_folder(os.environ)))
        try:
            system.start_broker(policy)
            for name in PROCESSES:
                system.run(name, "middle")
            for name in PROCESSES:
                system.wait_ready(name)
            seconds_to_commands(system, warm_up)
            took = seconds_to_commands(system, found)
        finally:
            system.close()
    how = f"{RUNS} detections of failed runs at once, classify, decide and learn in one process, admit and notary in another"
    return [at_least("middle_zone", RUNS / took, "1/s", 300, how)]
