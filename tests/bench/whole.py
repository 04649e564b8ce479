"""How long the whole system takes, every process and the broker running: from an event to its command, from a kill to recovered."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Producer

from infra.broker.install import cache_folder, install
from infra.kafka import producer_settings, read_to_end, send
from schemas.decisions import HealingCommand
from schemas.events import HealthCheck, HealthStatus, JobFinished, LogChunk, Origin, Provenance, Trust
from schemas.policy import Budget, Policy
from schemas.vocabulary import Result
from tests.bench.figures import Figure, below, quantile
from tests.support.whole_system import AUTOMATIC, WholeSystem

RUNS = 60
KILLS = 5
RATE_PER_S = 200
LOG = (
    "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by "
    "'NewConnectionError: Failed to establish a new connection: [Errno 111] Connection refused': /simple/demo/\n"
    "ERROR: Could not find a version that satisfies the requirement demo (from versions: none)\n"
    "ERROR: No matching distribution found for demo\nError: Process completed with exit code 1.\n"
)
TRUSTED = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "ci")


def background(system: WholeSystem, stop: threading.Event) -> None:
    """Produce passing health checks at the stated rate."""
    producer = Producer(producer_settings(system.address))
    number = 0
    while not stop.wait(1 / RATE_PER_S):
        number += 1
        check = HealthCheck(f"service:other-{number % 50}", "tcp", HealthStatus.PASS, datetime.now(UTC), provenance=TRUSTED)
        send(producer, check, system.codec)
        producer.poll(0)
    producer.flush(10)


def fail_job(system: WholeSystem, run_id: str) -> None:
    """Produce one complete failed run; its JobFinished is the deciding event."""
    now = datetime.now(UTC)
    system.send(LogChunk("github", f"acme/{run_id}", run_id, 1, "build", 0, LOG, True, now, provenance=TRUSTED))
    system.send(
        JobFinished(
            source="github",
            project=f"acme/{run_id}",
            run_id=run_id,
            attempt=1,
            workflow="ci",
            job="build",
            commit="c" * 40,
            branch="main",
            trigger="push",
            result=Result.FAILURE,
            finished_at=datetime.now(UTC),
            log_chunks=1,
            provenance=TRUSTED,
        )
    )


def latencies(system: WholeSystem) -> list[float]:
    """Return seconds from the deciding event's production to its command's issue, per run."""
    began: dict[str, datetime] = {}
    for number in range(RUNS):
        began[f"bench{number}"] = datetime.now(UTC)
        fail_job(system, f"bench{number}")
        time.sleep(0.1)
    end = time.monotonic() + 60
    issued: dict[str, datetime] = {}
    while len(issued) < RUNS and time.monotonic() < end:
        orders = [one for one in read_to_end(system.address, "recovery.commands") if isinstance(one, HealingCommand)]
        issued = {one.target.split("/")[-2]: one.issued_at for one in orders if one.target.startswith("job:")}
    if len(issued) < RUNS:
        raise SystemExit(f"only {len(issued)} of {RUNS} failed runs became commands: {system.final_outcomes()[-1:]}")
    return [(issued[name] - at).total_seconds() for name, at in began.items()]


def recoveries(system: WholeSystem) -> list[float]:
    """Return seconds from each kill to ``recovered_at``."""
    found: list[float] = []
    for number in range(KILLS):
        killed_at = datetime.now(UTC)
        system.kill_service("web")
        end = time.monotonic() + 60
        while len(found) <= number and time.monotonic() < end:
            ended = [one for one in system.final_outcomes() if one.target == "service:web" and one.recovered_at]
            found += [(one.recovered_at - killed_at).total_seconds() for one in ended[number:] if one.recovered_at]
    return found


def measure() -> list[Figure]:
    """Return the latencies of one run of the whole system."""
    plenty = Budget(10_000, 3600.0)
    policy = Policy(AUTOMATIC, target_budget=plenty, strategy_budget=plenty, fleet_budget=plenty, loop_limit=1000)
    with tempfile.TemporaryDirectory() as folder:
        system = WholeSystem(Path(folder), install(cache_folder(os.environ)))
        stop = threading.Event()
        try:
            system.start(policy)
            threading.Thread(target=background, args=(system, stop), daemon=True).start()
            waits = latencies(system)
            stop.set()
            healed = recoveries(system)
        finally:
            stop.set()
            system.close()
    how = f"{RUNS} failed runs while {RATE_PER_S} events/s flow, embedded broker, all processes"
    return [
        below("event_to_command_p50", quantile(waits, 0.5), "s", 0.3, how),
        below("event_to_command_p99", quantile(waits, 0.99), "s", 1.5, how),
        below("killed_to_recovered_worst", max(healed), "s", 10, f"{len(healed)} kills of a real service, probes every 0.3 s"),
    ]
