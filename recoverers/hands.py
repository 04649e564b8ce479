"""The hands of a real run: durable appends, permission at each safe point, cancelling. Everything it touches is given to it.

Called by ``worker.py``, one per run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from recoverers.crew import AtOnce, Crew
from recoverers.lease_guard import Heard, why_not
from recoverers.ports import Attempt
from schemas.decisions import HealingCommand
from schemas.errors import UnreachableError
from schemas.ids import Record
from schemas.oversight import AuditEntry, Control, Lease, SwitchMode
from schemas.recoveries import Direction, JournalRecord

T = TypeVar("T")
_ASK_AGAIN_S = 0.1


class Watch(Protocol):
    """What is heard of admit and of people."""

    @property
    def lease(self) -> tuple[Lease | None, float]:
        """The newest lease and the monotonic second of its receipt."""
        ...

    @property
    def controls(self) -> Mapping[str, Control]:
        """The newest words that count by key, switches not among them."""
        ...

    @property
    def switches(self) -> tuple[tuple[str, SwitchMode], ...]:
        """The switches that are on, by scope."""
        ...

    @property
    def is_stopped(self) -> bool:
        """Whether the stop file is there."""
        ...

    def catch_up(self) -> None:
        """Read the switches to their end."""
        ...


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the shell gives it: wall clock, monotonic seconds, and waiting."""

    now: Callable[[], datetime]
    monotonic_s: Callable[[], float]
    wait: Callable[[float], None]


def heard_from(watch: Watch) -> Heard:
    """Return what counts for a permission now."""
    lease, received_s = watch.lease
    return Heard(lease, received_s, watch.switches, watch.is_stopped)


def is_cancelled_by(controls: Mapping[str, Control], command: HealingCommand) -> bool:
    """Tell whether a person cancelled this run: by its incident, decision or target."""
    subjects = {command.incident_id, command.decision_id}
    overrides = ((key, value) for key, value in controls.items() if key.startswith("override/"))
    return any(value.override and value.override.cancel and key.split("/")[1] in subjects for key, value in overrides)


@dataclass(slots=True)
class RunHands:
    """Fits ``Hands``; made when a run is taken up. ``reach`` is called at each named point before and after the world changes."""

    watch: Watch
    write: Callable[[Sequence[Record]], None]
    clock: Clock
    reach: Callable[[str], None]
    crew: Crew = AtOnce()
    _began: datetime = field(init=False)
    _began_s: float = field(init=False)

    def __post_init__(self) -> None:
        """Look at both clocks once."""
        self._began, self._began_s = self.clock.now(), self.clock.monotonic_s()

    def now(self) -> datetime:
        """Return the wall clock in UTC."""
        return self.clock.now()

    def steady(self) -> datetime:
        """Return what the wall clock would show had nobody set it since these hands were made."""
        return self._began + timedelta(seconds=self.clock.monotonic_s() - self._began_s)

    def append(self, journal: Sequence[JournalRecord], others: Sequence[Record] = ()) -> None:
        """Write durably and together."""
        for record in journal[:1]:
            self.reach(f"before-{record.kind.value}")
        self.write([*journal, *others])
        for record in journal[:1]:
            self.reach(f"after-{record.kind.value}")

    def permit(self, command: HealingCommand, direction: Direction) -> float:
        """Wait until a step may start; an undo step reads the switches to their end first, and a halted one pages."""
        began = self.clock.monotonic_s()
        paged = False
        if direction is Direction.UNDO:
            self._catch_up()
        while why := why_not(heard_from(self.watch), command, direction, self.clock.now(), self.clock.monotonic_s()):
            if not paged and direction is Direction.UNDO:
                self._page(command, why)
                paged = True
            self.clock.wait(_ASK_AGAIN_S)
        waited = self.clock.monotonic_s() - began
        return waited if waited >= _ASK_AGAIN_S else 0.0

    def is_cancelled(self, command: HealingCommand) -> bool:
        """Tell whether a person has cancelled the run."""
        return is_cancelled_by(self.watch.controls, command)

    def start(self, work: Callable[[], T]) -> Attempt[T]:
        """Begin a recipe's code beside the run."""
        return self.crew.start(work)

    def rest(self, attempts: Sequence[Attempt[object]], seconds: float) -> None:
        """Let time pass until an attempt has ended, so many seconds at most."""
        self.crew.rest(attempts, seconds, self.clock.wait)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.wait(seconds)

    def _catch_up(self) -> None:
        while True:
            try:
                self.watch.catch_up()
            except UnreachableError:
                # Without a broker nobody can be heard, so nothing is taken back; the time counts as waited.
                self.clock.wait(_ASK_AGAIN_S)
            else:
                return

    def _page(self, command: HealingCommand, why: str) -> None:
        details = (("incident_id", command.incident_id), ("reason", why))
        entry = AuditEntry("executor", "page.halted_mid_rollback", command.target, self.clock.now(), details, (), command.traceparent)
        self.write([entry])
