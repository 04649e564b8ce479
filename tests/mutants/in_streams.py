"""Mutants of what stages do: doors, incidents, gates, the door of commands with its brakes, people's words, the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from schemas.decisions import ApprovalGiven, Decision, GateVerdict, Verdict
from schemas.incidents import Incident
from schemas.outputs import Emit, Output
from schemas.oversight import Control, DeadLetter
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from streams import admit, control_book, decide, door_state, holds, ingest
from streams.breakers import Breakers
from streams.budgets import Budgets
from streams.control_book import ControlBook
from streams.door_state import DoorState
from streams.doors import IngestDoor, Opened
from streams.gates.facts import GateFacts, say
from streams.holds import hold_by_scope, hold_by_switch
from streams.incident_book import IncidentBook
from streams.notary import Notary, NotaryRules
from tests.mutants.patching import Mutant, Swap
from tests.mutants.plans import JOB, PAY, STACK, TWICE, asking, dying, halting, plan_of
from tests.sim.executors import Lane
from tests.sim.failures import Behaviour, Failure
from tests.sim.plan import Budgets as Brakes
from tests.sim.plan import Fault, Trouble


def _fresh_budgets() -> Sequence[Swap]:
    return [(door_state, "Budgets", lambda _, policy, services: Budgets({}, policy, services))]


def _fresh_breakers() -> Sequence[Swap]:
    return [(door_state, "Breakers", lambda _, policy: Breakers({}, policy))]


def _words_without(*, plan: bool, expiry: bool) -> Sequence[Swap]:
    def approvals(self: ControlBook, decision: Decision, plan_hash: str, now: datetime) -> tuple[ApprovalGiven, ...]:
        return tuple(
            ApprovalGiven(word.by, plan_hash, word.approval.nonce, word.at)
            for word in self._words_on(decision)
            if word.approval is not None
            and word.approval.approve
            and (plan or word.approval.plan_hash == plan_hash)
            and (expiry or now < word.approval.expires_at)
        )

    return [(ControlBook, "approvals", approvals), (ControlBook, "approvals_end", lambda *_: None)]


def _anybody_counts() -> Sequence[Swap]:
    return [(control_book, "why_not_counted", lambda *_: None)]


def _no_loop_guard() -> Sequence[Swap]:
    def never(facts: GateFacts) -> GateVerdict:
        del facts
        return say("loop_guard", Verdict.HEAL, "")

    gates = tuple(never if gate.__name__ == "check_loop_guard" else gate for gate in decide.GATES)
    return [(decide, "GATES", gates)]


def _no_scope_lock() -> Sequence[Swap]:
    rest = tuple(check for check in holds.HOLDS if check is not hold_by_scope)
    return [(holds, "HOLDS", rest), (Lane, "takes_scope", lambda *_: True), (IncidentBook, "newest_in", lambda *_: None)]


def _no_switch() -> Sequence[Swap]:
    rest = tuple(check for check in holds.HOLDS if check is not hold_by_switch)
    return [(holds, "HOLDS", rest)]


def _said_again_at_once() -> Sequence[Swap]:
    whole = admit._take_control

    def at_once(state: DoorState, control: Control, now: datetime) -> Sequence[Output]:
        said = whole(state, control, now)
        return (*said, *(Emit(word) for word in state.control.switches.take_hidden()))

    return [(admit, "_take_control", at_once)]


def _waits_by_their_clock() -> Sequence[Swap]:
    whole = decide.Decide._on_attempt_ended

    def stamped(self: decide.Decide, outcome: RecoveryOutcome, now: datetime) -> Sequence[Output]:
        del now
        return whole(self, outcome, outcome.finished_at)

    return [(decide.Decide, "_on_attempt_ended", stamped)]


def _new_ids() -> Sequence[Swap]:
    return [(Incident, "id_fields", lambda self: (*self.origin_key, self.reopens or "", self.detected_at))]


def _open_secrets() -> Sequence[Swap]:
    return [(ingest, "redact_log", lambda text, *_: text)]


def _lost_letters() -> Sequence[Swap]:
    whole = IngestDoor.open

    def dropping(self: IngestDoor, incoming: object, now: object) -> Opened:
        opened = whole(self, incoming, now)  # type: ignore[arg-type]
        assert isinstance(opened, Opened)
        kept = tuple(one for one in opened.outputs if not isinstance(getattr(one, "record", None), DeadLetter))
        return replace(opened, outputs=kept)

    return [(IngestDoor, "open", dropping)]


def _fresh_chain() -> Sequence[Swap]:
    def begin(entries: Mapping[str, str], rules: NotaryRules) -> Notary:
        del entries
        return Notary(rules, -1, "0" * 64, -1)

    return [(Notary, "from_state", staticmethod(begin))]


def _silent_end() -> Sequence[Swap]:
    return [(admit, "_NEVER_RUNS", {**admit._NEVER_RUNS, Verdict.ESCALATE: OutcomeStatus.PLANNED})]


ONE_IN_20_S = Brakes(fleet=1, window_s=20.0)
REFUSING_JOB = replace(JOB, behaviour=Behaviour.FAILS, times=1, ends=frozenset())
REFUSING_PAY = replace(PAY, behaviour=Behaviour.FAILS, times=1, ends=frozenset())
DRIFTED = Failure("config:oracle-conf", 1.0, Behaviour.HANGS, 9, ends=frozenset())
SAME_GROUP = Failure("service:oracle", 2.5, ends=frozenset())
LATER_STACK = replace(STACK, at=6.0)

MUTANTS = (
    Mutant(
        "budget per process", frozenset({"I10"}), plan_of(PAY, LATER_STACK, faults=dying("admit", 40), brakes=ONE_IN_20_S), _fresh_budgets
    ),
    Mutant(
        "breaker forgotten on restart",
        frozenset({"I10"}),
        plan_of(REFUSING_PAY, faults=dying("admit", 48), brakes=Brakes(breaker=1, breaker_s=20.0)),
        _fresh_breakers,
    ),
    Mutant("approval not bound to the plan", frozenset({"I9"}), asking("other plan"), lambda: _words_without(plan=True, expiry=False)),
    Mutant("expired approval counts", frozenset({"I9"}), asking("expired"), lambda: _words_without(plan=False, expiry=True)),
    Mutant("anybody's word counts", frozenset({"I9"}), asking("forged"), _anybody_counts),
    Mutant("no loop guard", frozenset({"I10"}), plan_of(TWICE, brakes=Brakes(loop_limit=1)), _no_loop_guard),
    Mutant("scope lock dropped", frozenset({"I6"}), plan_of(DRIFTED, SAME_GROUP), _no_scope_lock),
    Mutant("halt ignored by the door", frozenset({"I8"}), plan_of(LATER_STACK, faults=halting(5.0)), _no_switch),
    Mutant(
        "a released switch is engaged anew",
        frozenset({"I14"}),
        plan_of(PAY, faults=(*halting(3.8, 4.0), Fault(Trouble.OUTAGE, "", 2.2, 15.0))),
        _said_again_at_once,
    ),
    Mutant(
        "waits by another worker's clock",
        frozenset({"I13"}),
        plan_of(REFUSING_JOB, faults=(Fault(Trouble.CLOCK, "executor-0", 6.0, 6.0, 3600),)),
        _waits_by_their_clock,
    ),
    Mutant("duplicate incident ids", frozenset({"I1", "I2"}), plan_of(JOB, faults=dying("classify", 13)), _new_ids),
    Mutant("secrets not redacted", frozenset({"I12"}), plan_of(JOB), _open_secrets),
    Mutant("dead letter dropped", frozenset({"I1"}), plan_of(PAY, faults=(Fault(Trouble.POISON, "", 5.0, 0.0, 9),)), _lost_letters),
    Mutant("chain begun anew after a restart", frozenset({"I7"}), plan_of(PAY, faults=dying("notary", 6)), _fresh_chain),
    Mutant(
        "an end that is none", frozenset({"I1", "I13"}), plan_of(replace(JOB, logs=(("odd\n", "failure"),), ends=frozenset())), _silent_end
    ),
)
