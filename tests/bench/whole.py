"""How long the whole system takes, every process and the broker running: from an event to its command, from a kill to recovered."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from infra.broker.install import cache_folder, install
from infra.kafka import consumer_settings, producer_settings, send
from schemas.decisions import HealingCommand
from schemas.events import HealthCheck, HealthStatus, JobFinished, LogChunk
from schemas.policy import Budget, Policy
from schemas.topics import BY_NAME
from schemas.vocabulary import Result
from tests.bench.build_logs import FAILED_INSTALL, TRUSTED
from tests.bench.figures import Figure, below, quantile
from tests.support.whole_system import AUTOMATIC, WholeSystem

RUNS = 120
EVERY_S = 0.1
# Seven of each service: the worst of 21 stands for the 99th percentile.
KILLS = ("web", "api", "db") * 7
CALM_S = 2.0
RATE_PER_S = 200
DEADLINE_S = 60.0


class Background:
    """Produces passing health checks at the stated rate until it is stopped; ``rate`` is what came of it."""

    def __init__(self, system: WholeSystem) -> None:
        """Start at once."""
        self._system = system
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.rate = 0.0
        self._thread.start()

    def stop(self) -> None:
        """End and flush."""
        self._stop.set()
        self._thread.join(20)

    def _run(self) -> None:
        producer = Producer(producer_settings(self._system.address))
        began, number = time.monotonic(), 0
        while not self._stop.wait(0.005):
            # Paced by the clock, so that a late wake-up is made good.
            while number < (time.monotonic() - began) * RATE_PER_S:
                number += 1
                check = HealthCheck(f"service:other-{number % 50}", "tcp", HealthStatus.PASS, datetime.now(UTC), provenance=TRUSTED)
                send(producer, check, self._system.codec)
            producer.poll(0)
        producer.flush(10)
        self.rate = number / (time.monotonic() - began)


def fail_job(system: WholeSystem, run_id: str) -> float:
    """Produce one complete failed run; return when its JobFinished, the deciding event, was given to the producer."""
    run = ("github", f"acme/{run_id}", run_id, 1)
    system.send(LogChunk(*run, "build", 0, FAILED_INSTALL, eof=True, at=datetime.now(UTC), provenance=TRUSTED))
    at = time.monotonic()
    now = datetime.now(UTC)
    system.send(JobFinished(*run, "ci", "build", "c" * 40, "main", "push", Result.FAILURE, now, log_chunks=1, provenance=TRUSTED))
    return at


def latencies(system: WholeSystem) -> list[float]:
    """Return seconds from each deciding event's production until a reader of committed records has its command."""
    consumer = Consumer(consumer_settings(system.address, "bench-latency"))
    consumer.assign([TopicPartition("recovery.commands", number, 0) for number in range(BY_NAME["recovery.commands"].partitions)])
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    next_run, end = time.monotonic(), time.monotonic() + RUNS * EVERY_S + DEADLINE_S
    while len(ended) < RUNS and time.monotonic() < end:
        if len(began) < RUNS and time.monotonic() >= next_run:
            run_id = f"bench{len(began)}"
            began[run_id] = fail_job(system, run_id)
            next_run += EVERY_S
        message = consumer.poll(0.002)
        value = message.value() if message is not None else None
        order = system.codec.decode(value) if isinstance(value, bytes) else None
        if isinstance(order, HealingCommand) and order.target.startswith("job:"):
            ended.setdefault(order.target.split("/")[-2], time.monotonic())
    consumer.close()
    if len(ended) < RUNS:
        raise SystemExit(f"only {len(ended)} of {RUNS} failed runs became commands: {system.final_outcomes()[-1:]}")
    return [ended[name] - at for name, at in began.items()]


def recoveries(system: WholeSystem) -> list[float]:
    """Return seconds from each kill to ``recovered_at``."""
    found: list[float] = []
    for name in KILLS:
        # Failures of a day are apart: the probes see the service well again before the next one.
        time.sleep(CALM_S)
        killed_at = datetime.now(UTC)
        system.kill_service(name)
        found.append(seconds_until_recovered(system, name, killed_at))
    return found


def seconds_until_recovered(system: WholeSystem, name: str, killed_at: datetime) -> float:
    """Return the time from a kill to its outcome's ``recovered_at``; ends the run when none comes."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        for outcome in system.final_outcomes():
            if outcome.target == f"service:{name}" and outcome.recovered_at and outcome.recovered_at > killed_at:
                return (outcome.recovered_at - killed_at).total_seconds()
    raise SystemExit(f"service:{name} was not recovered within {DEADLINE_S:.0f} s\n{system.log('streams.app')}")


def measure() -> list[Figure]:
    """Return the latencies of one run of the whole system."""
    plenty = Budget(10_000, 3600.0)
    # Thousands of jobs that fail alike would wait for a storm's end; what is measured is the way of each.
    policy = Policy(AUTOMATIC, target_budget=plenty, strategy_budget=plenty, fleet_budget=plenty, loop_limit=1000, storm_repositories=0)
    with tempfile.TemporaryDirectory() as folder:
        system = WholeSystem(Path(folder), install(cache_folder(os.environ)))
        background: Background | None = None
        try:
            system.start(policy)
            background = Background(system)
            waits = latencies(system)
            background.stop()
            healed = recoveries(system)
        finally:
            if background is not None:
                background.stop()
            system.close()
    how = f"{RUNS} failed runs while {background.rate:.0f} events/s flow, embedded broker, all processes"
    return [
        below("event_to_command_p50", quantile(waits, 0.5), "s", 0.3, how),
        below("event_to_command_p99", quantile(waits, 0.99), "s", 1.5, how),
        below("killed_to_recovered_p99", max(healed), "s", 10, f"the worst of {len(healed)} kills of 3 real services, probes every 0.3 s"),
    ]
