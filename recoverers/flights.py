"""The steps that are at work right now: begun, asked again while they are pending, told to end, and given up when they do not.

Only the run's own thread reads and writes here and in the journal, so the journal stays one ordered stream. Called by ``execute``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from recoverers.checked import checked_result
from recoverers.contain import told, why_of
from recoverers.journal import RunState
from recoverers.ports import Attempt, Call, Hands, Raised
from recoverers.steps import StepRun
from recoverers.terms import Terms, call_for
from recoverers.tries import Try, doubt_of, ended_of, failed_of, timeout_of
from schemas.attempts import StepResult, StepStatus
from schemas.recoveries import Direction, JournalRecord

# An action that is told to end has so many seconds before it is in doubt: a rollback must still fit into its minute.
GRACE_S = 5.0
_LOOK_AGAIN_S = 1.0
_TOLD = "told to end"


@dataclass(slots=True)
class Flight:
    """One try of one step, by steady time.

    ``attempt`` is none while a pending one waits for ``ask_at``, ``give_up_at`` is set once it was told to end.
    """

    call: Call
    cancel: threading.Event
    began: datetime
    paused_s: float
    attempt: Attempt[StepResult] | None
    ask_at: datetime
    slow_at: datetime | None = None
    give_up_at: datetime | None = None
    why_stopped: str = ""


@dataclass(slots=True)
class Flights:
    """A run's steps at work, and those that were given up and may act yet."""

    terms: Terms
    hands: Hands
    open: dict[str, Flight] = field(default_factory=dict)
    given_up: dict[str, Attempt[StepResult]] = field(default_factory=dict)

    @property
    def paused_s(self) -> float:
        """How long the steps at work were kept from it, which the journal does not know yet."""
        return sum(flight.paused_s for flight in self.open.values())

    def may_act_yet(self, step: str) -> bool:
        """Tell whether an action that was given up still goes on."""
        return step in self.given_up and self.given_up[step].outcome() is None

    def rest(self, until: datetime | None) -> None:
        """Let time pass until something may have changed."""
        steady = self.hands.steady()
        left = [time - steady for flight in self.open.values() for time in _times_of(flight)]
        # What comes from the journal is a time of the wall clock.
        left += [until - self.hands.now()] if until else []
        seconds = min([one.total_seconds() for one in left] + [_LOOK_AGAIN_S])
        self.hands.rest([flight.attempt for flight in self.open.values() if flight.attempt], max(seconds, 0.001))

    def end(self) -> None:
        """Tell everything at work to end: the run goes on elsewhere, or not at all."""
        for flight in self.open.values():
            flight.cancel.set()

    def look(self, run: RunState, step: StepRun, *, stop: bool) -> list[JournalRecord]:
        """Begin the step or see how far it is; return what came of it, nothing while it goes on."""
        flight = self.open.get(step.name)
        if flight is None:
            return self._begin(run, step, stop=stop)
        said = flight.attempt.outcome() if flight.attempt else None
        now = self.hands.steady()
        _tell_to_end(flight, now, stop=stop)
        if said is None:
            return self._go_on(run, step, flight, now)
        if isinstance(said, StepResult) and said.status is StepStatus.PENDING and not flight.cancel.is_set():
            flight.attempt, flight.ask_at = None, now + timedelta(seconds=said.delay_s)
            flight.call = replace(flight.call, said=said.detail)
            return []
        del self.open[step.name]
        return self._ended(run, step, flight, said)

    def _begin(self, run: RunState, step: StepRun, *, stop: bool) -> list[JournalRecord]:
        if stop:
            # Its intent is durable and nothing was done: whoever reads this need not doubt it.
            return [ended_of(run, step, self.terms, self.hands.now(), Try("failed", "told to end before it began"))]
        # The journal may have been slow: what was permitted before the intent may be forbidden by now.
        paused_s = self.hands.permit(run.command, Direction.DO)
        cancel = threading.Event()
        call = replace(call_for(run, step.name, step.pre_image), cancel=cancel)
        now = self.hands.steady()
        timeout_s = timeout_of(run, step.name)
        slow_at = now + timedelta(seconds=timeout_s) if timeout_s else None
        self.open[step.name] = Flight(call, cancel, now, paused_s, self.hands.start(self._act(call)), now, slow_at)
        return []

    def _act(self, call: Call) -> Callable[[], StepResult]:
        recipe = self.terms.recipe
        return lambda: checked_result(recipe.act(call))

    def _go_on(self, run: RunState, step: StepRun, flight: Flight, now: datetime) -> list[JournalRecord]:
        if flight.attempt is None:
            if flight.cancel.is_set():
                del self.open[step.name]
                return self._ended(run, step, flight, StepResult(StepStatus.PENDING, flight.call.said))
            if now >= flight.ask_at:
                flight.attempt = self.hands.start(self._act(flight.call))
            return []
        if flight.give_up_at is None or now < flight.give_up_at:
            return []
        self.given_up[step.name] = flight.attempt
        del self.open[step.name]
        return [doubt_of(run, step, self.terms, now, f"{flight.why_stopped}, and did not end")]

    def _ended(self, run: RunState, step: StepRun, flight: Flight, said: StepResult | Raised) -> list[JournalRecord]:
        if not isinstance(said, StepResult):
            return [doubt_of(run, step, self.terms, self.hands.now(), why_of(said))]
        if said.status is StepStatus.UNCERTAIN:
            return [doubt_of(run, step, self.terms, self.hands.now())]
        if said.status is StepStatus.OK:
            return [ended_of(run, step, self.terms, self.hands.now(), Try("ok", told(said.detail), flight.paused_s, said.outputs))]
        why = told("; ".join(word for word in (flight.why_stopped, said.detail) if word))
        if said.status is StepStatus.PENDING:
            # It was begun and not finished: only a look tells whether there is something to take back.
            return [doubt_of(run, step, self.terms, self.hands.now(), why)]
        failed = Try("failed", why, flight.paused_s)
        return [failed_of(run, step, self.terms, self.hands.now(), failed, may_retry=flight.why_stopped != _TOLD)]


def _tell_to_end(flight: Flight, now: datetime, *, stop: bool) -> None:
    is_slow = flight.slow_at is not None and now >= flight.slow_at
    if flight.cancel.is_set() or not (stop or is_slow):
        return
    took_s = (now - flight.began).total_seconds()
    flight.why_stopped = _TOLD if stop else f"not done after {took_s:.1f} s"
    flight.give_up_at = now + timedelta(seconds=GRACE_S)
    flight.cancel.set()


def _times_of(flight: Flight) -> list[datetime]:
    """Return when something happens to a flight by itself."""
    asked = flight.ask_at if flight.attempt is None else None
    return [time for time in (asked, flight.give_up_at or flight.slow_at) if time]
