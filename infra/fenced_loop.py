"""The fenced loop: a pure stage whose outputs, state and input offsets are one transaction, with exactly one writer at any time.

One owner reads one-partition topics. On assignment it fences every earlier owner (``init_transactions`` of the loop's own
``transactional.id``), reads the compacted state topic up to a word of its own, and goes on after the offsets that the state holds. Any
Kafka error ends the process, and its supervisor starts it anew: an owner that was paused and wakes can write nothing. Called by
``streams/gatekeeper.py``.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from threading import Event
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.cimpl import OFFSET_BEGINNING

from infra.kafka import consumer_settings, destination, header, headers_of, producer_settings, value_of, watermarks
from infra.lag import LagGauge
from infra.metrics import Metrics
from infra.state_log import read_entries
from schemas.avro_codec import Codec, Undecodable
from schemas.errors import FencedError
from schemas.ids import Record, from_micros
from schemas.outputs import Count, Emit, Gauge, Late, Observe, Output, Place, Reject, StageLogic
from schemas.oversight import DeadLetter, DeadOrigin

OFFSET_PREFIX = "@offset/"
EPOCH_ENTRY = "@epoch"
OWNER_ENTRY = "@owner"


class StageFactory(Protocol):
    """Builds the stage from its entries and the owner's epoch, a number that rises with every owner."""

    def __call__(self, entries: Mapping[str, str], epoch: int) -> StageLogic[Record]:
        """Return the stage."""
        ...


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """What one loop does. ``read_first`` topics are read to their end before time passes for the stage.

    ``pace_s``: what comes within that many seconds after a transaction waits for the next one, so that a busy loop costs the broker
    few large transactions instead of many small ones. ``only_with``: of these topics only records that hold one of these bytes are for the
    stage; the others, of which there may be many, are not even decoded. ``read_at_start`` topics are read to where they ended when this
    owner began before time passes: what was told while nobody owned the door is known before anything is let through.
    """

    name: str
    inputs: tuple[str, ...]
    state_topic: str
    stage: StageFactory
    read_first: tuple[str, ...] = ()
    tick_s: float = 0.4
    pace_s: float = 0.0
    batch: int = 200
    session_s: float = 6.0
    ready_s: float = 60.0
    only_with: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    read_at_start: tuple[str, ...] = ()

    def is_for_stage(self, topic: str, raw: bytes) -> bool:
        """Tell whether the stage has to do with a record."""
        wanted = self.only_with.get(topic)
        return wanted is None or any(word in raw for word in wanted)


class FencedLoop:
    """Runs one plan until it is asked to stop; raises FencedError on the first error that leaves in doubt who owns what."""

    def __init__(self, plan: LoopPlan, brokers: str, codec: Codec, metrics: Metrics) -> None:
        self._plan = plan
        self._brokers = brokers
        self._codec = codec
        self._metrics = metrics
        self._stage: StageLogic[Record] | None = None
        self._producer: Producer | None = None
        self._applied: dict[str, int] = {}
        self._unread: dict[str, int] = {}
        session = {"session.timeout.ms": int(plan.session_s * 1000), "heartbeat.interval.ms": int(plan.session_s * 1000 / 3)}
        settings = consumer_settings(brokers, f"healstream-{plan.name}") | session | {"partition.assignment.strategy": "range"}
        self._consumer = Consumer(settings)

    @property
    def owns(self) -> bool:
        """Tell whether this process is the owner now."""
        return self._stage is not None

    def run(self, stop: Event) -> None:
        """Own, or wait to own, until ``stop`` is set."""
        try:
            self._consumer.subscribe(list(self._plan.inputs), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke)
            next_tick = time.monotonic()
            lag = LagGauge(self._consumer, self._metrics)
            while not stop.is_set():
                messages = self._next_batch(max(0.0, next_tick - time.monotonic()))
                if messages or time.monotonic() >= next_tick:
                    self._take(messages)
                    lag.show()
                    next_tick = time.monotonic() + self._plan.tick_s
                    stop.wait(self._plan.pace_s)
        except KafkaException as error:
            raise FencedError(
                f"loop {self._plan.name}", str(error.args[0]), "The supervisor starts it anew from its stored state"
            ) from error
        finally:
            self._consumer.close()

    def _next_batch(self, wait_s: float) -> list[Message]:
        # ``consume`` waits for a full batch: waiting for the first record alone costs it no delay, and an idle loop only its ticks.
        first = self._consumer.poll(wait_s)
        return [] if first is None else [first, *self._consumer.consume(self._plan.batch - 1, 0)]

    def _on_assign(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        if {place.topic for place in partitions} != set(self._plan.inputs):
            # The range assignor gives all first partitions to one member; anything else means that we own nothing.
            consumer.assign([])
            return
        producer = Producer({**producer_settings(self._brokers), "transactional.id": f"healstream-{self._plan.name}"})
        producer.init_transactions(self._plan.ready_s)
        mark = uuid.uuid4().hex
        _write(self._plan, producer, self._codec, [], {OWNER_ENTRY: mark})
        entries = read_entries(self._brokers, self._plan.state_topic, 0, self._plan.ready_s, (OWNER_ENTRY, mark))
        self._applied = {name.removeprefix(OFFSET_PREFIX): int(text) for name, text in entries.items() if name.startswith(OFFSET_PREFIX)}
        epoch = int(entries.get(EPOCH_ENTRY, "0")) + 1
        self._unread = {topic: _end_of(consumer, topic, self._plan.session_s) for topic in self._plan.read_at_start}
        self._producer = producer
        self._stage = self._plan.stage({name: text for name, text in entries.items() if not name.startswith("@")}, epoch)
        self._commit([], {EPOCH_ENTRY: str(epoch)})
        consumer.assign(
            [
                TopicPartition(topic, 0, self._applied[topic] + 1 if topic in self._applied else OFFSET_BEGINNING)
                for topic in self._plan.inputs
            ]
        )

    def _on_revoke(self, _consumer: Consumer, _partitions: Sequence[TopicPartition]) -> None:
        # Nothing is kept in memory that the state topic does not hold, so the stage is simply dropped.
        self._stage = None
        self._producer = None

    def _take(self, messages: Sequence[Message]) -> None:
        """Apply what came, let time pass, and make all of it one transaction."""
        if self._stage is None:
            return
        outputs: list[Output] = []
        letters: list[tuple[Record, str]] = []
        for message in messages:
            error = message.error()
            if error is not None:
                raise KafkaException(error)
            place = Place(str(message.topic()), int(message.partition() or 0), int(message.offset() or 0))
            if place.offset > self._applied.get(place.topic, -1):
                letters += self._apply(message, place, outputs)
                self._applied[place.topic] = place.offset
        if self._has_read_first():
            said = self._stage.on_tick(datetime.now(UTC))
            letters += [(output.record, "") for output in said if isinstance(output, Emit)]
            outputs += said
        offsets = {f"{OFFSET_PREFIX}{topic}": str(offset) for topic, offset in self._applied.items()} if messages else {}
        self._commit(letters, offsets)
        _show(outputs, self._plan.name, self._metrics)

    def _apply(self, message: Message, place: Place, shown: list[Output]) -> list[tuple[Record, str]]:
        value = message.value()
        raw = value if isinstance(value, bytes) else b""
        if not self._plan.is_for_stage(place.topic, raw):
            return []
        record = self._codec.decode(raw)
        if isinstance(record, Undecodable):
            shown.append(_rejected(place, "undecodable"))
            return [(_dead_letter(message, place, self._plan.name, record.why), "")]
        outputs = self._stage.on_event(record, place, datetime.now(UTC)) if self._stage else ()
        shown += outputs
        rejected = [_dead_letter(message, place, self._plan.name, output.reason) for output in outputs if isinstance(output, Reject)]
        shown += [_rejected(place, "rejected") for _ in rejected]
        trace = header(message, "traceparent")
        return [(output.record, trace) for output in outputs if isinstance(output, Emit)] + [(letter, trace) for letter in rejected]

    def _has_read_first(self) -> bool:
        """Tell whether every ``read_first`` topic is read to its end as the broker knows it now, and the others to their first end."""
        ends = {topic: _end_of(self._consumer, topic, self._plan.session_s) for topic in self._plan.read_first}
        self._unread = {topic: end for topic, end in self._unread.items() if not self._is_read(topic, end)}
        return not self._unread and all(self._is_read(topic, end) for topic, end in ends.items())

    def _is_read(self, topic: str, end: int) -> bool:
        # The position, not the last record's offset: markers and compacted gaps are passed too.
        position = self._consumer.position([TopicPartition(topic, 0)])[0].offset
        return end <= 0 or max(position, self._applied.get(topic, -1) + 1) >= end

    def _commit(self, records: Sequence[tuple[Record, str]], entries: Mapping[str, str | None]) -> None:
        changes = {**(self._stage.take_changes() if self._stage else {}), **entries}
        if self._producer is not None and (records or changes):
            _write(self._plan, self._producer, self._codec, records, changes)


def _write(
    plan: LoopPlan, producer: Producer, codec: Codec, records: Sequence[tuple[Record, str]], changes: Mapping[str, str | None]
) -> None:
    producer.begin_transaction()
    for record, trace in records:
        topic, key, partition = destination(record)
        producer.produce(topic, value_of(record, codec), key, partition, headers=headers_of(record, trace))
    for name, text in changes.items():
        producer.produce(plan.state_topic, None if text is None else text.encode(), name.encode(), 0)
    producer.commit_transaction(plan.session_s)


def _end_of(consumer: Consumer, topic: str, wait_s: float) -> int:
    low, high = watermarks(consumer, TopicPartition(topic, 0), wait_s)
    # Where all has aged away there is nothing to read, and no position to wait for.
    return high if high > low else 0


def _rejected(place: Place, reason: str) -> Count:
    return Count("healstream_events_rejected_total", (("source", place.topic), ("reason", reason)))


def _dead_letter(message: Message, place: Place, stage: str, why: str) -> DeadLetter:
    value, key = message.value(), message.key()
    raw = value if isinstance(value, bytes) else b""
    name = key.decode("utf-8", "replace") if isinstance(key, bytes) else ""
    at = from_micros(max(0, int(message.timestamp()[1])) * 1000)
    return DeadLetter(DeadOrigin(place.topic, place.partition, place.offset, at, name), stage, why[:500], 1, sha256(raw).hexdigest())


def _show(outputs: Sequence[Output], stage: str, metrics: Metrics) -> None:
    for output in outputs:
        if isinstance(output, Count | Observe | Gauge):
            metrics.apply(output)
        elif isinstance(output, Late):
            metrics.apply(Count("healstream_events_rejected_total", (("source", stage), ("reason", "late"))))
