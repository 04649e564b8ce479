"""How large an executor is that carries out two hundred recoveries at the same time, all of them in the middle of a look that hangs."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from infra.broker.install import cache_folder, install
from infra.kafka import read_to_end
from schemas.catalogue import CARDS, card_named
from schemas.decisions import HealingCommand, Mode, plan_hash_of
from schemas.oversight import Lease
from schemas.policy import Policy
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import JournalKind, JournalRecord
from schemas.services import UpstreamSpec
from schemas.signing import sign
from schemas.vocabulary import Kind
from tests.bench.figures import Figure, below
from tests.support.whole_system import WholeSystem

RUNS = 200
MOST_MIB = 300
DEADLINE_S = 180.0
HANG_S = 5.0
HOLD_S = 15.0
EXECUTOR = "recoverers.worker"


def silent_server() -> socket.socket:
    """Return a socket that lets everybody connect and says nothing."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(2 * RUNS)
    return server


def upstream(number: int, port: int) -> UpstreamSpec:
    """Return an upstream whose page never comes."""
    http = ProbeSpec(f"page-{number}", ProbeKind.HTTP, f"http://127.0.0.1:{port}/", timeout_s=HANG_S)
    tcp = ProbeSpec(f"port-{number}", ProbeKind.TCP, f"127.0.0.1:{port}", timeout_s=HANG_S)
    return UpstreamSpec(f"up{number}", (f"up{number}.example",), (http, tcp))


def command(number: int) -> HealingCommand:
    """Return the order to await it."""
    card = card_named(CARDS, "await_upstream")
    if card is None:
        raise SystemExit("there is no await_upstream")
    now, target = datetime.now(UTC), f"upstream:up{number}"
    return HealingCommand(
        mode=Mode.RUN,
        incident_id=f"{number:032x}",
        decision_id=f"{number:032x}",
        attempt=1,
        max_attempts=1,
        kind=Kind.REMOTE_SERVICE_ERROR,
        opened_at=now,
        detected_at=now,
        target=target,
        scope=target,
        strategy=card.name,
        recipe_version=1,
        plan_hash=plan_hash_of(card.name, 1, target, (), card.bounds),
        epoch=1,
        issued_at=now,
        not_after=now + timedelta(seconds=600),
        deadline_s=card.deadline_s,
        bounds=card.bounds,
    )


def keep_lease(system: WholeSystem, ended: threading.Event) -> None:
    """Say twice a second that admit lives."""
    sequence = 0
    while not ended.wait(0.5):
        sequence += 1
        system.send(Lease(1, sequence, datetime.now(UTC)))


def in_flight(system: WholeSystem) -> int:
    """Return how many runs have begun a step and not ended."""
    rows = [record for record in read_to_end(system.address, "recovery.journal") if isinstance(record, JournalRecord)]
    begun = {record.command_id for record in rows if record.kind is JournalKind.INTENT}
    return len(begun - {record.command_id for record in rows if record.kind is JournalKind.CONCLUDED})


def largest_of(system: WholeSystem) -> tuple[float, int, float]:
    """Return the largest resident size in MiB and number of threads while all runs are in flight, and the seconds until they were."""
    process = psutil.Process(system.processes[EXECUTOR].pid)
    began, size, threads, until = time.monotonic(), 0, 0, None
    took = 0.0
    while until is None or time.monotonic() < until:
        if time.monotonic() - began > DEADLINE_S:
            raise SystemExit(f"only {in_flight(system)} of {RUNS} runs were in flight after {DEADLINE_S:.0f} s\n{system.log(EXECUTOR)}")
        size, threads = max(size, process.memory_info().rss), max(threads, process.num_threads())
        if until is None and in_flight(system) == RUNS:
            took, until = time.monotonic() - began, time.monotonic() + HOLD_S
        time.sleep(0.1)
    if in_flight(system) != RUNS:
        raise SystemExit(f"runs ended while they were measured\n{system.log(EXECUTOR)}")
    return size / 1024 / 1024, threads, took


def measure() -> list[Figure]:
    """Start an executor, give it all commands at once, and watch it."""
    ended = threading.Event()
    with tempfile.TemporaryDirectory() as folder, silent_server() as server:
        port = server.getsockname()[1]
        jars = install(cache_folder(os.environ))
        system = WholeSystem(Path(folder), jars, upstreams=tuple(upstream(number, port) for number in range(RUNS)))
        lease = threading.Thread(target=keep_lease, args=(system, ended), daemon=True)
        try:
            system.start_broker(Policy())
            lease.start()
            system.run(EXECUTOR)
            system.wait_ready(EXECUTOR, 120)
            for number in range(RUNS):
                system.send(sign(command(number), system.keys["admit"]))
            size, threads, took = largest_of(system)
        finally:
            ended.set()
            if lease.is_alive():
                lease.join(5.0)
            system.close()
    how = f"largest RSS of one executor with {RUNS} recoveries in flight, {threads} threads, all begun after {took:.0f} s"
    return [below("in_flight_memory", size, "MiB", MOST_MIB, how)]
