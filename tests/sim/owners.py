"""The shells of the stages in virtual time: one that may repeat itself (Faust) and one that is fenced, as ADRs 4, 5 and 11 have them.

Each boundary at which a process can die has a number: before every letter, before every entry of state, before the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from typing_extensions import override

from schemas.avro_codec import Undecodable
from schemas.door import Refused
from schemas.ids import Record
from schemas.outputs import Output, StageLogic
from streams.binding import Guard, Incoming, Letter, dead_letter, letter_of, letters_of, refusal, stage_entries, state_letters
from streams.doors import Door
from streams.flow import Stage
from tests.sim.log import AwayError, FencedOutError, Log
from tests.sim.timeline import CrashedError, moment
from tests.support.memory_flow import feed
from tests.support.memory_topics import CODEC

Build = Callable[[Mapping[str, str], int], StageLogic[Record]]
BATCH = 200
RESTART_S = 1.0


@dataclass
class Points:
    """The boundaries of one process, counted; at those that the plan names it dies, and stays dead for so many seconds."""

    deadly: dict[int, float] = field(default_factory=dict)
    passed: int = 0
    away_s: float = RESTART_S

    def reach(self, _point: str = "") -> None:
        """Pass one boundary, or die at it."""
        self.passed += 1
        if self.passed in self.deadly:
            self.away_s = self.deadly[self.passed]
            raise CrashedError


@dataclass
class Owner:
    """One stage on one partition: its live logic (None: its process is down until ``up_at``) and how far it has read."""

    stage: Stage
    partition: int
    log: Log
    build: Build
    points: Points
    logic: StageLogic[Record] | None = None
    up_at: float = 0.0
    asleep_until: float = 0.0
    skew_s: float = 0.0
    read: dict[str, int] = field(default_factory=dict)

    def step(self, second: float) -> None:
        """Begin when it is time, take what has come, let time pass, and make all of it durable; or die on the way."""
        if second < self.up_at or self.asleep_until > second:
            return
        try:
            if self.logic is None:
                self.begin()
            self.work(moment(second) + timedelta(seconds=self.skew_s), moment(second))
        except (CrashedError, AwayError, FencedOutError) as error:
            self.logic = None
            self.up_at = second + (self.points.away_s if isinstance(error, CrashedError) else RESTART_S)

    def begin(self) -> None:
        """Build the logic from what is durable."""
        raise NotImplementedError

    def work(self, now: datetime, true: datetime) -> None:
        """Do one round."""
        raise NotImplementedError

    def new(self) -> Iterator[Incoming]:
        """Yield what has come and was not read yet."""
        for topic in self.stage.reads:
            if self.partition < self.log.partitions_of(topic):
                yield from self.log.read(topic, self.partition, self.read.get(topic, 0))[:BATCH]

    def is_behind(self) -> bool:
        """Tell whether something is unread."""
        return next(self.new(), None) is not None


@dataclass
class FaustOwner(Owner):
    """Letters go out as they are said; the state of the round is written after them, then the offsets are committed."""

    door: Door | None = None
    guard: Guard = field(default_factory=Guard)

    @override
    def begin(self) -> None:
        """Read the table and go on after the committed offsets."""
        entries = dict(self.log.tables[self.stage.state_topic, self.partition])
        self.logic = self.build(stage_entries(entries), 1)
        self.guard = Guard.from_entries(entries)
        self.read = {topic: self.log.committed.get((self.stage.name, topic, self.partition), 0) for topic in self.stage.reads}
        assert self.door is not None
        self.door.forget(self.partition)

    @override
    def work(self, now: datetime, true: datetime) -> None:
        """Apply, send, tick, send, write, commit."""
        if self.log.is_away:
            raise AwayError
        assert self.logic is not None
        for incoming in self.new():
            self.read[incoming.place.topic] = incoming.place.offset + 1
            if not self.guard.has_applied(incoming.place):
                self._send(self._judge(incoming, now), true)
                self.guard.advance(incoming.place)
        self._send(letters_of(self.logic.on_tick(now), None, self.stage.name, CODEC), true)
        self._write()

    def _judge(self, incoming: Incoming, now: datetime) -> Sequence[Letter]:
        assert self.logic is not None
        assert self.door is not None
        opened = self.door.open(incoming, now)
        if isinstance(opened, Refused):
            return [letter_of(dead_letter(incoming, self.stage.name, opened), "", CODEC)]
        said: Sequence[Output] = () if opened.event is None else feed(self.logic, opened.event, incoming, now)
        return [*opened.letters, *letters_of((*opened.outputs, *said), incoming, self.stage.name, CODEC)]

    def _send(self, letters: Sequence[Letter], at: datetime) -> None:
        for letter in letters:
            self.points.reach()
            self.log.send(letter, at)

    def _write(self) -> None:
        assert self.logic is not None
        changes = self.logic.take_changes()
        if changes:
            for letter in state_letters(self.stage.state_topic, self.partition, changes, self.guard):
                self.points.reach()
                self.log.keep(letter.topic, self.partition, {(letter.key or b"").decode(): _text(letter.value)})
        self.points.reach()
        for topic, offset in self.read.items():
            self.log.committed[self.stage.name, topic, self.partition] = offset


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


@dataclass
class FencedOwner(Owner):
    """Outputs, state and offsets are one transaction of the one owner that is not fenced out."""

    tick_s: float = 0.4
    read_first: tuple[str, ...] = ()
    epoch: int = 0
    fence: int = 0
    next_tick: float = 0.0

    @override
    def begin(self) -> None:
        """Fence every earlier owner, read the table, and go on after the offsets in it."""
        self.fence = self.log.fence(self.stage.name)
        entries = dict(self.log.tables[self.stage.state_topic, 0])
        self.epoch = int(entries.get("@epoch", "0")) + 1
        self.read = {topic: int(entries.get(f"@offset/{topic}", "0")) for topic in self.stage.reads}
        self.logic = self.build(stage_entries(entries), self.epoch)
        self._commit([], {"@epoch": str(self.epoch)}, moment(0))

    @override
    def work(self, now: datetime, true: datetime) -> None:
        """Apply what came, tick once all of ``read_first`` is read, and commit."""
        assert self.logic is not None
        letters: list[Letter] = []
        rows = list(self.new())
        for incoming in rows:
            self.read[incoming.place.topic] = incoming.place.offset + 1
            letters += self._apply(incoming, now)
        if all(self.read.get(topic, 0) >= len(self.log.rows[topic, 0]) for topic in self.read_first):
            letters += letters_of(self.logic.on_tick(now), None, self.stage.name, CODEC)
        offsets = {f"@offset/{topic}": str(offset) for topic, offset in self.read.items()} if rows else {}
        self._commit(letters, offsets, true)

    def _apply(self, incoming: Incoming, now: datetime) -> Sequence[Letter]:
        assert self.logic is not None
        record = CODEC.decode(incoming.raw)
        if isinstance(record, Undecodable):
            return [letter_of(dead_letter(incoming, self.stage.name, refusal(incoming, "undecodable", record.why)), "", CODEC)]
        return letters_of(self.logic.on_event(record, incoming.place, now), incoming, self.stage.name, CODEC)

    def _commit(self, letters: Sequence[Letter], entries: Mapping[str, str | None], at: datetime) -> None:
        assert self.logic is not None
        changes = {**self.logic.take_changes(), **entries}
        if not (letters or changes):
            return
        self.points.reach()
        self.log.transact(self.stage.name, self.fence, letters, at)
        self.log.keep(self.stage.state_topic, 0, changes)
        self.points.reach()
