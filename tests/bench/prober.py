"""What the prober costs: processor time of 1,000 targets looked at each 10 s, in shares of one core, the producer's included.

Everything is real but the broker, which is librdkafka's own in the same process; its time counts too. The targets answer in a process
of their own.
"""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from confluent_kafka import Producer
from typing_extensions import override

from infra.metrics import Metrics
from infra.parent_death import die_with_parent
from infra.settings import WorkerSettings
from schemas.events import HealthCheck, HealthStatus, MetricBatch
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Services, ServiceSpec
from streams.prober import Catalogue, Sender, sender_settings, watch_all
from tests.bench.figures import Figure, below

TARGETS, EVERY_S = 1000, 10.0
WARM_S, MEASURED_S = 15.0, 30.0
# Of ten targets so many are asked in each way.
MIX = (ProbeKind.HTTP,) * 4 + (ProbeKind.TCP,) * 3 + (ProbeKind.PROCESS,) * 3
_SERVER = """
import asyncio
async def answer(reader, writer):
    if await reader.read(4096):
        writer.write(b"HTTP/1.1 204 No Content\\r\\nConnection: close\\r\\n\\r\\n")
    writer.close()
async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@dataclass(slots=True)
class Counting(Sender):
    """Counts what is sent, and what of it was not well."""

    sent: int = 0
    unwell: int = 0

    @override
    def send(self, record: HealthCheck | MetricBatch) -> None:
        """Send it too."""
        self.sent += 1
        self.unwell += isinstance(record, HealthCheck) and record.status is not HealthStatus.PASS
        Sender.send(self, record)


@contextmanager
def answering() -> Iterator[int]:
    """Yield the port of a process that answers every look."""
    words = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent) as process:  # noqa: PLW1509 - only prctl
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def addresses_of(port: int, pid_file: Path) -> dict[ProbeKind, str]:
    """Return where each kind of probe looks."""
    return {ProbeKind.HTTP: f"http://127.0.0.1:{port}/", ProbeKind.TCP: f"127.0.0.1:{port}", ProbeKind.PROCESS: str(pid_file)}


def services(port: int, pid_file: Path) -> Services:
    """Return the catalogue."""
    addresses = addresses_of(port, pid_file)
    kinds = [MIX[number % len(MIX)] for number in range(TARGETS)]
    probes = [ProbeSpec("look", kind, addresses[kind], EVERY_S, 5.0) for kind in kinds]
    return Services(tuple(ServiceSpec(f"s{number}", "g", ("x",), "/", "/p", probes=(probe,)) for number, probe in enumerate(probes)))


async def _cost(catalogue: Catalogue, sender: Counting) -> tuple[float, int]:
    stop = asyncio.Event()
    prober = asyncio.create_task(watch_all(catalogue, frozenset(), sender, stop))
    await asyncio.sleep(WARM_S)
    cpu, began, sent = time.process_time(), time.perf_counter(), sender.sent
    await asyncio.sleep(MEASURED_S)
    share = (time.process_time() - cpu) / (time.perf_counter() - began)
    stop.set()
    if await prober != 0:
        raise SystemExit("the prober ended by itself")
    return share, sender.sent - sent


def measure() -> list[Figure]:
    """Return the share of a core."""
    with TemporaryDirectory() as folder, answering() as port:
        pid_file = Path(folder) / "pid"
        pid_file.write_text(str(os.getpid()))
        settings = WorkerSettings.from_environment({"HEALSTREAM_BROKERS": "127.0.0.1:1"})
        sender = Counting(Producer({**sender_settings("127.0.0.1:1"), "test.mock.num.brokers": 1}), Metrics())
        catalogue = Catalogue(settings, services(port, pid_file), math.inf)
        share, looks = asyncio.run(_cost(catalogue, sender))
    wanted = TARGETS * MEASURED_S / EVERY_S
    if sender.unwell or looks < 0.9 * wanted:
        raise SystemExit(f"{looks} looks of {wanted:.0f} came, {sender.unwell} were not well: the figure would be of something else")
    how = f"processor time over wall time of {MEASURED_S:g} s: {TARGETS} targets each {EVERY_S:g} s, 40 % HTTP, 30 % TCP, 30 % processes"
    return [below("prober_core", share, "cores", 0.05, how)]
