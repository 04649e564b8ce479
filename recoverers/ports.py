"""What the recoverers need from the world, as Protocols and the values that cross them; ``infra/adapters`` fits them structurally.

One attempt returns a value; it does not raise for a failed step. Only broken code raises.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from schemas.attempts import Asked, CiJob, RunnerState, Sight, StepResult
from schemas.decisions import HealingCommand
from schemas.ids import Record
from schemas.probes import ProbeSpec
from schemas.recoveries import Direction, JournalRecord, OutcomeStatus
from schemas.services import ConfigSpec, ServiceSpec
from schemas.vocabulary import Kind

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Found(StrEnum):
    """What a probe says of a step whose result was lost."""

    DONE = "done"
    MISSING = "missing"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a recipe found before it plans; ``refusal`` says why the target may not be touched, ``values`` are kept in the journal.

    A refusal ``for_people`` leaves the failure to a person: it is there, and nothing that the recipe does would end it.
    """

    healthy: bool = False
    refusal: str = ""
    values: tuple[tuple[str, str], ...] = ()
    for_people: bool = False

    def value(self, name: str) -> str:
        """Return one value, empty when it was not found."""
        return dict(self.values).get(name, "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one factor says now; a ``settled`` no will not turn into a yes by waiting."""

    passed: bool
    source: str
    detail: str = ""
    settled: bool = False


class Cancel(Protocol):
    """The wish that an action end soon: ``threading.Event`` fits it."""

    def is_set(self) -> bool:
        """Tell whether the action should end."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait so many seconds, or until the action should end; tell whether it should."""
        ...


# What an action is given that nobody will stop.
NEVER: Cancel = threading.Event()


@dataclass(frozen=True, slots=True)
class Call:
    """One step of one run as a recipe sees it; ``said`` is the detail of its last asking when that was pending.

    An action that takes longer than a blink looks at ``cancel`` now and then, ends what it started, and says how far it came:
    it is set when a person cancels, the time is up, or another branch has decided. One that ignores it is in doubt.
    """

    command: HealingCommand
    facts: Facts
    step: str
    key: str
    pre_image: str = ""
    said: str = ""
    cancel: Cancel = field(default=NEVER, compare=False)


@dataclass(frozen=True, slots=True)
class Traits:
    """What is fixed about a recipe; one that is not ``undoable`` leaves its effect when it did not help, as a history does.

    ``gives_up_as`` is the end of a run that did not help and has nothing to take back. ``keeps`` names the steps (by the word before the
    colon) that leave no effect to take back, or one that is not taken back, and says why.
    """

    name: str
    version: int
    verify_within_s: float
    undoable: bool = True
    gives_up_as: OutcomeStatus = OutcomeStatus.ROLLED_BACK
    keeps: tuple[tuple[str, str], ...] = ()


class Recipe(Protocol):
    """A strategy's code; its data is its card. Every step is idempotent by its key or can be probed."""

    @property
    def traits(self) -> Traits:
        """What is fixed about the recipe."""
        ...

    def gather(self, command: HealingCommand) -> Facts:
        """Read what the plan depends on; changes nothing."""
        ...

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Return the steps' names in order, None when the card's bounds do not allow what is needed."""
        ...

    def pre_image(self, call: Call) -> str:
        """Return as JSON what the step will change, as it is now."""
        ...

    def act(self, call: Call) -> StepResult:
        """Make one attempt of the step."""
        ...

    def probe(self, call: Call) -> Found:
        """Say whether the step's effect is there."""
        ...

    def undo(self, call: Call) -> StepResult:
        """Take the step back; doing it twice changes nothing more."""
        ...

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask one verification factor."""
        ...


class ProcessPort(Protocol):
    """Service processes of this machine."""

    def is_alive(self, service: ServiceSpec) -> bool:
        """Tell whether the pid file names a living process."""
        ...

    def start(self, service: ServiceSpec, key: str) -> StepResult:
        """Start the service once for this key."""
        ...

    def has_started(self, service: ServiceSpec, key: str) -> bool:
        """Tell whether a start with this key took effect."""
        ...

    def stop_started(self, service: ServiceSpec, key: str) -> StepResult:
        """Stop the process that was started with this key, and no other."""
        ...

    def reload(self, service: ServiceSpec) -> StepResult:
        """Ask the running service to read its configuration again."""
        ...


class ConfigFilePort(Protocol):
    """Configuration files and the commits that they are pinned to; hashes are SHA-256 in hex, empty when there is nothing."""

    def pinned_hash(self, config: ConfigSpec, max_bytes: int) -> str:
        """Return the hash of the file at its pinned commit, empty when it is missing or larger than the cap."""
        ...

    def live_hash(self, config: ConfigSpec) -> str:
        """Return the hash of the file as it is."""
        ...

    def restore(self, config: ConfigSpec, expected: str, key: str) -> StepResult:
        """Keep a copy of the drifted file, then put the pinned content in its place if its hash is still ``expected``."""
        ...

    def put_back(self, config: ConfigSpec, expected: str, key: str) -> StepResult:
        """Put the kept copy (hash ``expected``) back byte for byte."""
        ...


class HealthPort(Protocol):
    """Probes over the network."""

    def passes(self, probe: ProbeSpec) -> bool:
        """Run the probe once, bounded by its time-out."""
        ...

    def ask(self, probe: ProbeSpec) -> Asked:
        """Run the probe once, and hear for how long the other side wants to be left alone."""
        ...


class SurroundingsPort(Protocol):
    """What is seen of a target beside what its recipe asks; each look is bounded in time."""

    def ask(self, probe: ProbeSpec) -> Sight:
        """Ask one Prometheus probe; what is stale, missing or no number is unreadable."""
        ...

    def look(self, targets: Sequence[str]) -> Sequence[Sight]:
        """Look once at each target that has a quick look; the others are left out."""
        ...


class StreamPort(Protocol):
    """What the detectors say of targets, as it is said."""

    def fired(self, target: str, kind: Kind, since: datetime) -> Sight:
        """Tell whether a failure of that kind was told of the target since then: ill when it was, unreadable when nobody can say."""
        ...


class CiPort(Protocol):
    """A GitHub-shaped server. None means that it did not give a usable answer."""

    def latest_attempt(self, target: str) -> int | None:
        """Return the newest attempt of the target's run."""
        ...

    def job(self, target: str, attempt: int) -> CiJob | None:
        """Return the target's job in that attempt."""
        ...

    def conclusion_on(self, target: str, commit: str) -> str | None:
        """Return how the target's job ended on a commit, whatever run it was in; empty while nothing has ended there."""
        ...

    def durations(self, target: str, most: int) -> tuple[float, ...] | None:
        """Return how many seconds the target's job took in the newest passing runs of its workflow, at most so many, the oldest first."""
        ...

    def rerun(self, target: str, job_id: int) -> StepResult:
        """Ask for a new attempt of one job."""
        ...

    def log(self, target: str, job_id: int) -> bytes | None:
        """Return the job's log, capped."""
        ...

    def runner(self, target: str, name: str) -> RunnerState | None:
        """Return how a runner of the target's repository is; one that the server does not know does not exist."""
        ...

    def set_labels(self, target: str, runner_id: int, labels: tuple[str, ...]) -> StepResult:
        """Give a runner these labels in the place of those that people set."""
        ...


@dataclass(frozen=True, slots=True)
class Raised:
    """A recipe's code broke; ``why`` names the error."""

    why: str


class Attempt(Protocol[T_co]):
    """A recipe's code at work beside its run."""

    def outcome(self) -> T_co | Raised | None:
        """Return what came of it, None while it goes on."""
        ...


class Hands(Protocol):
    """What a run needs from the shell that carries it out."""

    def now(self) -> datetime:
        """Return the wall clock in UTC."""
        ...

    def steady(self) -> datetime:
        """Return what the clock would show had nobody set it since the run was taken up: limits and waits are measured by it."""
        ...

    def append(self, journal: Sequence[JournalRecord], others: Sequence[Record] = ()) -> None:
        """Write durably and together; raises FencedError when another owner has taken over."""
        ...

    def permit(self, command: HealingCommand, direction: Direction) -> float:
        """Wait at this safe point until a step may start; return the seconds waited."""
        ...

    def is_cancelled(self, command: HealingCommand) -> bool:
        """Tell whether a person has cancelled the run."""
        ...

    def start(self, work: Callable[[], T]) -> Attempt[T]:
        """Begin a recipe's code beside the run; whatever it does, the run goes on."""
        ...

    def rest(self, attempts: Sequence[Attempt[object]], seconds: float) -> None:
        """Let time pass until one of the attempts has ended, so many seconds at most."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...
