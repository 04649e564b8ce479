"""The process that asks for logs: ``python -m console.fetch_logs`` reads the ends of failed jobs and produces the logs they came without.

A root. A position is committed only when everything before it is produced or has become a dead letter; what is fetched twice after a
crash has the same ids. Started by ``system.py`` when a CI server of ``services.yaml`` says ``fetch_logs``.
"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from queue import Empty, SimpleQueue

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from console.followed import Followed
from console.github.chunks import chunks_of
from console.github.errands import Errand, Errands, Fate, Spot
from console.github.wanted import Wanted, wanted_of
from infra.adapters.ci_answers import Heard, Trouble
from infra.adapters.ci_login import CiLogins
from infra.adapters.ci_logs import CiLogs, LogEnd
from infra.catalogue_reader import read_configuration
from infra.kafka import consumer_settings, deliver, located, ready_codec, unreachable
from infra.lag import LagGauge
from infra.metrics import Metrics, MetricsServer
from infra.settings import WorkerSettings
from infra.topics_admin import require_topics
from infra.until_told import run_until_told
from schemas.avro_codec import Undecodable
from schemas.outputs import Count
from schemas.oversight import DeadLetter, DeadOrigin
from schemas.services import Services

TOPIC, GROUP, STAGE = "ci.events", "healstream-fetch", "fetch"
# Few at once: a server counts requests that run side by side, and each holds a log's end in memory.
AT_ONCE = 4
# One that was killed is missed soon, and its part goes to the next.
SESSION = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 2000}
POLL_S, FLUSH_S = 0.2, 30.0
log = structlog.get_logger("fetch")


@dataclass(frozen=True, slots=True)
class Came:
    """What came of an errand."""

    errand: Errand
    found: LogEnd | Trouble


class Fetcher:
    """Reads events, lets threads ask, produces what they bring; everything but the asking happens in the thread that runs it."""

    def __init__(self, brokers: str, services: Followed[Services], logs: CiLogs, metrics: Metrics) -> None:
        """Connect; nothing is read yet."""
        self._services = services
        self.is_ready = False
        self._brokers = brokers
        self._logs = logs
        self._metrics = metrics
        self._codec = ready_codec(brokers)
        self._errands = Errands(random.SystemRandom().random)
        self._came: SimpleQueue[Came] = SimpleQueue()
        self._committed: dict[int, int] = {}
        self._under_way = 0
        self._is_paused = False
        self._consumer = Consumer({**consumer_settings(brokers, GROUP), **SESSION})

    def run(self, stop: threading.Event) -> None:
        """Fetch until ``stop``; raises UnreachableError when the broker fails: the next start goes on from the committed position."""
        self._consumer.subscribe([TOPIC], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke)
        lag = LagGauge(self._consumer, self._metrics)
        pool = ThreadPoolExecutor(AT_ONCE, "fetch")
        try:
            while not stop.is_set():
                self._read(self._consumer.poll(0.0 if not self._came.empty() else POLL_S))
                self._take_results()
                for errand in self._errands.take_due(datetime.now(UTC), AT_ONCE - self._under_way):
                    self._under_way += 1
                    pool.submit(self._ask, errand)
                self._commit()
                self._pace()
                lag.show()
        except KafkaException as error:
            raise unreachable(self._brokers, str(error.args[0])) from error
        finally:
            # What is under way is not waited for: its position is not committed, and the next start asks again.
            pool.shutdown(wait=False, cancel_futures=True)
            self._consumer.close()

    def _read(self, message: Message | None) -> None:
        if message is None:
            return
        if message.error() is not None:
            raise KafkaException(message.error())
        found = located(message, self._codec)
        # What cannot be decoded is detect's to lay aside.
        wanted = None if isinstance(found.record, Undecodable) else wanted_of(found.record, self._services.now)
        self._errands.pass_by(Spot(found.partition, found.offset), wanted, datetime.now(UTC))

    def _ask(self, errand: Errand) -> None:
        try:
            found = asked(self._logs, errand.wanted)
        except Exception as error:  # noqa: BLE001 - the one total catch of this shell: a defect costs one log, and is said with its place
            found = Trouble(Heard.REFUSED, f"a mistake of ours: {type(error).__name__}: {error}")
        self._came.put(Came(errand, found))

    def _take_results(self) -> None:
        try:
            while True:
                came = self._came.get_nowait()
                self._under_way -= 1
                if isinstance(came.found, LogEnd):
                    self._produced(came.errand, came.found)
                else:
                    self._not_fetched(came.errand, came.found)
        except Empty:
            return

    def _produced(self, errand: Errand, end: LogEnd) -> None:
        chunks = chunks_of(errand.wanted, end)
        deliver(self._brokers, chunks, self._codec, FLUSH_S)
        self._errands.done(errand, end.pause_s, datetime.now(UTC))
        self._metrics.apply(Count("healstream_events_total", (("source", "fetch"), ("kind", "LogChunk")), len(chunks)))
        log.info("log fetched", job=_named(errand), chunks=len(chunks), whole=end.is_whole)

    def _not_fetched(self, errand: Errand, trouble: Trouble) -> None:
        if trouble.heard is Heard.DENIED:
            self._logs.logins.forget(errand.wanted.server)
        fate = self._errands.failed(errand, trouble, datetime.now(UTC))
        told = {"job": _named(errand), "why": trouble.why, "tries": errand.tries + 1}
        if fate is Fate.AGAIN:
            log.warning("log not fetched", **told, next="it is asked for again; its event's position is kept")
            return
        deliver(self._brokers, (_dead_letter(errand, trouble),), self._codec, FLUSH_S)
        self._metrics.apply(Count("healstream_events_rejected_total", (("source", "fetch"), ("reason", trouble.heard.value))))
        log.error("log given up", **told, next="a dead letter names it; the incident goes on without the log, and a person is asked")

    def _commit(self) -> None:
        moved = {part: offset for part, offset in self._errands.positions().items() if self._committed.get(part) != offset}
        if moved:
            self._consumer.commit(offsets=[TopicPartition(TOPIC, part, offset) for part, offset in moved.items()], asynchronous=False)
            self._committed |= moved

    def _pace(self) -> None:
        # Polling goes on, because who does not poll is taken for dead; it only brings nothing.
        if self._errands.is_full != self._is_paused:
            self._is_paused = self._errands.is_full
            act = self._consumer.pause if self._is_paused else self._consumer.resume
            act(self._consumer.assignment())

    def _on_assign(self, _consumer: Consumer, _places: Sequence[TopicPartition]) -> None:
        self.is_ready = True
        self._is_paused = False

    def _on_revoke(self, _consumer: Consumer, places: Sequence[TopicPartition]) -> None:
        for place in places:
            self._errands.forget(place.partition)
            self._committed.pop(place.partition, None)


def asked(logs: CiLogs, wanted: Wanted) -> LogEnd | Trouble:
    """Return what the server says of a log, looking its job's number up where the event does not name it."""
    job_id = wanted.job_id or logs.job_id(wanted.server, wanted.project, wanted.run_id, wanted.attempt, wanted.job)
    return job_id if isinstance(job_id, Trouble) else logs.end_of(wanted.server, wanted.project, job_id)


def _named(errand: Errand) -> str:
    wanted = errand.wanted
    return f"{wanted.server.source}/{wanted.project}/{wanted.run_id}/{wanted.job} attempt {wanted.attempt}"


def _dead_letter(errand: Errand, trouble: Trouble) -> DeadLetter:
    wanted = errand.wanted
    key = f"{wanted.server.source}/{wanted.project}/{wanted.run_id}"
    origin = DeadOrigin(TOPIC, errand.spot.partition, errand.spot.offset, wanted.at, key)
    return DeadLetter(origin, STAGE, f"the log was not fetched: {trouble.why}"[:500], errand.tries + 1, sha256(b"").hexdigest())


def serve(settings: WorkerSettings, stop: threading.Event) -> None:
    """Run until ``stop``; raises what ended the fetching."""
    require_topics(settings.brokers)
    services, metrics = Followed("fetch", lambda: read_configuration(settings.brokers, settings.publisher_key).services), Metrics()
    fetcher = Fetcher(settings.brokers, services, CiLogs(CiLogins()), metrics)
    server = MetricsServer(metrics, settings.metrics_port, lambda: "" if fetcher.is_ready else "waiting for its part of ci.events")
    server.start()
    services.start(stop)
    log.info("fetch started", servers=sum(row.fetch_logs for row in services.now.ci), restart="goes on from its committed position")
    try:
        fetcher.run(stop)
    finally:
        stop.set()
        server.stop()


def main() -> int:
    """Run until SIGTERM; return the exit code."""
    stop = threading.Event()
    return run_until_told("fetch", partial(serve, stop=stop), stop.set)


if __name__ == "__main__":
    sys.exit(main())
