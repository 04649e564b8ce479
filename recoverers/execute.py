"""The whole life of one command: the next moves follow from the journal alone, so a crash at any point loses nothing.

``next_moves`` is pure; ``_make`` makes a move with the recipe and the ports; the records that it returns are durable before they are
folded. Branches act side by side in ``flights.py``. Called by ``recoverers/worker.py`` for new commands and, after a crash, for every
open run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from recoverers.deadline import ROLLBACK_S, Deadline
from recoverers.enter import enter
from recoverers.flights import Flights
from recoverers.journal import RunState, fold
from recoverers.perform import begin, choose, doubt, finish, probe
from recoverers.plan import end_of_plan
from recoverers.ports import Hands
from recoverers.precondition import Ending
from recoverers.progress import Place
from recoverers.rollback import begin_undo, try_undo
from recoverers.steps import StepRun
from recoverers.terms import Terms
from recoverers.transitions import State, StepState
from recoverers.verify import verify
from schemas.recoveries import JournalRecord, OutcomeStatus


@dataclass(frozen=True, slots=True)
class Choose:
    """Gather facts and choose the steps."""


@dataclass(frozen=True, slots=True)
class Enter:
    """Work out what a workflow's step is to do."""

    name: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Journal the intent of a step."""

    step: str


@dataclass(frozen=True, slots=True)
class Await:
    """Leave a step that failed alone for a while."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Try:
    """Make the step whose intent is durable, see how far it is, or tell it to end."""

    step: StepRun
    stop: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """Look whether the step in doubt acted."""

    step: str
    stop: bool


@dataclass(frozen=True, slots=True)
class Verify:
    """Ask the factors until they settle."""


@dataclass(frozen=True, slots=True)
class BeginUndo:
    """Journal the intent to take a step back."""

    step: StepRun
    reason: str


@dataclass(frozen=True, slots=True)
class TryUndo:
    """Take the step back whose undo intent is durable."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Write the outcome."""

    ending: Ending


Act = Choose | Enter | Begin | Await | Try | Probe | Verify | BeginUndo | TryUndo
Move = Act | Finish


# States whose next move depends on nothing but the state.
_FIXED: dict[State, Move] = {
    State.NEW: Choose(),
    State.ACCEPTED: Choose(),
    State.UNDOING: TryUndo(),
    State.VERIFIED: Finish(Ending(OutcomeStatus.HEALED, "verified")),
}
_FORWARD = frozenset({State.READY, State.ACTING, State.IN_DOUBT, State.VERIFYING})


def next_moves(run: RunState, now: datetime) -> list[Move]:
    """Return what a run does next, one move a branch; flat, one guard per state."""
    if run.state in _FIXED:
        return [_FIXED[run.state]]
    if run.state in _FORWARD:
        return _next_forward(run, now)
    if run.state is State.ROLLING_BACK:
        return [_next_back(run, Deadline.after(run.failed_at or now, ROLLBACK_S, run.undo_paused_s).is_over(now))]
    if run.state is State.UNCLEAR:
        unclear = ", ".join(step.name for step in run.steps if step.status == StepState.UNCLEAR)
        return [Finish(Ending(OutcomeStatus.ESCALATED, f"in doubt about step {unclear}"))]
    return [Finish(Ending(OutcomeStatus.ROLLBACK_FAILED, f"{run.reason}; step {run.undo[-1].name} could not be taken back"))]


def _next_forward(run: RunState, now: datetime) -> list[Move]:
    ending = end_of_plan(run.command.mode)
    if ending:
        return [Finish(ending)]
    is_late = Deadline.after(run.started_at or now, run.command.deadline_s, run.paused_s + run.set_s).is_over(now)
    # A step that nobody can tell about ends the run, so nothing new begins beside it.
    is_unclear = any(step.status == StepState.UNCLEAR for step in run.steps)
    stop = run.cancelled or is_late or is_unclear
    places = run.places(stop=stop)
    if places:
        return [_move_at(run, place, now) for place in places]
    if run.cancelled or (is_late and run.places(stop=False)):
        return [_next_back(replace(run, reason="cancelled" if run.cancelled else "deadline"), is_late=False)]
    return [Verify()]


def _move_at(run: RunState, place: Place, now: datetime) -> Move:
    step = run.step(place.step)
    if step is None:
        return Begin(place.step) if place.step else Enter(place.node)
    if step.status == StepState.ACTING:
        return Try(step, place.stop)
    if step.status == StepState.IN_DOUBT:
        return Probe(step.name, place.stop)
    return Await(step.again_at) if step.again_at and now < step.again_at else Begin(step.name)


def _next_back(run: RunState, is_late: bool) -> Move:
    step = run.next_undo()
    if step is None:
        # A person who cancels knows; nobody else need look at what nothing was done to.
        gave_up = run.gives_up_as if not run.undo and not run.cancelled else OutcomeStatus.ROLLED_BACK
        return Finish(Ending(gave_up, run.reason))
    if is_late:
        return Finish(Ending(OutcomeStatus.ROLLBACK_FAILED, f"{run.reason}; rollback took longer than {ROLLBACK_S:.0f} s"))
    return BeginUndo(step, run.reason)


def drive(run: RunState, terms: Terms, hands: Hands) -> RunState:
    """Carry a run to its end; a resumed run first doubts the steps that were in flight."""
    flights = Flights(terms, hands)
    try:
        return _to_the_end(run, flights)
    finally:
        flights.end()


def _to_the_end(run: RunState, flights: Flights) -> RunState:
    terms, hands = flights.terms, flights.hands
    if run.state in {State.ACTING, State.IN_DOUBT, State.UNDOING}:
        run = _write(run, doubt(run, terms, hands), hands)
    while run.state is not State.CONCLUDED:
        before = run
        moves = next_moves(_seen(run, flights), hands.now())
        for move in moves:
            # What one branch did may decide the others; each gets its turn, so that a quick one does not keep them waiting.
            if run is not before and move not in next_moves(_seen(run, flights), hands.now()):
                continue
            made = _make(_seen(run, flights), move, flights)
            run = finish(_seen(run, flights), made, terms, hands) if isinstance(made, Ending) else _write(run, made, hands)
        if run is before and not any(isinstance(move, Begin | Verify) for move in moves):
            flights.rest(min((move.until for move in moves if isinstance(move, Await)), default=None))
    return run


def _seen(run: RunState, flights: Flights) -> RunState:
    """Return the run with what its journal does not say: a person's word, how long its steps were kept from work, a clock that was set."""
    hands = flights.hands
    set_s = (hands.now() - hands.steady()).total_seconds()
    return replace(run, cancelled=hands.is_cancelled(run.command), paused_s=run.paused_s + flights.paused_s, set_s=set_s)


def _make(run: RunState, move: Move, flights: Flights) -> list[JournalRecord] | Ending:
    """Make one move; a single step's moves are in flights.py and perform.py."""
    terms, hands = flights.terms, flights.hands
    match move:
        case Choose():
            return choose(run, terms, hands)
        case Enter(name):
            return enter(run, name, terms, hands)
        case Verify():
            return verify(run, terms, hands)
        case BeginUndo(step, reason):
            return begin_undo(run, step, reason, terms, hands)
        case TryUndo():
            return try_undo(run, terms, hands)
        case Finish(ending):
            return ending
        case Begin() | Await() | Try() | Probe():
            return _make_step(run, move, flights)


def _make_step(run: RunState, move: Begin | Await | Try | Probe, flights: Flights) -> list[JournalRecord]:
    match move:
        case Begin(step):
            return begin(run, step, flights.terms, flights.hands)
        case Await():
            return []
        case Try(step, stop):
            return flights.look(run, step, stop=stop)
        case Probe(step, stop):
            return probe(run, step, flights, stop=stop)


def _write(run: RunState, records: list[JournalRecord], hands: Hands) -> RunState:
    if records:
        hands.append(records)
    for record in records:
        run = fold(run, record)
    return run
