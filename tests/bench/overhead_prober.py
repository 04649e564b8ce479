"""The prober as a process of its own for ``overhead.py``: ten targets each 10 s, the broker is librdkafka's own and its cost counts."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
from pathlib import Path

from confluent_kafka import Producer

from infra.metrics import Metrics
from infra.settings import WorkerSettings
from schemas.probes import ProbeSpec
from schemas.services import Services, ServiceSpec
from streams.prober import Catalogue, sender_settings, watch_all
from tests.bench.prober import EVERY_S, MIX, Counting, addresses_of, answering

TARGETS = 10


async def _look(catalogue: Catalogue, sender: Counting) -> int:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    sys.stdout.write("looking\n")
    sys.stdout.flush()
    return await watch_all(catalogue, frozenset(), sender, stop)


def main() -> int:
    """Look until SIGTERM; return 1 when a look was not well: the figure would be of something else."""
    pid_file = Path(sys.argv[1]) / "pid"
    pid_file.write_text(str(os.getpid()))
    settings = WorkerSettings.from_environment({"HEALSTREAM_BROKERS": "127.0.0.1:1"})
    sender = Counting(Producer({**sender_settings("127.0.0.1:1"), "test.mock.num.brokers": 1}), Metrics())
    with answering() as port:
        addresses = addresses_of(port, pid_file)
        probes = [ProbeSpec("look", kind, addresses[kind], EVERY_S, 5.0) for kind in MIX[:TARGETS]]
        services = Services(tuple(ServiceSpec(f"s{number}", "g", ("x",), "/", "/p", probes=(one,)) for number, one in enumerate(probes)))
        code = asyncio.run(_look(Catalogue(settings, services, math.inf), sender))
    return code or int(bool(sender.unwell) or not sender.sent)


if __name__ == "__main__":
    sys.exit(main())
