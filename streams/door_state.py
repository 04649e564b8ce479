"""What stands at the door: the queue, the commands in flight, budgets, breakers and people's words; used by ``streams/admit.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schemas.configuration import Configuration
from schemas.decisions import Decision
from streams.breakers import Breakers
from streams.budgets import Budgets
from streams.calendar import Calendar
from streams.control_book import ControlBook
from streams.rows import Rows
from streams.steady_time import ClockSteps
from streams.storm_door import StormDoor
from streams.workflows_running import WorkflowsRunning

MAX_QUEUED = 20_000
MAX_SEEN = 50_000


@dataclass(frozen=True, slots=True)
class Queued:
    """A decision at the door: why it waits, the plan that people are asked to approve, and whether that plan was ordered.

    ``freed_at`` is when the last storm let it go.
    """

    decision: Decision
    hold: str = ""
    planned_hash: str = ""
    is_plan_ordered: bool = False
    freed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InFlight:
    """The one changing command of a scope, and the breakers that it went through."""

    command_id: str
    decision_id: str
    strategy: str
    target: str
    circuits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A decision that was taken in; a second copy changes nothing."""

    at: datetime


class _Entries(Protocol):
    def take_changes(self) -> dict[str, str | None]: ...

    def snapshot(self) -> dict[str, str]: ...


class DoorState:
    """All of admit's state, as named entries."""

    def __init__(self, entries: Mapping[str, str], configuration: Configuration) -> None:
        self.policy = configuration.policy
        self.queue = Rows("queue/", Queued, MAX_QUEUED)
        self.flying = Rows("flying/", InFlight, MAX_QUEUED)
        self.seen = Rows("seen/", Seen, MAX_SEEN)
        for rows in (self.queue, self.flying, self.seen):
            rows.load(entries)
        self.budgets = Budgets(entries, configuration.policy, configuration.services)
        self.breakers = Breakers(entries, configuration.policy)
        self.control = ControlBook(entries, configuration)
        self.storms = StormDoor(entries, configuration.policy)
        self.calendar = Calendar(configuration)
        self.workflows = WorkflowsRunning(entries)
        self._clock = ClockSteps()

    def notice(self, now: datetime) -> None:
        """Look at the clock, before anything else is done by it."""
        step = self._clock.since(now)
        if step:
            self.budgets.shift(step, now)
            self.breakers.shift(step)

    def _all_rows(self) -> tuple[_Entries, ...]:
        own = (self.queue, self.flying, self.seen, self.workflows.rows)
        return (
            *own,
            self.budgets.rows,
            self.breakers.rows,
            self.control.words,
            self.control.switches.rows,
            self.control.switches.words,
            self.control.switches.hidden,
            self.storms.rows,
        )

    def take_changes(self) -> dict[str, str | None]:
        """Return what changed since the last call."""
        return {name: text for rows in self._all_rows() for name, text in rows.take_changes().items()}

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        return {name: text for rows in self._all_rows() for name, text in rows.snapshot().items()}
