"""The whole flow in one thread and virtual time: every stage behind its real door, the executor's core over fake targets.

Topics hold bytes, so each record crosses its schema. ``MemoryFlow.pass_time`` moves the clock; nothing else does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar, cast

from infra.compiled_patterns import CompiledPatterns
from learning.patterns.secret_hints import SecretHints
from schemas.configuration import Configuration, Keys
from schemas.door import Refused
from schemas.events import Event
from schemas.ids import Record
from schemas.outputs import Output, StageLogic
from schemas.signing import private_key_from, public_text
from schemas.topics import BY_NAME
from streams.admission_records import AdmitRules
from streams.admit import Admit
from streams.binding import Incoming, dead_letter, letter_of, letters_of, measures_of, traceparent_in
from streams.bounds import shipped
from streams.classify import Classify
from streams.decide import Decide
from streams.detect import Detect
from streams.doors import Door, IngestDoor, PlainDoor
from streams.flow import FLOW, Loop, Stage
from streams.learn import Learn
from streams.notary import Notary, NotaryRules
from streams.rules import FaustRules, rules_from
from tests.support.fakes import START
from tests.support.memory_executor import MemoryExecutor
from tests.support.memory_topics import CODEC, MemoryTopics
from tests.support.memory_world import MemoryWorld

TICK_S = 0.4
CHECKPOINT_EVERY = 100
ADMIT_KEY, NOTARY_KEY = private_key_from(b"admit".ljust(32, b".")), private_key_from(b"notary".ljust(32, b"."))
R = TypeVar("R", bound=Record)
Feed = Callable[[StageLogic[Record], Record, Incoming, datetime], Sequence[Output]]


@cache
def shipped_rules() -> FaustRules:
    """Return the rules of an empty configuration; a thousand patterns take half a minute to compile, once a machine."""
    return rules_from(Configuration(), shipped(), CompiledPatterns.in_cache(os.environ))


@cache
def secret_hints() -> SecretHints:
    """Return the hints of every door: one instance a thread, and a flow in memory has one."""
    return SecretHints()


def feed(logic: StageLogic[Record], event: Record, incoming: Incoming, now: datetime) -> Sequence[Output]:
    """Hand an event to a stage as its shell does: detect keeps the trace itself."""
    if isinstance(logic, Detect):
        return logic.on_event(cast("Event", event), incoming.place, now, traceparent_in(incoming.headers))
    return logic.on_event(event, incoming.place, now)


@dataclass
class Owner:
    """One stage on one partition, and how far it has read."""

    stage: Stage
    partition: int
    logic: StageLogic[Record]
    door: Door
    read: dict[str, int] = field(default_factory=dict)


def stage_of(name: str, rules: FaustRules, configuration: Configuration, epoch: int = 1) -> Callable[[Mapping[str, str]], object]:
    """Return what builds a stage from its entries; ``epoch`` is the number of the door's owner."""
    builds: dict[str, Callable[[Mapping[str, str]], object]] = {
        "detect-runs": lambda entries: Detect.from_state(entries, replace(rules.detect, configuration=configuration)),
        "detect-targets": lambda entries: Detect.from_state(entries, replace(rules.detect, configuration=configuration)),
        "classify": lambda entries: Classify.from_state(entries, replace(rules.classify, configuration=configuration)),
        "decide": lambda entries: Decide.from_state(entries, replace(rules.decide, configuration=configuration)),
        "admit": lambda entries: Admit.from_state(entries, AdmitRules(configuration, ADMIT_KEY, epoch)),
        "learn": lambda entries: Learn.from_state(entries, replace(rules.learn, configuration=configuration)),
        "notary": lambda entries: Notary.from_state(entries, NotaryRules(NOTARY_KEY, CHECKPOINT_EVERY)),
    }
    return builds[name]


class MemoryFlow:
    """All stages over one ``MemoryTopics`` and one ``MemoryWorld``."""

    def __init__(self, configuration: Configuration, world: MemoryWorld, rules: FaustRules | None = None) -> None:
        self.now = START
        self.rules = rules or shipped_rules()
        self.configuration = replace(configuration, keys=Keys(public_text(ADMIT_KEY), public_text(NOTARY_KEY)))
        self.world = world
        self.topics = MemoryTopics()
        self.measures: list[Output] = []
        self.owners = list(self._owners())
        self.executor = MemoryExecutor(self.configuration, world, self.topics, lambda: self.now, self.pass_time)
        world.emit = self.send
        self._next_look = START
        self._epoch = 1

    def _owners(self) -> Iterator[Owner]:
        for stage in FLOW:
            if stage.name == "execute":
                continue
            build = stage_of(stage.name, self.rules, self.configuration)
            for number in range(BY_NAME[stage.reads[0]].partitions):
                is_first = stage.name.startswith("detect-")
                door: Door = (
                    IngestDoor(CODEC, lambda: self.configuration.policy, stage.reads, secret_hints()) if is_first else PlainDoor(CODEC)
                )
                yield Owner(stage, number, cast("StageLogic[Record]", build({})), door)

    def send(self, record: Record, traceparent: str = "") -> None:
        """Produce a record to its own topic."""
        self.topics.send_record(record, self.now, traceparent)

    def pass_time(self, seconds: float) -> None:
        """Let virtual time pass: probes look, stages tick, records flow."""
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            self.now = min(until, self.now + timedelta(seconds=TICK_S))
            if self.now >= self._next_look:
                self._next_look = self.now + timedelta(seconds=1)
                self.world.look(self.now)
            for owner in self.owners:
                self._say(owner, owner.logic.on_tick(self.now), None)
            self.pump()

    def pump(self) -> None:
        """Let records flow until every stage, and then the executor, has read all there is."""
        while any(self._drain(owner) for owner in self.owners) or self.executor.take_next():
            continue

    def restart(self, name: str) -> None:
        """Let the owners of a stage die and begin again from what their state holds."""
        self._epoch += 1
        build = stage_of(name, self.rules, self.configuration, self._epoch)
        for owner in self.owners:
            if owner.stage.name == name:
                owner.logic = cast("StageLogic[Record]", build(dict(owner.logic.snapshot())))
                owner.door.forget(owner.partition)

    def take_up(self, rules: FaustRules) -> None:
        """Let each Faust stage be built anew by other rules, from its own snapshot, as the workers do between two events."""
        self.rules = rules
        self.configuration = replace(rules.detect.configuration, keys=self.configuration.keys)
        for owner in self.owners:
            if owner.stage.loop is Loop.FAUST:
                build = stage_of(owner.stage.name, rules, self.configuration)
                owner.logic = cast("StageLogic[Record]", build(dict(owner.logic.snapshot())))

    def of(self, kind: type[R], topic: str) -> list[R]:
        """Return the topic's records of one class."""
        return [record for record in self.topics.records(topic) if isinstance(record, kind)]

    def _drain(self, owner: Owner) -> bool:
        found = [row for topic in owner.stage.reads for row in self.topics.read(topic, owner.partition, owner.read.get(topic, 0))]
        for incoming in found:
            owner.read[incoming.place.topic] = incoming.place.offset + 1
            self._take(owner, incoming)
        return bool(found)

    def _take(self, owner: Owner, incoming: Incoming) -> None:
        opened = owner.door.open(incoming, self.now)
        if isinstance(opened, Refused):
            self.topics.send(letter_of(dead_letter(incoming, owner.stage.name, opened), "", CODEC), self.now)
            return
        for letter in opened.letters:
            self.topics.send(letter, self.now)
        self._say(owner, opened.outputs, incoming)
        if opened.event is not None:
            self._say(owner, feed(owner.logic, opened.event, incoming, self.now), incoming)

    def _say(self, owner: Owner, outputs: Sequence[Output], incoming: Incoming | None) -> None:
        for letter in letters_of(outputs, incoming, owner.stage.name, CODEC):
            self.topics.send(letter, self.now)
        self.measures.extend(measures_of(outputs))
        owner.logic.take_changes()
