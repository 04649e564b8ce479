"""The prober: ``python -m streams.prober`` looks at every target of the catalogue and writes HealthChecks to ``infra.health``.

What looks measure, and what the catalogue's queries ask of a Prometheus, it writes to ``infra.metrics``. After a push it looks at lock
files sooner. A root: it joins the pure schedule of ``probing.py`` with ``infra/adapters/`` and the broker. Nothing is lost by a restart.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from confluent_kafka import KafkaError, Message, Producer

from infra.adapters.allowed_hosts import allowed_in
from infra.adapters.probes import Probes
from infra.adapters.prometheus import Prometheus, UnusableError
from infra.catalogue_reader import read_configuration
from infra.kafka import Settings, producer_settings, ready_codec
from infra.logging import configure
from infra.metrics import Metrics, MetricsServer
from infra.push_watch import PushWatch
from infra.settings import WorkerSettings
from infra.topics_admin import require_topics
from schemas.avro_codec import Codec
from schemas.configuration import Configuration
from schemas.errors import HealstreamError
from schemas.events import HealthCheck, MetricBatch, Origin, Provenance, Sample, Trust, WorkflowFinished
from schemas.ids import Record
from schemas.metric_queries import MetricQuery
from schemas.outputs import Count
from schemas.partitioning import partition_of
from schemas.services import Services
from schemas.topics import BY_NAME, key_of
from schemas.watches import Watch, watches_of
from streams.polling import batch_of, batches_of
from streams.probing import Schedule
from streams.push_looks import PushLooks, watches_of_push

TOPICS: Mapping[type[Record], str] = {HealthCheck: "infra.health", MetricBatch: "infra.metrics"}
# So many looks run at once; the others wait, and their time-out begins when they do.
LOOKS_AT_ONCE = 64
# What is due within so long is begun together: a loop that wakes for every look costs more than the looks.
TICK_S = 0.1
# The catalogue may change while the prober runs; a new service is looked at within this.
RELOAD_S = 30.0
FLUSH_S = 5.0
UNSENT_LIMIT_S = 60.0
_KINDS = {topic: record.RECORD for record, topic in TOPICS.items()}
Item = Watch | MetricQuery
Pushes = Callable[[], Sequence[WorkflowFinished]]
_LOCAL = Provenance(Origin.LOCAL, Trust.PROTECTED, "prober")

log = structlog.get_logger()


def sender_settings(brokers: str) -> Settings:
    """Return the settings of the prober's producer: what comes within a moment travels together, since nobody waits for one look."""
    return {**producer_settings(brokers), "linger.ms": 50}


@dataclass(slots=True)
class Sender:
    """Writes checks and metrics to their partition and knows how long the broker has taken none."""

    producer: Producer
    metrics: Metrics
    codec: Codec = field(default_factory=lambda: Codec(list(TOPICS)))
    taken_at: float = field(default_factory=time.monotonic)
    refused: str = ""

    def send(self, record: HealthCheck | MetricBatch) -> None:
        """Hand one record to the producer; a full queue drops it, because the next look is more true than an old one."""
        key, topic = key_of(record).encode(), TOPICS[type(record)]
        if not len(self.producer):
            self.taken_at = time.monotonic() if not self.refused else self.taken_at
        try:
            partition = partition_of(key, BY_NAME[topic].partitions)
            self.producer.produce(topic, self.codec.encode(record), key, partition, on_delivery=self._on_delivery)
        except BufferError:
            self.metrics.apply(Count("healstream_events_rejected_total", (("source", topic), ("reason", "queue_full"))))
        self.producer.poll(0)

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.taken_at, self.refused = time.monotonic(), ""
            topic = message.topic() or ""
            self.metrics.apply(Count("healstream_events_total", (("source", topic), ("kind", _KINDS.get(topic, "unknown")))))
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


@dataclass(frozen=True, slots=True)
class Eyes:
    """What looks and asks, over one catalogue; ``slots`` bounds how much of it goes on at once."""

    probes: Probes
    prometheus: Prometheus
    sender: Sender
    slots: asyncio.Semaphore

    async def take(self, item: Item) -> None:
        """Look or ask once, and send what was seen."""
        async with self.slots:
            await (self._look(item) if isinstance(item, Watch) else self._poll(item))

    async def _look(self, watch: Watch) -> None:
        at, begun = datetime.now(UTC), time.perf_counter()
        look = await self.probes.look(watch.probe)
        latency_ms = (time.perf_counter() - begun) * 1000
        self.sender.send(HealthCheck(watch.target, watch.probe.name, look.status, at, latency_ms, look.detail, _LOCAL))
        if look.figures:
            samples = [Sample(one.metric, one.unit, one.value, at, (("probe", watch.probe.name),)) for one in look.figures]
            self.sender.send(batch_of(watch.target, "prober", samples, _LOCAL))

    async def _poll(self, query: MetricQuery) -> None:
        try:
            rows = await asyncio.to_thread(self.prometheus.poll, query)
        except UnusableError as why:
            self._refuse("unreadable", 1)
            log.warning("not polled", query=query.name, why=str(why), next="it is asked again after its period")
            return
        batches, left_out = batches_of(query, rows, self.probes.services, _LOCAL)
        for batch in batches:
            self.sender.send(batch)
        if left_out:
            self._refuse("no_target", left_out)
            log.warning("series left out", query=query.name, series=left_out, next="correct `target` of the query, or the catalogue")

    def _refuse(self, reason: str, count: int) -> None:
        self.sender.metrics.apply(Count("healstream_events_rejected_total", (("source", "infra.metrics"), ("reason", reason)), count))


@dataclass(slots=True)
class Catalogue:
    """The services as they were last read, read again in the background every ``RELOAD_S``."""

    settings: WorkerSettings
    services: Services
    read_at: float
    reading: asyncio.Task[Configuration] | None = None
    # So many looks in a row turn a target.
    fail_after: int = 2

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
        self.fail_after = done.result().policy.fail_after
        return before != self.services


async def read_services(settings: WorkerSettings) -> Configuration:
    """Read the configuration in a thread: probes go on meanwhile."""
    return await asyncio.to_thread(read_configuration, settings.brokers, settings.publisher_key)


async def run_prober(settings: WorkerSettings, allowed: frozenset[str], sender: Sender, stop: asyncio.Event) -> int:
    """Probe until ``stop``; return the exit code."""
    found = await read_services(settings)
    catalogue = Catalogue(settings, found.services, time.monotonic(), fail_after=found.policy.fail_after)
    pushes = PushWatch(settings.brokers)
    pushes.start()
    try:
        return await watch_all(catalogue, allowed, sender, stop, pushes.heard)
    finally:
        await asyncio.to_thread(pushes.close)


async def watch_all(catalogue: Catalogue, allowed: frozenset[str], sender: Sender, stop: asyncio.Event, pushes: Pushes = lambda: ()) -> int:
    """Look at everything of the catalogue until ``stop``, and sooner after what ``pushes`` has heard; return the exit code."""
    # What a thread looks at has as many threads as slots: in a queue of its own it would seem silent.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(LOOKS_AT_ONCE))
    slots = asyncio.Semaphore(LOOKS_AT_ONCE)
    schedule, eyes = _begin(catalogue.services, allowed, sender, slots)
    running: dict[Item, asyncio.Task[None]] = {}
    sooner = PushLooks()
    sender.taken_at = time.monotonic()
    while not stop.is_set():
        now_s = time.monotonic()
        for event in pushes():
            sooner.add(watches_of_push(event, catalogue.services), catalogue.fail_after, now_s)
        for item in (*schedule.due(now_s), *sooner.due(now_s, lambda watch: _is_busy(running, watch))):
            # A look that still runs is not doubled: its own time-out ends it.
            if not _is_busy(running, item):
                running[item] = asyncio.create_task(eyes.take(item))
        sender.producer.poll(0)
        if running and sender.fault():
            log.error("exit", why=sender.fault(), next="the supervisor starts this process anew")
            return 5
        if catalogue.has_changed(time.monotonic()):
            schedule, eyes = _begin(catalogue.services, allowed, sender, slots)
        await _pause(stop, max(schedule.wait_s(time.monotonic()), TICK_S))
    for task in running.values():
        task.cancel()
    await asyncio.gather(*running.values(), return_exceptions=True)
    return 0


def _is_busy(running: Mapping[Item, asyncio.Task[None]], item: Item) -> bool:
    return item in running and not running[item].done()


def _begin(services: Services, allowed: frozenset[str], sender: Sender, slots: asyncio.Semaphore) -> tuple[Schedule[Item], Eyes]:
    periods: list[tuple[Item, float]] = [(watch, watch.probe.every_s) for watch in watches_of(services)]
    periods += [(query, query.every_s) for query in services.metric_queries]
    log.info("probing", watches=len(periods), next="checks go to infra.health, figures to infra.metrics")
    eyes = Eyes(Probes(services, allowed), Prometheus(services.prometheus, allowed), sender, slots)
    return Schedule(periods, time.monotonic(), random.random), eyes


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
    codec = await asyncio.to_thread(ready_codec, settings.brokers, list(TOPICS))
    sender = Sender(Producer(sender_settings(settings.brokers)), metrics, codec)
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
