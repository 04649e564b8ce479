"""The whole life of one command: the next move follows from the journal alone, so a crash at any point loses nothing.

``next_move`` is pure; ``carry_out`` in ``perform.py`` makes the move with the recipe and the ports; the records that it returns are
durable before they are folded. Called by ``recoverers/worker.py`` for new commands and, after a crash, for every open run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from recoverers.deadline import ROLLBACK_S, Deadline
from recoverers.journal import RunState, StepRun, fold
from recoverers.perform import begin, choose, doubt, finish, probe, try_step
from recoverers.plan import end_of_plan
from recoverers.ports import Hands
from recoverers.precondition import Ending
from recoverers.rollback import begin_undo, try_undo
from recoverers.terms import Terms
from recoverers.transitions import State
from recoverers.verify import verify
from schemas.recoveries import JournalRecord, OutcomeStatus


@dataclass(frozen=True, slots=True)
class Choose:
    """Gather facts and choose the steps."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Journal the intent of a step."""

    step: str


@dataclass(frozen=True, slots=True)
class Try:
    """Make the step whose intent is durable."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Look whether the step in doubt acted."""


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


Act = Choose | Begin | Try | Probe | Verify | BeginUndo | TryUndo
Move = Act | Finish


# States whose next move depends on nothing but the state.
_FIXED: dict[State, Move] = {
    State.NEW: Choose(),
    State.ACCEPTED: Choose(),
    State.ACTING: Try(),
    State.IN_DOUBT: Probe(),
    State.UNDOING: TryUndo(),
    State.VERIFIED: Finish(Ending(OutcomeStatus.HEALED, "verified")),
}


def next_move(run: RunState, now: datetime) -> Move:
    """Return what a run does next; flat, one guard per state."""
    if run.state in _FIXED:
        return _FIXED[run.state]
    if run.state in {State.READY, State.VERIFYING}:
        return _next_forward(run, Deadline.after(run.started_at or now, run.command.deadline_s, run.paused_s).is_over(now))
    if run.state is State.ROLLING_BACK:
        return _next_back(run, Deadline.after(run.failed_at or now, ROLLBACK_S, run.undo_paused_s).is_over(now))
    if run.state is State.UNCLEAR:
        return Finish(Ending(OutcomeStatus.ESCALATED, f"in doubt about step {run.steps[-1].name}"))
    return Finish(Ending(OutcomeStatus.ROLLBACK_FAILED, f"{run.reason}; step {run.undo[-1].name} could not be taken back"))


def _next_forward(run: RunState, is_late: bool) -> Move:
    ending = end_of_plan(run.command.mode)
    if ending:
        return Finish(ending)
    step = run.next_step()
    if run.cancelled or (is_late and step):
        return _next_back(replace(run, reason="cancelled" if run.cancelled else "deadline"), is_late=False)
    return Begin(step) if step else Verify()


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
    """Carry a run to its end; a resumed run first doubts the step that was in flight."""
    if run.state in {State.ACTING, State.UNDOING}:
        run = _write(run, doubt(run, terms, hands), hands)
    while run.state is not State.CONCLUDED:
        run = replace(run, cancelled=hands.is_cancelled(run.command))
        move = next_move(run, hands.now())
        made = move.ending if isinstance(move, Finish) else _make(run, move, terms, hands)
        if isinstance(made, Ending):
            return finish(run, made, terms, hands)
        run = _write(run, made, hands)
    return run


def _make(run: RunState, move: Act, terms: Terms, hands: Hands) -> list[JournalRecord] | Ending:
    match move:
        case Choose():
            return choose(run, terms, hands)
        case Begin(step):
            return begin(run, step, terms, hands)
        case Try():
            return try_step(run, terms, hands)
        case Probe():
            return probe(run, terms, hands)
        case Verify():
            return verify(run, terms, hands)
        case BeginUndo(step, reason):
            return begin_undo(run, step, reason, terms, hands)
        case TryUndo():
            return try_undo(run, terms, hands)


def _write(run: RunState, records: list[JournalRecord], hands: Hands) -> RunState:
    if records:
        hands.append(records)
    for record in records:
        run = fold(run, record)
    return run
