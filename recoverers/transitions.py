"""The life of a run as a table: ``TRANSITIONS[state][type(fact)]``; the drawing in the docs is made from it. Read by ``journal.py``.

A run may have several steps in flight, so each step has a life of its own (``STEP_MOVES``). What a step's fact does to its run follows
from all of its steps; where one step is in flight, that is what ``TRANSITIONS`` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a run stands; between two journal records it stands in exactly one of these."""

    NEW = "new"
    ACCEPTED = "accepted"
    READY = "ready"
    ACTING = "acting"
    IN_DOUBT = "in_doubt"
    UNCLEAR = "unclear"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    ROLLING_BACK = "rolling_back"
    UNDOING = "undoing"
    STUCK = "stuck"
    CONCLUDED = "concluded"


class StepState(StrEnum):
    """Where one step stands."""

    NEW = "new"
    ACTING = "intended"
    IN_DOUBT = "in_doubt"
    WAITING = "waiting"
    UNCLEAR = "unclear"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the journal says has happened."""


class Accepted(Fact):
    """The command is the executor's."""


class Planned(Fact):
    """The steps are chosen."""


class Entered(Fact):
    """A workflow's step has its target and its recipe's steps, is left out, or may not be made."""


class Intended(Fact):
    """A step is about to act."""


class Did(Fact):
    """The step acted."""


class Failed(Fact):
    """The step did not act and will not."""


class Retried(Fact):
    """The step did not act and will be made again after a while."""


class Doubted(Fact):
    """Nobody knows whether the step acted."""


class FoundDone(Fact):
    """The probe saw the effect."""


class FoundMissing(Fact):
    """The probe saw that there is no effect."""


class FoundUnclear(Fact):
    """The probe could not tell."""


class FactorSeen(Fact):
    """One factor of a round that decides nothing yet."""


class Settled(Fact):
    """All factors passed for the whole stabilisation."""


class VerificationFailed(Fact):
    """The factors did not pass in time, or one settled on no."""


class UndoIntended(Fact):
    """A step is about to be taken back."""


class Undone(Fact):
    """The step was taken back."""


class UndoFailed(Fact):
    """The step could not be taken back."""


class Concluded(Fact):
    """The outcome is written."""


TRANSITIONS: dict[State, dict[type[Fact], State]] = {
    State.NEW: {Accepted: State.ACCEPTED, Concluded: State.CONCLUDED},
    State.ACCEPTED: {Planned: State.READY, Concluded: State.CONCLUDED},
    State.READY: {
        Entered: State.READY,
        Intended: State.ACTING,
        FactorSeen: State.VERIFYING,
        Settled: State.VERIFIED,
        VerificationFailed: State.ROLLING_BACK,
        UndoIntended: State.UNDOING,
        Concluded: State.CONCLUDED,
    },
    State.ACTING: {Did: State.READY, Failed: State.ROLLING_BACK, Retried: State.READY, Doubted: State.IN_DOUBT},
    State.IN_DOUBT: {
        FoundDone: State.READY,
        FoundMissing: State.ACTING,
        FoundUnclear: State.UNCLEAR,
        Doubted: State.IN_DOUBT,
    },
    State.UNCLEAR: {Concluded: State.CONCLUDED},
    State.VERIFYING: {
        FactorSeen: State.VERIFYING,
        Settled: State.VERIFIED,
        VerificationFailed: State.ROLLING_BACK,
        UndoIntended: State.UNDOING,
        Concluded: State.CONCLUDED,
    },
    State.VERIFIED: {Concluded: State.CONCLUDED},
    State.ROLLING_BACK: {UndoIntended: State.UNDOING, Concluded: State.CONCLUDED},
    State.UNDOING: {Undone: State.ROLLING_BACK, UndoFailed: State.STUCK, Doubted: State.UNDOING},
    State.STUCK: {Concluded: State.CONCLUDED},
    State.CONCLUDED: {},
}


STEP_MOVES: dict[StepState, dict[type[Fact], StepState]] = {
    StepState.NEW: {Intended: StepState.ACTING},
    StepState.ACTING: {
        Did: StepState.DONE,
        Failed: StepState.FAILED,
        Retried: StepState.WAITING,
        Doubted: StepState.IN_DOUBT,
    },
    StepState.IN_DOUBT: {
        FoundDone: StepState.DONE,
        FoundMissing: StepState.ACTING,
        FoundUnclear: StepState.UNCLEAR,
        Doubted: StepState.IN_DOUBT,
    },
    StepState.WAITING: {Intended: StepState.ACTING},
    StepState.UNCLEAR: {},
    StepState.DONE: {},
    StepState.FAILED: {},
}
STEP_FACTS: frozenset[type[Fact]] = frozenset(fact for moves in STEP_MOVES.values() for fact in moves)
# Where a run stands as long as one of its steps does, the first that fits; a run of which no step stands so is ready, or rolls back.
IN_FLIGHT: tuple[tuple[StepState, State], ...] = (
    (StepState.ACTING, State.ACTING),
    (StepState.IN_DOUBT, State.IN_DOUBT),
    (StepState.UNCLEAR, State.UNCLEAR),
)
CARRYING_OUT = frozenset({State.READY, *(state for _, state in IN_FLIGHT)})


def move(state: State, fact: type[Fact]) -> State | None:
    """Return the next state, None when the table does not know the move."""
    return TRANSITIONS[state].get(fact)


def draw() -> str:
    """Return the table as a Mermaid state diagram."""
    rows = [f"    {before} --> {after}: {fact.__name__}" for before, moves in TRANSITIONS.items() for fact, after in moves.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> new", *rows, "    concluded --> [*]", ""])
