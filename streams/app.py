"""The Faust worker: ``python -m streams.app`` with HEALSTREAM_ROLE detect, middle or all; the rows of the flow come from ``flow.py``.

Faust carries ingest + detect, classify, decide and learn, at least once; what it may not do here is listed in docs/adr.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from signal import Signals
from typing import cast

import faust
import mode
import structlog
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from mode.services import WaitArgT, WaitResults
from typing_extensions import override

from infra.catalogue_follower import follow
from infra.catalogue_reader import read_configuration
from infra.compiled_patterns import CompiledPatterns
from infra.garbage import keep_what_is_loaded
from infra.kafka import read_to_end, ready_codec
from infra.logging import configure
from infra.logins import MECHANISM, Reach, reach_of
from infra.metrics import Metrics, MetricsServer
from infra.settings import WorkerSettings
from infra.topics_admin import require_topics
from infra.watchdog import Limits, Pulse, watch
from schemas.errors import ConfigurationError, HealstreamError
from schemas.outputs import Gauge
from schemas.topics import MAX_RECORD_BYTES
from streams.agents import Bound, Owner, Shell, bind, partitions_of
from streams.binding import Letter
from streams.bounds import bounds_of, make_ready, shipped
from streams.flow import Role, Stage, stages_of
from streams.rules import rules_from
from streams.rules_in_force import Heard, RulesInForce, next_rules

log = structlog.get_logger()

# What Faust calls with an assignment: sender first, then the partitions.
Listener = Callable[..., Awaitable[None]]

TICK_S = 0.5
BEAT_S = 1.0
NOTE_S = 2.0
_FETCH_BYTES = 2 * 1024 * 1024
_BUSY_WAIT_MS, _IDLE_WAIT_MS = 20, 1500
# What one look at the broker hands over, and what waits for each partition's actor: together they bound the memory under a backlog, and how
# long a look waits for the room of a partition that is behind.
_POLL_RECORDS = 64
_BUFFERED_RECORDS = 64
# What tells of targets is little, and grave: it is not read behind a flood of logs.
_FIRST = ("infra.health", "infra.alerts", "infra.metrics")
# What is published, promoted and demoted; a worker takes it up while it runs.
_PUBLISHED = ("heal.catalogue", "learning.models", "heal.demotions")


class CommittedThread(driver.AIOKafkaConsumerThread):
    """Reads committed records only, and assigns the topics of one stage together although there are no Faust tables."""

    @override
    def _create_worker_consumer(self, transport: driver.Transport) -> object:
        # Faust hard-codes read_uncommitted outside its own transactions, and round robin without tables.
        consumer = super()._create_worker_consumer(transport)
        self._assignor = self.app.assignor
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - no setting leads there
        consumer._partition_assignment_strategy = [self._assignor]  # noqa: SLF001
        return consumer

    _is_turn_of_first: bool = True

    @override
    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[faust.types.TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Mapping[faust.types.TP, list[object]]:
        # Partitions whose buffers are full come back soon, but a wait for those that have nothing would not see it.
        is_held_back = len(active_partitions) < len(consumer.assignment())
        wait_s = _BUSY_WAIT_MS / 1000 if is_held_back else timeout
        # The library hands over a partition's whole fetch before the next one's, so what is to come first is asked for first, in turns.
        first = {place for place in active_partitions if place.topic in _FIRST} if self._is_turn_of_first else set()
        records = await super()._fetch_records(consumer, first, 0, max_records) if first else {}
        self._is_turn_of_first = not records
        if not records:
            records = await super()._fetch_records(consumer, active_partitions, wait_s, max_records)
        # Nor may a request for those hold back the next one while records flow.
        is_busy = bool(records) or is_held_back
        consumer._fetcher._fetch_max_wait_ms = _BUSY_WAIT_MS if is_busy else _IDLE_WAIT_MS  # noqa: SLF001 - no setting leads there
        return records


class Begun(Awaitable[object]):
    """A coroutine that ran until it had to wait, and what it waits for; awaiting this goes on with it."""

    def __init__(self, rest: Coroutine[object, None, object], waits_for: object) -> None:
        """Remember both."""
        self._rest = rest
        self._waits_for = waits_for

    @override
    def __await__(self) -> Generator[object, None, object]:
        yield self._waits_for
        return (yield from self._rest.__await__())


class QuietMonitor(faust.Monitor):
    """Keeps no statistics of each event: ours are in ``infra/metrics.py``."""

    @override
    def on_message_in(self, tp: faust.types.TP, offset: int, message: faust.types.Message) -> None:
        """Count nothing."""

    @override
    def on_stream_event_in(
        self, tp: faust.types.TP, offset: int, stream: faust.types.StreamT[bytes], event: faust.types.EventT[bytes]
    ) -> None:
        """Count nothing."""

    @override
    def on_stream_event_out(
        self,
        tp: faust.types.TP,
        offset: int,
        stream: faust.types.StreamT[bytes],
        event: faust.types.EventT[bytes],
        state: dict[str, object] | None = None,
    ) -> None:
        """Count nothing."""

    @override
    def on_message_out(self, tp: faust.types.TP, offset: int, message: faust.types.Message) -> None:
        """Count nothing."""

    @override
    def track_tp_end_offset(self, tp: faust.types.TP, offset: int) -> None:
        """Keep nothing: the lag is read from the consumer."""


class CommittedConsumer(driver.Consumer):
    """The consumer around that thread."""

    @override
    def _new_consumer_thread(self) -> CommittedThread:
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)

    @override
    async def wait_first(self, *coros: WaitArgT, timeout: mode.Seconds = None) -> WaitResults:  # type: ignore[assignment]
        # Faust makes four tasks of every message to stop early when its buffer is full; mostly it is not, and nothing waits.
        first, *others = coros
        if not isinstance(first, Coroutine):
            return await super().wait_first(*coros, timeout=timeout)
        try:
            waits_for = first.send(None)
        except StopIteration as done:
            for other in others:
                if isinstance(other, Coroutine):
                    other.close()
            return WaitResults([first], [done.value], self.should_stop)
        return await super().wait_first(Begun(first, waits_for), *others, timeout=timeout)

    @override
    async def _handle_attached(self, commit_offsets: Mapping[faust.types.TP, int]) -> None:
        # These offsets were acknowledged before now, so what is applied by now holds all of their events.
        await cast("CommittedTransport", self.transport).before_commit()
        await super()._handle_attached(commit_offsets)


class CommittedTransport(driver.Transport):
    """The transport that makes that consumer; ``before_commit`` returns once the state of what was applied is durable."""

    Consumer = CommittedConsumer
    before_commit: Callable[[], Awaitable[None]]


class Worker(faust.Worker):
    """Ends the process as soon as everything is committed, without Faust's further waiting for the loop."""

    def __init__(self, app: faust.App, pulse: Pulse, loop: asyncio.AbstractEventLoop) -> None:
        """Remember whom to tell of the stop."""
        super().__init__(app, loglevel="WARN", loop=loop, redirect_stdouts=False, quiet=True)
        self._pulse = pulse

    @override
    def _schedule_shutdown(self, signal: Signals) -> None:
        if self._pulse.stopping_at is None:
            self._pulse.stopping_at = time.monotonic()
        super()._schedule_shutdown(signal)

    @override
    def _shutdown_loop(self) -> None:
        """End once all services have stopped: with 0 after a wanted stop, else with 1, so that the supervisor starts it anew."""
        stopped = self._pulse.stopping_at is not None
        log.info("stopped; a restart resumes from the state" if stopped else "Faust crashed; a restart resumes from the state")
        sys.stderr.flush()
        os._exit(0 if stopped else 1)


def make_app(settings: WorkerSettings, name: str, before_commit: Callable[[], Awaitable[None]]) -> faust.App:
    """Return the Faust app with the settings under which it was tried; ``before_commit`` makes the state durable."""
    reach = reach_of(settings.brokers)
    app = faust.App(
        name,
        broker=[f"kafka://{address}" for address in reach.addresses],
        broker_credentials=credentials_of(reach),
        autodiscover=False,
        datadir=str(settings.state / "faust"),
        store="memory://",
        web_enabled=False,
        canonical_url=f"http://{socket.gethostname()}:{os.getpid()}",
        broker_session_timeout=12,
        broker_heartbeat_interval=3,
        broker_request_timeout=30,
        broker_max_poll_interval=120,
        broker_commit_interval=1,
        producer_request_timeout=30,
        producer_linger=0.005,
        producer_max_request_size=2 * MAX_RECORD_BYTES,
        consumer_max_fetch_size=_FETCH_BYTES,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=_POLL_RECORDS,
        stream_buffer_maxsize=_BUFFERED_RECORDS,
        stream_wait_empty=False,
        table_standby_replicas=0,
        Monitor=QuietMonitor,
        topic_disable_leader=True,
        topic_allow_declare=False,
    )
    transport = CommittedTransport(app.conf.broker_consumer, app)
    transport.before_commit = before_commit
    app.transport = transport
    return app


def credentials_of(reach: Reach) -> faust.SASLCredentials | None:
    """Return as whom Faust connects; without our own context it would send everything in the clear, wherever the broker is."""
    if reach.login is None:
        return None
    return faust.SASLCredentials(
        username=reach.login.username, password=reach.login.password, mechanism=MECHANISM, ssl_context=reach.ssl_context()
    )


class Run:
    """One worker's life: its app, its owners and its pulse."""

    def __init__(self, settings: WorkerSettings, bounds: Sequence[Bound], name: str, limits: Limits) -> None:
        """Bind the stages; nothing runs yet."""
        self._app = make_app(settings, name, self._before_commit)
        self._pulse = Pulse.starting(time.monotonic())
        self._limits = limits
        self._metrics = Metrics()
        self._server = MetricsServer(self._metrics, settings.metrics_port, self._why_not_ready)
        shell = Shell(settings.brokers, self._send, self._metrics.apply, self._pulse, limits)
        self._owners = [Owner(bound, shell) for bound in bounds]
        for bound, owner in zip(bounds, self._owners, strict=True):
            bind(self._app, owner, bound.stage.name)
        self._app.on_partitions_assigned.connect(cast("Listener", self._on_assigned))
        self._app.on_partitions_revoked.connect(cast("Listener", self._on_revoked))
        self._app.task(self._tick)
        self._app.task(self._note)
        self._assigned = False

    def go(self) -> None:
        """Run until a signal; does not return."""
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        self._beat(loop)
        watch(self._pulse, self._limits)
        self._server.start()
        # Looking through the libraries for garbage again and again cost more than some stages.
        keep_what_is_loaded()
        Worker(self._app, self._pulse, loop).execute_from_commandline()

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._pulse.beat_at = time.monotonic()
        loop.call_later(BEAT_S, self._beat, loop)

    async def _send(self, letter: Letter) -> Awaitable[object]:
        producer = self._app.producer
        return await producer.send(letter.topic, letter.key, letter.value, letter.partition, None, list(letter.headers))

    async def _on_assigned(self, _sender: object, assigned: Iterable[faust.types.TP], **_rest: object) -> None:
        for owner in self._owners:
            owner.own(partitions_of(owner, assigned))
        self._assigned = True

    async def _on_revoked(self, _sender: object, revoked: Iterable[faust.types.TP], **_rest: object) -> None:
        log.info("partitions revoked; what is under way ends first", count=len(list(revoked)))
        await asyncio.gather(*(owner.settle() for owner in self._owners))

    async def _before_commit(self) -> None:
        for owner in self._owners:
            await owner.write_states()

    async def _tick(self) -> None:
        while not self._app.should_stop:
            for owner in self._owners:
                await owner.tick(datetime.now(UTC))
            if self._assigned and not self._pulse.ready and all(owner.is_ready() for owner in self._owners):
                self._pulse.ready = True
                log.info("ready; events are handled")
            await asyncio.sleep(TICK_S)

    async def _note(self) -> None:
        while not self._app.should_stop:
            consumer = self._app.consumer
            lags: dict[str, int] = {}
            positions: list[int] = []
            for tp in sorted(consumer.assignment()):
                position = await consumer.position(tp) or 0
                positions.append(position)
                lags[tp.topic] = lags.get(tp.topic, 0) + max(0, (consumer.highwater(tp) or 0) - position)
            waiting = any(not message.acked for message in tuple(consumer.unacked))
            token = (tuple(owner.done for owner in self._owners), tuple(positions))
            self._pulse.note(time.monotonic(), token, waiting or any(lags.values()))
            for topic, lag in lags.items():
                self._metrics.apply(Gauge("healstream_consumer_lag_messages", lag, (("topic", topic),)))
            await asyncio.sleep(NOTE_S)

    def _why_not_ready(self) -> str:
        return "" if self._pulse.ready else "partitions are not assigned or their state is not read yet"


def serve(settings: WorkerSettings, bounds: Sequence[Bound], name: str, limits: Limits | None = None) -> None:
    """Run the stages until a signal; raises UnreachableError when the broker or a topic is not there."""
    require_topics(settings.brokers)
    Run(settings, bounds, name, limits or Limits()).go()


def role_in(settings: WorkerSettings) -> Role:
    """Return the role that the environment asks for; raises ConfigurationError for another word."""
    try:
        return Role(settings.role)
    except ValueError as error:
        raise ConfigurationError("HEALSTREAM_ROLE", f"{settings.role!r} is no role", f"Give one of {', '.join(Role)}") from error


def take_up(settings: WorkerSettings, stages: Sequence[Stage], force: RulesInForce) -> None:
    """Put what is published now in force; raises what says why it cannot be read or used, and the old rules stay."""
    heard = Heard(settings.publisher_key)
    for topic in _PUBLISHED:
        for record in read_to_end(settings.brokers, topic):
            heard.note(record)
    found = next_rules(heard, force.current, shipped(), CompiledPatterns.in_cache(os.environ))
    if found.rules is not None:
        make_ready(stages, found.rules)
        force.take(found.rules)
        log.info("rules replaced; the stages take them up at their next tick", catalogue=found.rules.detect.configuration.version)
    elif found.why:
        raise ConfigurationError("catalogue", found.why, "Publish it again")


def main() -> int:
    """Run the worker; return the exit code when it cannot begin."""
    configure("streams.app")
    try:
        settings = WorkerSettings.from_environment(os.environ)
        role = role_in(settings)
        require_topics(settings.brokers)
        codec = ready_codec(settings.brokers)
        configuration = read_configuration(settings.brokers, settings.publisher_key)
        rules = rules_from(configuration, shipped(), CompiledPatterns.in_cache(os.environ))
        stages = stages_of(role)
        make_ready(stages, rules)
        force = RulesInForce(rules)
        follow(settings.brokers, _PUBLISHED, lambda: take_up(settings, stages, force))
        serve(settings, bounds_of(stages, force, codec), f"healstream-{role}")
    except HealstreamError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
