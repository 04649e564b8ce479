"""Faults on a flow in memory, put on after it was begun: its worker dies or sleeps, its broker is away, its targets misbehave.

``put_on`` changes a ``MemoryFlow`` that any scenario has begun, so that no scenario knows of it. Virtual time drives everything: what is
to happen later happens when the executor is looked at next, which every tick of the flow does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random

from typing_extensions import override

from console.audit_stored import first_of_each
from recoverers.execute import drive
from recoverers.hands import Clock, RunHands
from recoverers.journal import replay
from recoverers.ports import Answer, Call, Facts, Found, Recipe, Traits
from recoverers.transitions import State
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.ids import Record, id_of
from schemas.recoveries import JournalRecord
from streams.binding import Letter
from tests.support.fakes import OK, CrashedError
from tests.support.memory_executor import MemoryExecutor, seconds_of
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_topics import MemoryTopics

JOURNAL = "recovery.journal"
HANG_S = 3.0
ASK_AGAIN_S = 0.5
MOST_LATE_CHECK_S = 5.0


@dataclass
class TroubledTopics(MemoryTopics):
    """Topics that can be away: what is sent meanwhile waits at its sender, and nobody reads."""

    is_away: bool = False
    kept: list[tuple[Letter, datetime]] = field(default_factory=list)
    # What is done with a letter of a producer instead of appending it: repeated, late, out of order.
    mix: Callable[[Letter, datetime], bool] = lambda _letter, _at: False

    @override
    def send(self, letter: Letter, at: datetime) -> None:
        if not self.mix(letter, at):
            self.put(letter, at)

    def put(self, letter: Letter, at: datetime) -> None:
        """Append a letter, or keep it until the topics are back."""
        if self.is_away:
            self.kept.append((letter, at))
        else:
            super().send(letter, at)

    def come_back(self) -> None:
        """End an outage: first comes what was kept, in its order."""
        self.is_away = False
        kept, self.kept = self.kept, []
        for letter, at in kept:
            self.put(letter, at)


@dataclass
class TroubledExecutor(MemoryExecutor):
    """An executor that dies or sleeps at a boundary of its journal, and takes its open runs up again; it also keeps the hour of troubles.

    ``deadly`` and ``sleepy`` say for which boundary (counted over all runs) how many seconds are lost.
    """

    deadly: dict[int, float] = field(default_factory=dict)
    sleepy: dict[int, float] = field(default_factory=dict)
    passed: int = 0
    skew_s: float = 0.0
    down_until: datetime | None = None
    due: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)

    def at(self, moment: datetime, call: Callable[[], None]) -> None:
        """Let something happen at a moment."""
        self.due.append((moment, call))

    @override
    def hands(self) -> RunHands:
        """Return the hands of a run whose clock may be wrong."""
        clock = Clock(lambda: self.now() + timedelta(seconds=self.skew_s), lambda: seconds_of(self.now()), self.wait)
        return RunHands(self.watch, self._write, clock, self.reach)

    @override
    def take_next(self) -> bool:
        now = self.now()
        ready = [row for row in self.due if row[0] <= now]
        self.due = [row for row in self.due if row[0] > now]
        for _, call in sorted(ready, key=lambda row: row[0]):
            call()
        if self.down_until and now < self.down_until:
            return False
        return self._take_up() or super().take_next()

    def _take_up(self) -> bool:
        """Begin again after a death: go on with each open run where its journal ends."""
        if self.down_until is None or self.is_busy:
            return False
        self.down_until = None
        written = [one for one in self.topics.records(JOURNAL) if isinstance(one, JournalRecord)]
        partitions = {one.command_id: one.partition for one in written}
        for run in replay(first_of_each(written)).values():
            if run.state is not State.CONCLUDED:
                self._alive(partial(drive, run, self.terms(run.command, partitions[id_of(run.command)]), self.hands()))
        return True

    @override
    def _carry_out(self, command: HealingCommand, partition: int) -> None:
        self._alive(lambda: super(TroubledExecutor, self)._carry_out(command, partition))
        written = {one.command_id for one in self.topics.records(JOURNAL) if isinstance(one, JournalRecord)}
        if self.down_until and id_of(command) not in written:
            # Its offset was not committed, so it is read again.
            self.known.discard(id_of(command))
            self.read[partition] -= 1

    def _alive(self, work: Callable[[], object]) -> None:
        self.is_busy = True
        with suppress(CrashedError):
            work()
        self.is_busy = False

    @override
    def reach(self, point: str) -> None:
        self.passed += 1
        if self.passed in self.deadly:
            self.down_until = self.now() + timedelta(seconds=self.deadly[self.passed])
            raise CrashedError
        if self.passed in self.sleepy:
            self.wait(self.sleepy[self.passed])

    @override
    def _write(self, records: Sequence[Record]) -> None:
        while isinstance(self.topics, TroubledTopics) and self.topics.is_away:
            self.wait(ASK_AGAIN_S)
        super()._write(records)


@dataclass(frozen=True)
class TroubledRecipe:
    """A recipe whose target misbehaves for the first ``times`` acts; fits ``Recipe``."""

    whole: Recipe
    times: list[int]
    misbehave: Callable[[Callable[[], StepResult]], StepResult]

    @property
    def traits(self) -> Traits:
        return self.whole.traits

    def gather(self, command: HealingCommand) -> Facts:
        return self.whole.gather(command)

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        return self.whole.plan(command, facts)

    def pre_image(self, call: Call) -> str:
        return self.whole.pre_image(call)

    def act(self, call: Call) -> StepResult:
        if self.times[0] <= 0:
            return self.whole.act(call)
        self.times[0] -= 1
        return self.misbehave(lambda: self.whole.act(call))

    def probe(self, call: Call) -> Found:
        return self.whole.probe(call)

    def undo(self, call: Call) -> StepResult:
        return self.whole.undo(call)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        return self.whole.check(command, facts, factor)


def refuse(_act: Callable[[], StepResult]) -> StepResult:
    """Fail and do nothing."""
    return StepResult(StepStatus.FAILED, "the target refuses")


def lose_answer(act: Callable[[], StepResult]) -> StepResult:
    """Do it, and let the answer be lost."""
    act()
    return StepResult(StepStatus.UNCERTAIN, "the answer was lost")


def lie(_act: Callable[[], StepResult]) -> StepResult:
    """Do nothing and say that it was done."""
    return OK


def troubled(flow: MemoryFlow) -> tuple[TroubledExecutor, TroubledTopics]:
    """Put troubled topics and a troubled executor into a flow; nothing goes wrong yet."""
    topics = TroubledTopics(flow.topics.rows)
    before = flow.executor
    flow.topics = topics
    executor = TroubledExecutor(
        flow.configuration, flow.world, topics, lambda: flow.now, flow.pass_time, read=before.read, known=before.known
    )
    flow.executor = executor
    return executor, topics


def misbehaving(recipes: Mapping[str, Recipe], times: int, how: Callable[[Callable[[], StepResult]], StepResult]) -> Mapping[str, Recipe]:
    """Return the recipes over targets that misbehave for the first acts, whichever recipe asks."""
    left = [times]
    return {name: TroubledRecipe(recipe, left, how) for name, recipe in recipes.items()}


def mixing(
    executor: TroubledExecutor, topics: TroubledTopics, random: Random, copies: int, late_s: float
) -> Callable[[Letter, datetime], bool]:
    """Return what repeats the letters of producers and lets them be late; those of CI lose their order, a probe's checks keep theirs."""

    def mix(letter: Letter, at: datetime) -> bool:
        is_ci = letter.topic.startswith("ci.")
        if not (is_ci or letter.topic.startswith("infra.")):
            return False
        for number in range(copies):
            wait_s = random.uniform(0.0, late_s) if is_ci else min(late_s, MOST_LATE_CHECK_S) + random.uniform(0.0, 2.0) * (number > 0)
            executor.at(at + timedelta(seconds=wait_s), lambda: topics.put(letter, executor.now()))
        return True

    return mix
