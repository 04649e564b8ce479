"""Executors die by kill -9 at every journal boundary of a four-step recovery; another finishes, and each effect happens once.

Four workers at a time, one partition each, every one with a fail point of its own; then one whole worker takes what they left.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.adapters.launch import ledger_rows
from infra.broker.install import cache_folder, install
from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.topics_admin import create_topics
from schemas.recoveries import OutcomeStatus
from tests.support.chaos_targets import scopes_for_each_partition
from tests.support.executor_world import ExecutorWorld, shares, stack_in, start_by_hand, wait_for

STEPS = 4
ONCE = ("accepted", "planned", "verified", "concluded")
POINTS = [
    *(f"{side}-{kind}:1" for kind in ONCE for side in ("before", "after")),
    *(f"{side}-{kind}:{number}" for kind in ("intent", "done") for number in range(1, STEPS + 1) for side in ("before", "after")),
]
GROUPS = [tuple(POINTS[at : at + 4]) for at in range(0, len(POINTS), 4)]


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a broker with all topics."""
    port, controller = free_ports(2)
    server = EmbeddedBroker(BrokerPlace(tmp_path_factory.mktemp("broker"), port, controller), install(cache_folder(os.environ)))
    server.start()
    try:
        server.wait_ready()
        create_topics(server.address)
        yield server.address
    finally:
        server.stop()


@pytest.mark.chaos
@pytest.mark.parametrize("points", GROUPS, ids="+".join)
def test_each_effect_happens_once_and_each_run_ends_healed(brokers: str, tmp_path: Path, points: tuple[str, ...]) -> None:
    # given four groups of three services, the deepest alive, and four executors that will die
    services = [service for group in scopes_for_each_partition() for service in stack_in(tmp_path, group)]
    world = ExecutorWorld(brokers, tmp_path, tuple(services))
    try:
        for deepest in services[::3]:
            start_by_hand(deepest)
        doomed = [world.start_worker(point) for point in points]
        assert wait_for(lambda: shares(brokers) == [1] * len(points)), shares(brokers)
        # when each gets a command and dies at its boundary
        orders = [world.command(f"service:{top.name}", f"{top.name}-{'+'.join(points)}") for top in services[2::3]]
        for order in orders:
            world.send(order)
        assert wait_for(lambda: all(worker.poll() is not None for worker in doomed))
        world.start_worker()
        # then another finishes all, each service was started exactly once, and each incident has one outcome
        incidents = {order.incident_id for order in orders}
        assert wait_for(lambda: incidents <= {row.incident_id for row in world.outcomes()})
        ended = [row for row in world.outcomes() if row.incident_id in incidents]
        assert {row.status for row in ended} == {OutcomeStatus.HEALED}, ended
        assert len({row.command_id for row in ended}) == len(orders)
        for service in services:
            starts = [row for row in ledger_rows(Path(service.cwd) / "effects.jsonl") if row.get("act") == "start"]
            assert len(starts) == (0 if service in services[::3] else 1), service.name
    finally:
        world.close()
        for deepest in services[::3]:
            os.kill(int(Path(deepest.pid_file).read_text(encoding="ascii")), 9)
