"""Puts a pure stage into a Faust agent: guard, outputs sent and awaited, then the state; called by ``streams/app.py``.

The state of a partition is read from its compacted topic when the partition is assigned and written by awaited sends, not through
a Faust table: a table may be written only inside a stream's iteration, so a tick could not, and its writes are not awaited.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import faust
import structlog

from infra.state_log import read_entries
from infra.watchdog import Limits, Pulse, exit_now
from schemas.avro_codec import Codec
from schemas.door import Refused
from schemas.errors import UnreachableError
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
from streams.cell import Applied, Cell
from streams.doors import Door
from streams.flow import Stage

log = structlog.get_logger()

READ_STATE_S = 30.0


def feed_plainly(logic: StageLogic[Record], event: Record, incoming: Incoming, now: datetime) -> Sequence[Output]:
    """Give an event to a stage; its outputs take their trace from the event or its header."""
    return logic.on_event(event, incoming.place, now)


@dataclass(frozen=True, slots=True)
class Bound:
    """A row of the flow with what it needs to run: its door, how its logic is rebuilt from entries, and the codec of its outputs.

    ``writes_later``: while outputs are on their way further events are applied, and the state of many is written at once; an offset is
    committed only after both are durable. After a crash up to a second of events comes again, each topic in its own order.
    ``generation`` rises when ``build`` goes by other rules: the stage is then built anew from its own snapshot, between two events.
    """

    stage: Stage
    door: Door
    build: Callable[[Mapping[str, str]], StageLogic[Record]]
    codec: Codec
    feed: Callable[[StageLogic[Record], Record, Incoming, datetime], Sequence[Output]] = feed_plainly
    writes_later: bool = False
    generation: Callable[[], int] = int


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


class Lane:
    """One partition of a row: its live stage, which does one thing at a time, and the outputs that are on their way."""

    def __init__(self, bound: Bound, shell: Shell, partition: int) -> None:
        """Begin without a stage; it is built at the first tick or event."""
        self._bound = bound
        self._shell = shell
        self._partition = partition
        self._lock = asyncio.Lock()
        self._sending: asyncio.Future[None] | None = None
        self.cell: Cell | None = None

    def take_at_once(self, incoming: Incoming) -> bool:
        """Apply an event without waiting for its outputs; return False when it has to wait, and ``take`` does the rest."""
        cell = self.cell
        if cell is None or not self._bound.writes_later or cell.must_wait():
            return False
        if not cell.guard.has_applied(incoming.place):
            _judge(self._bound, self._shell, cell, incoming)
        if cell.must_wait():
            return False
        self._send_soon()
        return True

    async def take(self, incoming: Incoming) -> None:
        """Apply one event: its outputs are durable before the state, and the state before its offset is committed."""
        async with self._lock:
            cell = await self._built()
            if not cell.guard.has_applied(incoming.place):
                _judge(self._bound, self._shell, cell, incoming)
            await self._deliver(cell, is_due=not self._bound.writes_later or cell.is_full())

    async def tick(self, now: datetime, is_mine: Callable[[], bool]) -> None:
        """Let time pass, unless the partition went while this waited."""
        async with self._lock:
            if is_mine():
                cell = await self._built()
                _let_pass(self._bound, self._shell, cell, now)
                await self._deliver(cell, is_due=True)
                await self._take_up_rules()

    async def write_state(self) -> None:
        """Make durable what was applied before this call."""
        async with self._lock:
            if self.cell is not None and (self.cell.held or self.cell.unsent):
                await self._deliver(self.cell, is_due=True)

    async def settle(self) -> None:
        """Finish what is under way and forget the stage."""
        async with self._lock:
            if self.cell is not None:
                await self._deliver(self.cell, is_due=True)
            self.cell = None

    async def _take_up_rules(self) -> None:
        """Build the stage by the rules in force now when they are others: all that it said and knows is durable here."""
        cell, now = self.cell, self._bound.generation()
        if cell is None or cell.generation == now or cell.held or cell.unsent:
            return
        # Building may take seconds: the loop turns meanwhile, and without a stage every event waits for the lock.
        self.cell = None
        try:
            self.cell = Cell(await asyncio.to_thread(_build_again, self._bound, cell.logic), cell.guard, now)
        except Exception:
            # The old stage goes on by the old rules; the supervisor's next start would meet the same defect.
            self.cell = cell
            cell.generation = now
            log.exception("the stage cannot be built by the new rules; it goes on by the old ones", stage=self._bound.stage.name)

    def _send_soon(self) -> None:
        if self.cell is not None and self.cell.unsent and self._sending is None:
            self._sending = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        # What is said while these are on their way goes with the next ones: the busier, the more in one request.
        async with self._lock:
            if self.cell is not None:
                await self._deliver(self.cell, is_due=False)
        self._sending = None
        self._send_soon()

    async def _deliver(self, cell: Cell, *, is_due: bool) -> None:
        """Send what was said, then, when it is due, the state, which must not know of an event whose outputs are not durable."""
        cell.is_closing = is_due or cell.is_torn
        while cell.unsent:
            letters, cell.unsent = cell.unsent, []
            await self._shell.post(letters)
            if not cell.is_closing:
                return
        if cell.is_torn:
            # It is rebuilt before the next event from its written entries and the events that they lack.
            self.cell = None
            cell = await self._built(cell.held)
        if is_due:
            changes = cell.logic.take_changes()
            cell.held, cell.held_bytes = [], 0
            topic = self._bound.stage.state_topic
            await self._shell.post(state_letters(topic, self._partition, changes, cell.guard) if changes else ())
        cell.is_closing = False

    async def _built(self, held: Sequence[Applied] = ()) -> Cell:
        if self.cell is not None:
            return self.cell
        bound, topic, partition = self._bound, self._bound.stage.state_topic, self._partition
        try:
            entries = await asyncio.to_thread(read_entries, self._shell.brokers, topic, partition, READ_STATE_S)
            bound.door.forget(partition)
            generation = bound.generation()
            logic = await asyncio.to_thread(bound.build, stage_entries(entries))
            self.cell = Cell(logic, Guard.from_entries(entries), generation)
            _apply_again(bound, self.cell, held)
        except Exception as error:
            # Without its state the stage would forget what it promised; a person must see the cause, a restart may mend it.
            log.exception("the state cannot be read; the process ends", topic=topic, partition=partition)
            exit_now(f"the state in {topic}/{partition} cannot be used: {error}")
            raise
        log.info("state read; events follow", stage=bound.stage.name, partition=partition, entries=len(entries))
        return self.cell


class Owner:
    """Owns the lanes of one row, one per partition."""

    def __init__(self, bound: Bound, shell: Shell) -> None:
        """Begin with no partition."""
        self._bound = bound
        self._shell = shell
        self._lanes: dict[int, Lane] = {}
        self._assigned: frozenset[int] = frozenset()
        self.done = 0

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that the row reads."""
        return self._bound.stage.reads

    def is_ready(self) -> bool:
        """Tell whether the state of every assigned partition is in memory."""
        return all(self._lane(partition).cell is not None for partition in self._assigned)

    def own(self, partitions: Iterable[int]) -> None:
        """Take these partitions; their state is read at the next tick or event."""
        self._assigned = frozenset(partitions)

    async def settle(self) -> None:
        """Finish what is under way and forget every partition: the next owner begins only after this returns."""
        for lane in tuple(self._lanes.values()):
            await lane.settle()
        self._assigned = frozenset()

    async def write_states(self) -> None:
        """Make durable what was applied before this call: offsets may be committed only after it returns."""
        if self._bound.writes_later:
            for lane in tuple(self._lanes.values()):
                await lane.write_state()

    def take_at_once(self, incoming: Incoming) -> bool:
        """Apply an event without waiting; return False when it has to wait."""
        is_done = self._lane(incoming.place.partition).take_at_once(incoming)
        self.done += is_done
        return is_done

    async def take(self, incoming: Incoming) -> None:
        """Apply one event, and wait as long as it takes."""
        await self._lane(incoming.place.partition).take(incoming)
        self.done += 1

    async def tick(self, now: datetime) -> None:
        """Let time pass in every assigned partition."""
        for partition in sorted(self._assigned):
            await self._lane(partition).tick(now, partial(self._is_mine, partition))

    def _is_mine(self, partition: int) -> bool:
        return partition in self._assigned

    def _lane(self, partition: int) -> Lane:
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._lanes[partition] = Lane(self._bound, self._shell, partition)
        return lane


def _build_again(bound: Bound, logic: StageLogic[Record]) -> StageLogic[Record]:
    return bound.build(logic.snapshot())


def _apply_again(bound: Bound, cell: Cell, held: Sequence[Applied]) -> None:
    # What the stage says here has been sent already.
    for applied in held:
        bound.feed(cell.logic, applied.event, applied.incoming, applied.at)
        cell.guard.advance(applied.incoming.place)
        cell.hold(applied, 0)


def _judge(bound: Bound, shell: Shell, cell: Cell, incoming: Incoming) -> None:
    # Total: what the stage cannot take becomes a dead letter, whatever broke.
    place = incoming.place
    try:
        now = datetime.now(UTC)
        opened = bound.door.open(incoming, now)
        if isinstance(opened, Refused):
            _refuse(bound, shell, cell, incoming, opened)
            return
        said = () if opened.event is None else bound.feed(cell.logic, opened.event, incoming, now)
        outputs = (*opened.outputs, *said)
        cell.unsent += (*opened.letters, *letters_of(outputs, incoming, bound.stage.name, bound.codec))
        cell.guard.advance(place)
        if opened.event is not None:
            cell.hold(Applied(opened.event, incoming.without_value(), now), len(incoming.raw or b""))
        shell.measure_all(outputs)
    except UnreachableError as error:
        # Not the record's fault: it is read again once what did not answer does.
        exit_now(f"{place} waits: {error}")
    except Exception as error:
        # The stage may be half changed.
        cell.is_torn = True
        log.exception("the stage failed; the event becomes a dead letter", stage=bound.stage.name, place=str(place))
        _refuse(bound, shell, cell, incoming, refusal(incoming, type(error).__name__, str(error)))


def _refuse(bound: Bound, shell: Shell, cell: Cell, incoming: Incoming, refused: Refused) -> None:
    letter = dead_letter(incoming, bound.stage.name, refused)
    cell.unsent.append(letter_of(letter, traceparent_in(incoming.headers), bound.codec))
    cell.guard.advance(incoming.place)
    labels = (("source", incoming.place.topic), ("reason", refused.reason))
    shell.measure_all((Count("healstream_events_rejected_total", labels),))


def _let_pass(bound: Bound, shell: Shell, cell: Cell, now: datetime) -> None:
    try:
        outputs = cell.logic.on_tick(now)
        cell.unsent += letters_of(outputs, None, bound.stage.name, bound.codec)
        shell.measure_all(outputs)
    except Exception:
        cell.is_torn = True
        log.exception("a tick failed; the stage is rebuilt from its state and goes on", stage=bound.stage.name)


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
            incoming = incoming_of(event)
            if owner.take_at_once(incoming):
                continue
            work = asyncio.ensure_future(owner.take(incoming))
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
