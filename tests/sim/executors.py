"""The executors in virtual time: workers share the partitions of the commands, keep a fenced journal each, and carry out many runs.

Admission, journal, guards and state machine are the product's; only threads, Kafka's consumer and the clock are replaced. Every journal
record and every act has a boundary on either side, at which the plan may let the worker die or sleep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from console.audit_stored import first_of_each
from recoverers.admission import audit_refused, early_end, wrong_with
from recoverers.deadline import Deadline
from recoverers.execute import drive
from recoverers.hands import Clock, RunHands
from recoverers.journal import RunState, fold, replay
from recoverers.perform import accept, finish
from recoverers.ports import Recipe
from recoverers.terms import Terms
from recoverers.transitions import State
from recoverers.worker import BUSY
from schemas.catalogue import card_named
from schemas.configuration import Configuration
from schemas.decisions import HealingCommand
from schemas.door import Refused, admit_bytes
from schemas.ids import Record, id_of
from schemas.recoveries import JournalRecord
from streams.binding import Incoming, dead_letter, letter_of
from tests.sim.log import AwayError, FencedOutError, Log
from tests.sim.timeline import CrashedError, Task, Timeline
from tests.sim.watch import Watch
from tests.support.memory_topics import CODEC

COMMANDS, JOURNAL, GROUP = "recovery.commands", "recovery.journal", "execute"
SESSION_S = 6.0
# A producer waits that long for a broker that is away; then its process ends.
PATIENCE_S = 6.0
ASK_AGAIN_S = 0.1
RESTART_S = 1.0


@dataclass
class Lane:
    """One command partition of one process: its fence, what it knows, and the scopes in which something runs."""

    partition: int
    fence: int
    known: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    is_lost: bool = False

    def takes_scope(self, scope: str) -> bool:
        """Take a scope unless it is taken: one changing command at a time."""
        if scope in self.busy:
            return False
        self.busy.add(scope)
        return True


@dataclass
class Worker:
    """One executor as its supervisor knows it, with the boundaries at which it dies (sleeps) and for how long."""

    name: str
    deadly: dict[int, float] = field(default_factory=dict)
    sleepy: dict[int, float] = field(default_factory=dict)
    passed: int = 0
    skew_s: float = 0.0
    up_at: float = 0.0


@dataclass(eq=False)
class Process:
    """One life of a worker."""

    worker: Worker
    watch: Watch
    lanes: dict[int, Lane] = field(default_factory=dict)
    is_dead: bool = False
    asleep_since: float = 0.0
    asleep_until: float = 0.0

    def sleeps(self, now_s: float) -> bool:
        """Tell whether nothing in it moves."""
        return now_s < self.asleep_until

    def is_member(self, now_s: float) -> bool:
        """Tell whether its group counts on it."""
        return not self.is_dead and not (self.sleeps(now_s) and now_s - self.asleep_since >= SESSION_S)


class Executors:
    """All workers and who owns which partition."""

    def __init__(self, log: Log, timeline: Timeline, configuration: Configuration, has_stop_file: Callable[[], bool]) -> None:
        self.log = log
        self.timeline = timeline
        self.configuration = configuration
        self.recipes: Mapping[str, Recipe] = {}
        self.workers: list[Worker] = []
        self.shift = 0
        self.open_runs = 0
        self._has_stop_file = has_stop_file
        self._living: dict[str, Process] = {}
        self._of: dict[Task, tuple[Process, Lane]] = {}
        self._free_at: dict[int, float] = {}

    def step(self) -> None:
        """Start who is due, deal out the partitions, and let everybody who is awake take what has come."""
        if self.log.is_away:
            return
        now_s = self.timeline.now_s
        for worker in self.workers:
            if worker.name not in self._living and now_s >= worker.up_at:
                self._living[worker.name] = Process(
                    worker, Watch(self.log, self.configuration, partial(self._now, worker), self._has_stop_file)
                )
        self._share(now_s)
        for process in list(self._living.values()):
            if not process.sleeps(now_s):
                self._poll(process)

    def _share(self, now_s: float) -> None:
        members = [process for process in self._living.values() if process.is_member(now_s)]
        for partition in range(self.log.partitions) if members else ():
            wanted = members[(partition + self.shift) % len(members)]
            holder = next((one for one in members if partition in one.lanes), None)
            if holder is wanted or (holder is None and now_s < self._free_at.get(partition, 0.0)):
                continue
            if holder is not None:
                # One that sleeps cannot be told; it is fenced, and finds out once it wakes.
                holder.lanes[partition].is_lost = not holder.sleeps(now_s)
                del holder.lanes[partition]
            self._assign(wanted, partition)

    def _assign(self, process: Process, partition: int) -> None:
        lane = process.lanes[partition] = Lane(partition, self.log.fence(f"execute-{partition}"))
        written = [one for one in self.log.known(JOURNAL, partition) if isinstance(one, JournalRecord)]
        runs = replay(first_of_each(written))
        lane.known = {one.command_id for one in written}
        for run in runs.values():
            if run.state is not State.CONCLUDED:
                self._spawn(process, lane, partial(self._drive, process, lane, run))

    def _poll(self, process: Process) -> None:
        for partition, lane in list(process.lanes.items()):
            if lane.fence != self.log.epochs[f"execute-{partition}"]:
                lane.is_lost = True
                del process.lanes[partition]
            elif self._unread(partition) and GROUP not in lane.busy:
                lane.busy.add(GROUP)
                self._spawn(process, lane, partial(self._take_all, process, lane))

    def _unread(self, partition: int) -> list[Incoming]:
        return self.log.read(COMMANDS, partition, self.log.committed.get((GROUP, COMMANDS, partition), 0))

    def is_behind(self) -> bool:
        """Tell whether a command is unread or a run goes on."""
        return self.open_runs > 0 or any(self._unread(partition) for partition in range(self.log.partitions))

    def _take_all(self, process: Process, lane: Lane) -> None:
        for incoming in self._unread(lane.partition):
            self.accept(process, lane, incoming)
            self._reach(process, lane)
            self.log.committed[GROUP, COMMANDS, lane.partition] = incoming.place.offset + 1
        lane.busy.discard(GROUP)

    def accept(self, process: Process, lane: Lane, incoming: Incoming) -> None:
        """Take one record of the command topic in: its journal or its dead letter is durable when this returns."""
        record = admit_bytes(incoming.raw, CODEC, partial(wrong_with, admit_key=self.configuration.keys.admit))
        if isinstance(record, Refused):
            at = self._now(process.worker)
            place = f"{incoming.place.topic}/{incoming.place.partition}/{incoming.place.offset}"
            self._write(process, lane, [dead_letter(incoming, "execute", record), audit_refused(record, place, at)])
            return
        if not isinstance(record, HealingCommand) or id_of(record) in lane.known:
            return
        lane.known.add(id_of(record))
        ending = early_end(record, self.configuration, frozenset(self.recipes), self._now(process.worker))
        hands, run, terms = self._hands(process, lane), RunState(record), self._terms(process, lane, record)
        if ending:
            finish(run, ending, terms, hands)
            return
        accepted = accept(run, terms, hands)
        hands.append([accepted])
        self._spawn(process, lane, partial(self._drive, process, lane, fold(run, accepted)))

    def _drive(self, process: Process, lane: Lane, run: RunState) -> None:
        scope, terms, hands = run.command.scope, self._terms(process, lane, run.command), self._hands(process, lane)
        budget = Deadline.after(run.started_at or hands.steady(), run.command.deadline_s)
        while not lane.takes_scope(scope):
            if not run.steps and budget.is_over(hands.steady()):
                finish(run, BUSY, terms, hands)
                return
            self._wait(process, lane, ASK_AGAIN_S)
        try:
            drive(run, terms, hands)
        finally:
            lane.busy.discard(scope)

    def _terms(self, process: Process, lane: Lane, command: HealingCommand) -> Terms:
        card = card_named(self.configuration.cards, command.strategy) or self.configuration.cards[0]
        recipe = self.recipes.get(command.strategy) or next(iter(self.recipes.values()))
        cards, scope_of = self.configuration.cards, self.configuration.services.scope_of
        return Terms(recipe, card, self.configuration.policy.stabilise_s, process.worker.name, lane.partition, None, cards, scope_of)

    def _hands(self, process: Process, lane: Lane) -> RunHands:
        clock = Clock(partial(self._now, process.worker), lambda: self.timeline.now_s, partial(self._wait, process, lane))
        return RunHands(process.watch, partial(self._write, process, lane), clock, lambda _: self._reach(process, lane))

    def _spawn(self, process: Process, lane: Lane, work: Callable[[], None]) -> None:
        def whole() -> None:
            try:
                self._check(process, lane)
                work()
            except (AwayError, FencedOutError):
                # worker.py: whatever leaves ownership in doubt ends the process, unless the partition was known to be lost.
                if not (process.is_dead or lane.is_lost):
                    self._die(process, RESTART_S)
            finally:
                self.open_runs -= 1

        self.open_runs += 1
        self._of[self.timeline.begin(whole)] = process, lane

    def _die(self, process: Process, away_s: float) -> None:
        now_s = self.timeline.now_s
        process.is_dead = True
        process.worker.up_at = now_s + away_s
        self._living.pop(process.worker.name, None)
        for partition in process.lanes:
            self._free_at[partition] = now_s + min(away_s, SESSION_S)

    def _write(self, process: Process, lane: Lane, records: Sequence[Record]) -> None:
        until = self.timeline.now_s + PATIENCE_S
        while self.log.is_away and self.timeline.now_s < until:
            self._wait(process, lane, 0.5)
        self._check(process, lane)
        letters = [letter_of(record, "", CODEC) for record in records]
        self.log.transact(f"execute-{lane.partition}", lane.fence, letters, self.timeline.now)

    def _now(self, worker: Worker) -> datetime:
        return self.timeline.now + timedelta(seconds=worker.skew_s)

    def _wait(self, process: Process, lane: Lane, seconds: float) -> None:
        self.timeline.wait(seconds)
        while process.sleeps(self.timeline.now_s) and not process.is_dead:
            self.timeline.wait(process.asleep_until - self.timeline.now_s)
        self._check(process, lane)

    def _check(self, process: Process, lane: Lane) -> None:
        if process.is_dead or lane.is_lost:
            raise CrashedError

    def _reach(self, process: Process, lane: Lane, *, may_sleep: bool = True) -> None:
        worker = process.worker
        worker.passed += 1
        if worker.passed in worker.deadly:
            self._die(process, worker.deadly[worker.passed])
        if worker.passed in worker.sleepy and may_sleep:
            process.asleep_since = self.timeline.now_s
            process.asleep_until = self.timeline.now_s + worker.sleepy[worker.passed]
            self._wait(process, lane, 0.001)
        self._check(process, lane)

    # What stands around an act at a target: fits ``targets.Gate``.

    def reach(self, point: str) -> None:
        """Pass a point of the run that moves now; nothing can stop one that slept between its permission and its act, so none does."""
        if self.timeline.current is not None:
            self._reach(*self._of[self.timeline.current], may_sleep=not point.startswith("before-act"))

    def wait(self, seconds: float) -> None:
        """Let the run that moves now wait for its target."""
        if self.timeline.current is not None:
            self._wait(*self._of[self.timeline.current], seconds)
