"""Puts a pure stage into a Faust agent: guard, outputs sent and awaited, then the state; called by ``streams/app.py``.

The state of a partition is read from its compacted topic when the partition is assigned and written by awaited sends, not through
a Faust table: a table may be written only inside a stream's iteration, so a tick could not, and its writes are not awaited.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import faust
import structlog

from infra.state_log import read_entries
from infra.watchdog import Limits, Pulse, exit_now
from schemas.avro_codec import Codec
from schemas.door import Refused
from schemas.ids import Record
from schemas.outputs import Count, Gauge, Observe, Output, Place, StageLogic
from streams.binding import (
    Guard,
    Incoming,
    Letter,
    dead_letter,
    letter_of,
    letters_of,
    measures_of,
    new_traceparent,
    refusal,
    stage_entries,
    state_letters,
    traceparent_in,
)
from streams.doors import Door
from streams.flow import Stage

log = structlog.get_logger()

READ_STATE_S = 30.0
# What was said, what to send for it, and what then makes the state durable.
Delivery = tuple[Sequence[Output], Sequence[Letter], Sequence[Letter]]


def feed_plainly(logic: StageLogic[Record], event: Record, incoming: Incoming, now: datetime) -> Sequence[Output]:
    """Give an event to a stage; its outputs take their trace from the event or its header."""
    return logic.on_event(event, incoming.place, now)


@dataclass(frozen=True, slots=True)
class Bound:
    """A row of the flow with what it needs to run: its door, how its logic is rebuilt from entries, and the codec of its outputs."""

    stage: Stage
    door: Door
    build: Callable[[Mapping[str, str]], StageLogic[Record]]
    codec: Codec
    feed: Callable[[StageLogic[Record], Record, Incoming, datetime], Sequence[Output]] = feed_plainly


@dataclass(frozen=True, slots=True)
class Shell:
    """What the owners share: the broker's address, the sender, the meter, the pulse and its limits."""

    brokers: str
    send: Callable[[Letter], Awaitable[Awaitable[object]]]
    measure: Callable[[Count | Observe | Gauge], None]
    pulse: Pulse
    limits: Limits

    async def post(self, letters: Sequence[Letter]) -> None:
        """Send the letters and wait until the broker has them all; end the process when it has not."""
        if not letters:
            return
        # An owner that slept may have a successor by now: it must not write another word.
        idle = time.monotonic() - self.pulse.beat_at
        if idle > self.limits.blocked_s:
            exit_now(f"this process slept {idle:.1f} s and its partitions may have another owner")
        try:
            for receipt in [await self.send(letter) for letter in letters]:
                await receipt
        except Exception as error:  # noqa: BLE001 - whatever the client raises, the offset must not be committed
            exit_now(f"{letters[0].topic} did not take a record: {type(error).__name__}: {error}")

    def measure_all(self, outputs: Sequence[Output]) -> None:
        """Put what is measured into the metrics."""
        for output in measures_of(outputs):
            try:
                self.measure(output)
            except (KeyError, ValueError):
                log.exception("a metric is not in the list; it is not counted", metric=output.metric)


@dataclass(slots=True)
class Cell:
    """One partition's live stage and its guard."""

    logic: StageLogic[Record]
    guard: Guard


class Owner:
    """Owns the live stages of one row, one per assigned partition, and lets each do one thing at a time."""

    def __init__(self, bound: Bound, shell: Shell) -> None:
        """Begin with no partition."""
        self._bound = bound
        self._shell = shell
        self._cells: dict[int, Cell] = {}
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._assigned: frozenset[int] = frozenset()
        self.done = 0

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that the row reads."""
        return self._bound.stage.reads

    def is_ready(self) -> bool:
        """Tell whether the state of every assigned partition is in memory."""
        return self._assigned <= self._cells.keys()

    def own(self, partitions: Iterable[int]) -> None:
        """Take these partitions; their state is read at the next tick or event."""
        self._assigned = frozenset(partitions)

    async def settle(self) -> None:
        """Finish what is under way and forget every partition: the next owner begins only after this returns."""
        for partition in tuple(self._locks):
            async with self._locks[partition]:
                self._cells.pop(partition, None)
        self._assigned = frozenset()

    async def take(self, incoming: Incoming) -> None:
        """Apply one event: outputs are durable before the state, the state before this returns and the offset may be committed."""
        place = incoming.place
        async with self._locks[place.partition]:
            cell = await self._cell(place.partition)
            if not cell.guard.has_applied(place):
                outputs, letters, state = self._judge(cell, incoming)
                await self._shell.post(letters)
                await self._shell.post(state)
                self._shell.measure_all(outputs)
        self.done += 1

    async def tick(self, now: datetime) -> None:
        """Let time pass in every assigned partition."""
        for partition in sorted(self._assigned):
            async with self._locks[partition]:
                if partition not in self._assigned:
                    continue
                cell = await self._cell(partition)
                outputs, letters, state = self._let_pass(cell, partition, now)
                await self._shell.post(letters)
                await self._shell.post(state)
                self._shell.measure_all(outputs)

    async def _cell(self, partition: int) -> Cell:
        cell = self._cells.get(partition)
        if cell is None:
            topic = self._bound.stage.state_topic
            try:
                entries = await asyncio.to_thread(read_entries, self._shell.brokers, topic, partition, READ_STATE_S)
                self._bound.door.forget(partition)
                cell = Cell(self._bound.build(stage_entries(entries)), Guard.from_entries(entries))
            except Exception as error:
                # Without its state the stage would forget what it promised; a person must see the cause, a restart may mend it.
                log.exception("the state cannot be read; the process ends", topic=topic, partition=partition)
                exit_now(f"the state in {topic}/{partition} cannot be used: {error}")
                raise
            self._cells[partition] = cell
            log.info("state read; events follow", stage=self._bound.stage.name, partition=partition, entries=len(entries))
        return cell

    def _judge(self, cell: Cell, incoming: Incoming) -> Delivery:
        # Total: what the stage cannot take becomes a dead letter, whatever broke.
        bound, place = self._bound, incoming.place
        try:
            now = datetime.now(UTC)
            opened = bound.door.open(incoming, now)
            if isinstance(opened, Refused):
                return _refused(bound, incoming, opened)
            said = () if opened.event is None else bound.feed(cell.logic, opened.event, incoming, now)
            outputs = (*opened.outputs, *said)
            letters = (*opened.letters, *letters_of(outputs, incoming, bound.stage.name, bound.codec))
            changes = cell.logic.take_changes()
            cell.guard.advance(place)
            return outputs, letters, state_letters(bound.stage.state_topic, place.partition, changes, cell.guard) if changes else ()
        except Exception as error:
            # The stage may be half changed: it is rebuilt from its written entries before the next event.
            self._cells.pop(place.partition, None)
            log.exception("the stage failed; the event becomes a dead letter", stage=bound.stage.name, place=str(place))
            return _refused(bound, incoming, refusal(incoming, type(error).__name__, str(error)))

    def _let_pass(self, cell: Cell, partition: int, now: datetime) -> Delivery:
        stage = self._bound.stage
        try:
            outputs = cell.logic.on_tick(now)
            letters = letters_of(outputs, None, stage.name, self._bound.codec)
            changes = cell.logic.take_changes()
            return outputs, letters, state_letters(stage.state_topic, partition, changes, cell.guard) if changes else ()
        except Exception:
            self._cells.pop(partition, None)
            log.exception("a tick failed; the stage is rebuilt from its state and goes on", stage=stage.name, partition=partition)
            return (), (), ()


def _refused(bound: Bound, incoming: Incoming, refused: Refused) -> Delivery:
    labels = (("source", incoming.place.topic), ("reason", refused.reason))
    letter = letter_of(dead_letter(incoming, bound.stage.name, refused), traceparent_in(incoming.headers), bound.codec)
    return (Count("healstream_events_rejected_total", labels),), (letter,), ()


def incoming_of(event: faust.types.EventT[bytes]) -> Incoming:
    """Return what a Faust event carries; an event without a traceparent is given one here, at the edge."""
    message = event.message
    headers = tuple((str(name), bytes(value or b"")) for name, value in dict(message.headers or {}).items())
    if not traceparent_in(headers):
        rest = tuple(header for header in headers if header[0] != "traceparent")
        headers = (*rest, ("traceparent", new_traceparent(os.urandom(24)).encode()))
    at = datetime.fromtimestamp(message.timestamp or 0, UTC)
    place = Place(message.topic, message.partition, message.offset)
    key = message.key if isinstance(message.key, bytes) else b""
    return Incoming(place, at, key, event.value if isinstance(event.value, bytes) else None, headers)


def bind(app: faust.App, owner: Owner, name: str) -> None:
    """Put an owner into an agent of its own: raw values, one actor per partition, one event at a time."""
    channel = app.topic(*owner.topics, key_serializer="raw", value_serializer="raw", allow_empty=True)

    async def feed(stream: faust.StreamT[bytes]) -> None:
        events: AsyncIterator[faust.types.EventT[bytes]] = stream.events()
        async for event in events:
            work = asyncio.ensure_future(owner.take(incoming_of(event)))
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                # Faust acknowledges the event of a cancelled agent, so it must be finished first.
                await work
                raise

    app.agent(channel, name=name, concurrency=1, isolated_partitions=True)(feed)


def partitions_of(owner: Owner, assigned: Iterable[faust.types.TP]) -> frozenset[int]:
    """Return the partitions that an assignment gives to an owner; its topics are assigned together."""
    return frozenset(tp.partition for tp in assigned if tp.topic in owner.topics)
