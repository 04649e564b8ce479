"""Mutants of what executors do: journal, probe, permission, verification, rollback, outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from recoverers import conclude, execute, hands, journal, perform, verify
from recoverers.flights import Flights
from recoverers.journal import RunState
from recoverers.lease_guard import Heard, why_not
from recoverers.ports import Hands
from recoverers.steps import StepRun
from recoverers.terms import Terms, call_for, line, text_of
from recoverers.transitions import State, StepState
from schemas.recoveries import Direction, JournalKind, JournalRecord, OutcomeStatus
from tests.mutants.patching import Mutant, Swap
from tests.mutants.plans import (
    LIE,
    PAY,
    REFUSING_STACK,
    STACK,
    TWICE,
    dying,
    halting,
    plan_of,
)
from tests.sim import executors
from tests.sim.executors import Executors, Lane, Process
from tests.sim.failures import Behaviour
from tests.sim.log import Log
from tests.sim.plan import Fault, Trouble


def _commit_first() -> Sequence[Swap]:
    def committing(self: Executors, process: Process, lane: Lane) -> None:
        self.log.committed[executors.GROUP, executors.COMMANDS, lane.partition] = len(self.log.rows[executors.COMMANDS, lane.partition])
        for incoming in self.log.rows[executors.COMMANDS, lane.partition][-1:]:
            self.accept(process, lane, incoming)
        lane.busy.discard(executors.GROUP)

    return [(Executors, "_take_all", committing)]


def _no_fence() -> Sequence[Swap]:
    def transact(self: Log, owner: str, epoch: int, letters: Sequence[object], at: object) -> None:
        del owner, epoch
        for letter in letters:
            self.send(letter, at)  # type: ignore[arg-type]

    return [(Log, "transact", transact)]


def _forward_rollback() -> Sequence[Swap]:
    def next_undo(self: RunState) -> StepRun | None:
        back = {step.name for step in self.undo if step.status != StepState.ACTING}
        return next((step for step in self.steps if step.status == StepState.DONE and step.name not in back), None)

    return [(RunState, "next_undo", next_undo)]


def _half_rollback() -> Sequence[Swap]:
    whole = RunState.next_undo

    def next_undo(self: RunState) -> StepRun | None:
        return None if self.undo else whole(self)

    return [(RunState, "next_undo", next_undo)]


def _no_probe() -> Sequence[Swap]:
    def probe(run: RunState, name: str, flights: Flights, *, stop: bool) -> list[JournalRecord]:
        del stop
        seen = line(run, flights.terms, JournalKind.PROBED, flights.hands.now(), name)
        return [replace(seen, step_try=run.steps[-1].tries, result=text_of(status="done", detail="assumed"))]

    return [(execute, "probe", probe)]


def _no_lease() -> Sequence[Swap]:
    def without(heard: Heard, command: object, direction: Direction, now: object, monotonic_s: float) -> str | None:
        del direction
        return why_not(heard, command, Direction.UNDO, now, monotonic_s)  # type: ignore[arg-type]

    return [(hands, "why_not", without)]


def _deaf_undo() -> Sequence[Swap]:
    def deaf(heard: Heard, command: object, direction: Direction, now: object, monotonic_s: float) -> str | None:
        return None if direction is Direction.UNDO else why_not(heard, command, direction, now, monotonic_s)  # type: ignore[arg-type]

    return [(hands, "why_not", deaf)]


def _no_stop_file() -> Sequence[Swap]:
    def blind(heard: Heard, command: object, direction: Direction, now: object, monotonic_s: float) -> str | None:
        return why_not(replace(heard, stop_file=False), command, direction, now, monotonic_s)  # type: ignore[arg-type]

    return [(hands, "why_not", blind)]


def _one_factor() -> Sequence[Swap]:
    whole = verify.verify

    def single(run: RunState, terms: Terms, hands: Hands) -> list[JournalRecord]:
        return whole(run, replace(terms, card=replace(terms.card, factors=terms.card.factors[:1])), hands)

    return [(execute, "verify", single), (verify, "FEWEST_SOURCES", 1)]


def _always_final() -> Sequence[Swap]:
    return [(conclude, "is_final", lambda *_: True)]


def _two_outcomes() -> Sequence[Swap]:
    whole = conclude.conclude

    def twice(run: RunState, ending: object, at: object, outputs: object) -> tuple[object, tuple[object, ...]]:
        outcome, entries = whole(run, ending, at, outputs)  # type: ignore[arg-type]
        return replace(outcome, status=OutcomeStatus.ROLLED_BACK), (outcome, *entries)

    return [(perform, "conclude", twice)]


def _silent_steps() -> Sequence[Swap]:
    return [(conclude, "_steps_audited", lambda _: ())]


def _act_before_intent() -> Sequence[Swap]:
    whole = perform.begin

    def eager(run: RunState, step: str, terms: Terms, hands: Hands) -> list[JournalRecord]:
        terms.recipe.act(call_for(run, step, ""))
        return whole(run, step, terms, hands)

    return [(execute, "begin", eager)]


def _no_resume() -> Sequence[Swap]:
    whole = journal.replay

    def forgetting(records: Iterator[JournalRecord]) -> dict[str, RunState]:
        return {name: replace(run, state=State.CONCLUDED) for name, run in whole(records).items()}

    return [(executors, "replay", forgetting)]


HANGING_STACK = replace(STACK, behaviour=Behaviour.HANGS, times=1000)

MUTANTS = (
    Mutant(
        "commit before journal", frozenset({"I1", "I2", "I13"}), plan_of(PAY, faults=dying("executor", 1)), _commit_first, is_shell=True
    ),
    Mutant(
        "no fence check",
        frozenset({"I6"}),
        plan_of(PAY, faults=(Fault(Trouble.PAUSE_OWNER, "admit", 4.5, 10.0),)),
        _no_fence,
        is_shell=True,
    ),
    Mutant("forward rollback order", frozenset({"I5"}), plan_of(LIE), _forward_rollback),
    Mutant("rollback stops half-way", frozenset({"I5"}), plan_of(LIE), _half_rollback),
    Mutant("no probe after doubt", frozenset({"I3"}), plan_of(PAY, faults=dying("executor", 7)), _no_probe),
    Mutant("lease ignored", frozenset({"I8"}), plan_of(HANGING_STACK, faults=(Fault(Trouble.PAUSE_OWNER, "admit", 9.5, 5.9),)), _no_lease),
    Mutant("halt ignored by undo", frozenset({"I8"}), plan_of(REFUSING_STACK, faults=halting(8.4)), _deaf_undo),
    Mutant(
        "stop file ignored",
        frozenset({"I8"}),
        plan_of(HANGING_STACK, faults=(Fault(Trouble.STOP_FILE, "fleet", 9.5, 12.0),)),
        _no_stop_file,
    ),
    Mutant("verification by one factor", frozenset({"I11"}), plan_of(PAY), _one_factor),
    Mutant("every rollback is final", frozenset({"I1", "I14"}), plan_of(TWICE), _always_final),
    Mutant("outcome written twice with different status", frozenset({"I1"}), plan_of(PAY), _two_outcomes),
    Mutant("audit entry skipped", frozenset({"I7"}), plan_of(PAY), _silent_steps),
    Mutant("act before intent", frozenset({"I4"}), plan_of(HANGING_STACK), _act_before_intent),
    Mutant("no resume after a crash", frozenset({"I1", "I2", "I13"}), plan_of(PAY, faults=dying("executor", 5)), _no_resume),
)
