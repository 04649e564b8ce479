"""How soon the runs of a killed executor go on: from its death by kill -9 to the first line that another writes into their journals."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from infra.broker.install import cache_folder, install
from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.kafka import read_to_end
from infra.topics_admin import create_topics
from schemas.decisions import HealingCommand
from schemas.recoveries import JournalRecord, OutcomeStatus
from schemas.services import ServiceSpec
from tests.bench.figures import Figure, below
from tests.support.chaos_targets import scopes_for_each_partition
from tests.support.executor_world import ExecutorWorld, shares, stack_in, start_by_hand, wait_for

ROUNDS = 8
LIMIT_S = 20.0
# In the middle of a change: intent is written, nobody knows whether it was carried out.
FAIL_POINT = "after-intent:2"


def taken_over(journal: Iterable[JournalRecord], dead: str, died_at: float) -> list[float]:
    """Return for each run that the dead executor (``/`` and its process id) had begun how long after its death another wrote."""
    rows = list(journal)
    begun = {row.command_id for row in rows if row.owner.endswith(dead)}
    after = [(row.command_id, row.at.timestamp() - died_at) for row in rows if row.owner and not row.owner.endswith(dead)]
    return [min((seconds for name, seconds in after if name == run and seconds > 0), default=float("inf")) for run in begun]


def one_round(world: ExecutorWorld, services: list[ServiceSpec], number: int) -> list[float]:
    """Kill one of two executors in the middle of its runs; return how soon each of them went on."""
    for deepest in services[::3]:
        start_by_hand(deepest)
    doomed = world.start_worker(FAIL_POINT)
    world.start_worker()
    if not wait_for(lambda: shares(world.brokers) == [2, 2]):
        raise AssertionError(f"the partitions are not shared: {shares(world.brokers)}")
    orders = [world.command(f"service:{top.name}", f"{number}-{top.name}") for top in services[2::3]]
    for order in orders:
        world.send(order)
    doomed.wait(timeout=60)
    died_at = time.time()
    _wait_until_healed(world, orders)
    journal = [row for row in read_to_end(world.brokers, "recovery.journal") if isinstance(row, JournalRecord)]
    return taken_over(journal, f"/{doomed.pid}", died_at)


def _wait_until_healed(world: ExecutorWorld, orders: list[HealingCommand]) -> None:
    wanted = {order.incident_id for order in orders}
    if not wait_for(lambda: wanted <= {row.incident_id for row in world.outcomes() if row.status is OutcomeStatus.HEALED}):
        ends = [(row.incident_id, row.status, row.reason) for row in world.outcomes() if row.incident_id in wanted]
        raise AssertionError(f"not every run was healed: {ends}")


def measure() -> list[Figure]:
    """Kill again and again; the slowest of all runs is the figure."""
    seconds: list[float] = []
    with tempfile.TemporaryDirectory(prefix="healstream-resume-") as folder:
        broker = EmbeddedBroker(BrokerPlace(Path(folder) / "broker", *free_ports(2)), install(cache_folder(os.environ)))
        broker.start()
        try:
            broker.wait_ready()
            create_topics(broker.address)
            for number in range(ROUNDS):
                place = Path(folder) / f"round-{number}"
                services = [service for group in scopes_for_each_partition() for service in stack_in(place, group)]
                world = ExecutorWorld(broker.address, place, tuple(services))
                try:
                    seconds += one_round(world, services, number)
                finally:
                    world.close()
                    for deepest in services[::3]:
                        os.kill(int(Path(deepest.pid_file).read_text(encoding="ascii")), 9)
        finally:
            broker.stop()
    how = f"worst of {len(seconds)} runs in {ROUNDS} kills, two executors; median {sorted(seconds)[len(seconds) // 2]:.1f} s"
    return [below("resume_after_kill_worst", max(seconds), "s", LIMIT_S, how)]
