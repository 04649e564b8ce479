"""The prober's loop over real sockets: how many looks run at once, what it makes of figures and polls, and a server that is silent."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import Producer
from typing_extensions import override

from infra.metrics import Metrics
from infra.settings import WorkerSettings
from schemas.events import HealthCheck, HealthStatus, MetricBatch
from schemas.metric_queries import MetricQuery
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import PrometheusServer, Services, ServiceSpec
from schemas.targets.disk import DiskSpec
from streams.prober import LOOKS_AT_ONCE, Catalogue, Sender, watch_all
from tests.support.prometheus_server import Shown, prometheus_server

PATIENCE_S = 120.0


@dataclass(slots=True)
class Kept(Sender):
    """Keeps what is sent, and sends it to the library's own broker."""

    records: list[HealthCheck | MetricBatch] = field(default_factory=list)

    @override
    def send(self, record: HealthCheck | MetricBatch) -> None:
        """Keep it too."""
        self.records.append(record)
        Sender.send(self, record)


def sender() -> Kept:
    return Kept(Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "127.0.0.1:1", "log_level": 0}), Metrics())


async def probe_until(services: Services, kept: Kept, is_enough: Callable[[], bool]) -> None:
    """Run the prober until enough was seen; fail after a long time."""
    stop = asyncio.Event()
    settings = WorkerSettings.from_environment({"HEALSTREAM_BROKERS": "127.0.0.1:1"})
    prober = asyncio.create_task(watch_all(Catalogue(settings, services, math.inf), frozenset(), kept, stop))

    async def wait() -> None:
        while not is_enough():  # noqa: ASYNC110 - what is waited for is told by nobody
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), PATIENCE_S)
    stop.set()
    assert await prober == 0


def services_asking(port: int, count: int) -> tuple[ServiceSpec, ...]:
    probe = ProbeSpec("page", ProbeKind.HTTP, f"http://127.0.0.1:{port}/", every_s=600.0, timeout_s=PATIENCE_S)
    return tuple(ServiceSpec(f"s{number}", "g", ("x",), "/", "/p", probes=(probe,)) for number in range(count))


async def test_no_more_looks_run_at_once_than_there_are_slots_and_each_target_is_looked_at() -> None:
    waiting: set[asyncio.StreamWriter] = set()
    most, may_go = 0, asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most
        await reader.read(4096)
        waiting.add(writer)
        most = max(most, len(waiting))
        await may_go.wait()
        waiting.discard(writer)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    def is_enough() -> bool:
        if len(waiting) == LOOKS_AT_ONCE:
            may_go.set()
        return len({record.target for record in kept.records}) == LOOKS_AT_ONCE + 40

    kept = sender()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await probe_until(Services(services_asking(port, LOOKS_AT_ONCE + 40)), kept, is_enough)
    assert most == LOOKS_AT_ONCE
    assert {record.status for record in kept.records if isinstance(record, HealthCheck)} == {HealthStatus.PASS}


async def test_a_disk_that_may_be_cleaned_early_and_a_query_become_metrics() -> None:
    kept, shown = sender(), Shown(series={"queue_length": [("7", 0.0)]})
    with prometheus_server(shown):
        services = Services(
            (ServiceSpec("web", "shop", ("x",), "/", "/p"),),
            disks=(DiskSpec("here", "/", full_percent=100.0, early_percent=1e-9),),
            prometheus=shown.servers,
            metric_queries=(MetricQuery("queue", "main", "queue_length", "queue_length", "service:web", timeout_s=30.0),),
        )
        await probe_until(services, kept, lambda: len({one.target for one in kept.records if isinstance(one, MetricBatch)}) == 2)
    batches = {record.target: record for record in kept.records if isinstance(record, MetricBatch)}
    assert batches["service:web"].samples[0].value == 7.0
    [use] = batches["disk:here:/"].samples
    assert (use.name, 0 < use.value <= 1) == ("probe_disk_fill_ratio", True)


async def test_a_server_that_does_not_answer_stops_no_look() -> None:
    kept = sender()
    services = Services(
        disks=(DiskSpec("here", "/"),),
        prometheus=(PrometheusServer("main", "http://127.0.0.1:1"),),
        metric_queries=(MetricQuery("queue", "main", "queue_length", "queue_length", "service:web", every_s=0.1),),
    )
    await probe_until(services, kept, lambda: bool(kept.records))
    assert {type(record) for record in kept.records} == {HealthCheck}
