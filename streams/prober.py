"""The prober: ``python -m streams.prober`` looks at every target of the catalogue and writes HealthChecks to ``infra.health``.

A root: it joins the pure schedule of ``probing.py`` with ``infra/adapters/probes.py`` and the broker. Nothing is lost by a restart.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from confluent_kafka import KafkaError, Message, Producer

from infra.adapters.allowed_hosts import allowed_in
from infra.adapters.probes import Probes
from infra.catalogue_reader import read_configuration
from infra.kafka import producer_settings
from infra.logging import configure
from infra.metrics import Metrics, MetricsServer
from infra.settings import WorkerSettings
from infra.topics_admin import require_topics
from schemas.avro_codec import Codec
from schemas.configuration import Configuration
from schemas.errors import HealstreamError
from schemas.events import HealthCheck, Origin, Provenance, Trust
from schemas.outputs import Count
from schemas.partitioning import partition_of
from schemas.services import Services
from schemas.topics import BY_NAME, key_of
from schemas.watches import Watch, watches_of
from streams.probing import Schedule

TOPIC = "infra.health"
# The catalogue may change while the prober runs; a new service is looked at within this.
RELOAD_S = 30.0
FLUSH_S = 5.0
UNSENT_LIMIT_S = 60.0
_LOCAL = Provenance(Origin.LOCAL, Trust.PROTECTED, "prober")

log = structlog.get_logger()


@dataclass(slots=True)
class Sender:
    """Writes checks to their partition and knows how long the broker has taken none; ``partitions`` is the topic's count."""

    producer: Producer
    metrics: Metrics
    partitions: int = BY_NAME[TOPIC].partitions
    codec: Codec = field(default_factory=lambda: Codec([HealthCheck]))
    taken_at: float = field(default_factory=time.monotonic)
    refused: str = ""

    def send(self, check: HealthCheck) -> None:
        """Hand one check to the producer; a full queue drops it, because the next look is more true than an old one."""
        key = key_of(check).encode()
        if not len(self.producer):
            self.taken_at = time.monotonic() if not self.refused else self.taken_at
        try:
            self.producer.produce(TOPIC, self.codec.encode(check), key, partition_of(key, self.partitions), on_delivery=self._on_delivery)
        except BufferError:
            self.metrics.apply(Count("healstream_events_rejected_total", (("source", TOPIC), ("reason", "queue_full"))))
        self.producer.poll(0)

    def _on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.taken_at, self.refused = time.monotonic(), ""
            self.metrics.apply(Count("healstream_events_total", (("source", TOPIC), ("kind", "HealthCheck"))))
        else:
            self.refused = error.str()

    def fault(self) -> str:
        """Say why this prober is of no use, empty while it is."""
        silent_s = time.monotonic() - self.taken_at
        # Nothing waiting is no silence of the broker: no probe was due.
        waits = len(self.producer) > 0 or bool(self.refused)
        return (
            f"the broker has taken nothing for {silent_s:.0f} s: {self.refused or 'no answer'}"
            if waits and silent_s > UNSENT_LIMIT_S
            else ""
        )


async def look_and_send(watch: Watch, probes: Probes, sender: Sender) -> None:
    """Look once and send what was seen, timed from the look's beginning."""
    at, begun = datetime.now(UTC), time.perf_counter()
    look = await probes.look(watch.probe)
    latency_ms = (time.perf_counter() - begun) * 1000
    sender.send(HealthCheck(watch.target, watch.probe.name, look.status, at, latency_ms, look.detail, _LOCAL))


@dataclass(slots=True)
class Catalogue:
    """The services as they were last read, read again in the background every ``RELOAD_S``."""

    settings: WorkerSettings
    services: Services
    read_at: float
    reading: asyncio.Task[Configuration] | None = None

    def has_changed(self, now_s: float) -> bool:
        """Tell whether other services have been read since the last call; an unreadable configuration changes nothing."""
        if self.reading is None:
            if now_s - self.read_at > RELOAD_S:
                self.reading = asyncio.create_task(read_services(self.settings))
            return False
        if not self.reading.done():
            return False
        done, self.reading, self.read_at = self.reading, None, now_s
        failed = done.exception()
        if failed is not None:
            log.warning("configuration not read", why=str(failed), next="the old one stays in force")
            return False
        before, self.services = self.services, done.result().services
        return before != self.services


async def read_services(settings: WorkerSettings) -> Configuration:
    """Read the configuration in a thread: probes go on meanwhile."""
    return await asyncio.to_thread(read_configuration, settings.brokers, settings.publisher_key)


async def run_prober(settings: WorkerSettings, allowed: frozenset[str], sender: Sender, stop: asyncio.Event) -> int:
    """Probe until ``stop``; return the exit code."""
    catalogue = Catalogue(settings, (await read_services(settings)).services, time.monotonic())
    schedule, probes = _begin(catalogue.services, allowed)
    running: dict[Watch, asyncio.Task[None]] = {}
    sender.taken_at = time.monotonic()
    while not stop.is_set():
        for watch in schedule.due(time.monotonic()):
            # A look that still runs is not doubled: its own time-out ends it.
            if watch not in running or running[watch].done():
                running[watch] = asyncio.create_task(look_and_send(watch, probes, sender))
        sender.producer.poll(0)
        if running and sender.fault():
            log.error("exit", why=sender.fault(), next="the supervisor starts this process anew")
            return 5
        if catalogue.has_changed(time.monotonic()):
            schedule, probes = _begin(catalogue.services, allowed)
        await _pause(stop, schedule.wait_s(time.monotonic()))
    for task in running.values():
        task.cancel()
    await asyncio.gather(*running.values(), return_exceptions=True)
    return 0


def _begin(services: Services, allowed: frozenset[str]) -> tuple[Schedule, Probes]:
    watches = watches_of(services)
    log.info("probing", watches=len(watches), next="checks go to infra.health")
    return Schedule(watches, time.monotonic()), Probes(services, allowed)


async def _pause(stop: asyncio.Event, most_s: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), most_s)
    except TimeoutError:
        return


async def _main(settings: WorkerSettings, allowed: frozenset[str]) -> int:
    await asyncio.to_thread(require_topics, settings.brokers)
    stop, metrics = asyncio.Event(), Metrics()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sender = Sender(Producer(producer_settings(settings.brokers)), metrics)
    server = MetricsServer(metrics, settings.metrics_port, sender.fault)
    server.start()
    try:
        return await run_prober(settings, allowed, sender, stop)
    finally:
        sender.producer.flush(FLUSH_S)
        server.stop()


def main() -> int:
    """Run the prober; return 0 after a clean stop, 5 when broker or topics are missing."""
    configure("prober")
    try:
        return asyncio.run(_main(WorkerSettings.from_environment(os.environ), allowed_in(os.environ)))
    except HealstreamError as error:
        log.error("exit", what=error.what, why=error.why, mend=error.mend)  # noqa: TRY400 - an explained end needs no traceback
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
