"""The executor's core on topics in memory: the same admission, journal, guards and state machine, carried out in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import takewhile

from infra.detection_watch import kinds_fired
from recoverers.admission import early_end, wrong_with
from recoverers.execute import drive
from recoverers.hands import Clock, RunHands
from recoverers.journal import RunState, fold
from recoverers.perform import accept, finish
from recoverers.recipes.table import with_workflows
from recoverers.terms import Around, Terms
from schemas.attempts import Sight
from schemas.catalogue import card_named
from schemas.configuration import Configuration
from schemas.control_words import SWITCH_PREFIX, SwitchRow, switch_after, why_not_counted
from schemas.decisions import HealingCommand
from schemas.door import Refused, admit_bytes
from schemas.ids import Record, id_of
from schemas.incidents import Detection
from schemas.oversight import Control, Lease, SwitchMode
from schemas.recoveries import Condition
from schemas.topics import BY_NAME
from schemas.vocabulary import Kind
from streams.binding import dead_letter, letter_of
from tests.support.fakes import START
from tests.support.memory_topics import CODEC, MemoryTopics
from tests.support.memory_world import MemorySurroundings, MemoryWorld

COMMANDS = "recovery.commands"


@dataclass
class MemoryWatch:
    """Hears what the topics hold now: fits ``recoverers.hands.Watch``."""

    topics: MemoryTopics
    configuration: Configuration
    now: Callable[[], datetime]
    is_stopped: bool = False

    @property
    def lease(self) -> tuple[Lease | None, float]:
        """The newest lease and the virtual second of its receipt."""
        row = self.topics.rows["heal.lease", 0]
        record = CODEC.decode(row[-1].raw) if row else None
        return (record, seconds_of(row[-1].at)) if isinstance(record, Lease) else (None, 0.0)

    @property
    def controls(self) -> Mapping[str, Control]:
        """The newest words that count by key."""
        return {control.key: control for control in self._counted() if control.killswitch is None}

    @property
    def switches(self) -> tuple[tuple[str, SwitchMode], ...]:
        """The switches that are on, by scope."""
        rows: dict[str, SwitchRow | None] = {}
        for control in self._counted():
            row = (
                switch_after(rows.get(control.key), control, self.configuration.policy.oversight, control.at) if control.killswitch else ""
            )
            if not isinstance(row, str):
                rows[control.key] = row
        return tuple((key.removeprefix(SWITCH_PREFIX), row.mode) for key, row in rows.items() if row and row.is_on(self.now()))

    def catch_up(self) -> None:
        """Nothing is ever behind in memory."""

    def _counted(self) -> list[Control]:
        said = [record for record in self.topics.records("heal.control") if isinstance(record, Control)]
        return [control for control in said if why_not_counted(control, self.configuration.people) is None]


@dataclass(frozen=True)
class MemoryStream:
    """Hears what the detectors wrote: fits ``StreamPort``."""

    topics: MemoryTopics

    def fired(self, target: str, kind: Kind, since: datetime) -> Sight:
        """Look through what came since then, newest first."""
        for row in takewhile(lambda incoming: incoming.at >= since, reversed(self.topics.rows["heal.detections", 0])):
            record = CODEC.decode(row.raw)
            if isinstance(record, Detection) and record.last_at >= since and kind in kinds_fired(record, target):
                return Sight(target, Condition.ILL, f"{kind} fired at {row.at.isoformat()}")
        return Sight(target, Condition.WELL)


def seconds_of(at: datetime) -> float:
    """Return virtual monotonic seconds."""
    return (at - START).total_seconds()


@dataclass
class MemoryExecutor:
    """Takes commands one after the other; ``wait`` is how a run lets time pass for everybody else."""

    configuration: Configuration
    world: MemoryWorld
    topics: MemoryTopics
    now: Callable[[], datetime]
    wait: Callable[[float], None]
    read: dict[int, int] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    is_busy: bool = False

    def __post_init__(self) -> None:
        self.recipes = with_workflows(self.world.recipes(), self.configuration.workflows)
        self.watch = MemoryWatch(self.topics, self.configuration, self.now)

    def take_next(self) -> bool:
        """Carry out the next command, if there is one and nothing runs; return whether there was."""
        if self.is_busy:
            return False
        for partition in range(BY_NAME[COMMANDS].partitions):
            for incoming in self.topics.read(COMMANDS, partition, self.read.get(partition, 0)):
                self.read[partition] = incoming.place.offset + 1
                record = admit_bytes(incoming.raw, CODEC, partial(wrong_with, admit_key=self.configuration.keys.admit))
                if isinstance(record, Refused):
                    self._write([dead_letter(incoming, "execute", record)])
                elif isinstance(record, HealingCommand) and id_of(record) not in self.known:
                    self._carry_out(record, partition)
                return True
        return False

    def _carry_out(self, command: HealingCommand, partition: int) -> None:
        self.known.add(id_of(command))
        self.is_busy = True
        hands, terms, run = self.hands(), self.terms(command, partition), RunState(command)
        ending = early_end(command, self.configuration, frozenset(self.recipes), self.now())
        if ending:
            finish(run, ending, terms, hands)
        else:
            accepted = accept(run, terms, hands)
            hands.append([accepted])
            drive(fold(run, accepted), terms, hands)
        self.is_busy = False

    def hands(self) -> RunHands:
        """Return the hands of a run."""
        return RunHands(self.watch, self._write, Clock(self.now, lambda: seconds_of(self.now()), self.wait), self.reach)

    def terms(self, command: HealingCommand, partition: int) -> Terms:
        """Return what a run of this command keeps to."""
        card = card_named(self.configuration.cards, command.strategy)
        assert card is not None
        workflow = next((row for row in self.configuration.workflows if row.name == command.strategy), None)
        cards, scope_of = self.configuration.cards, self.configuration.services.scope_of
        recipe, stabilise_s = self.recipes[command.strategy], self.configuration.policy.stabilise_s
        around = Around(self.configuration.services, MemorySurroundings(self.world), MemoryStream(self.topics))
        return Terms(recipe, card, stabilise_s, "memory/1", partition, workflow, cards, scope_of, around)

    def reach(self, point: str) -> None:
        """Pass a boundary of a run; nothing happens at it here."""

    def _write(self, records: Sequence[Record]) -> None:
        for record in records:
            self.topics.send(letter_of(record, "", CODEC), self.now())
