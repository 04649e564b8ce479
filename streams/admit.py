"""The door: Decision -> HealingCommand, when approvals, budgets, breakers, the lease and the kill switch allow it *now*.

It alone signs commands, and writes the outcome of what never runs. Pure; runs in the fenced loop (``streams/gatekeeper.py``), which
lets time pass only after ``heal.control`` was read to its end. Next stop: ``recoverers/execute.py``, across ``recovery.commands``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Self

from schemas.control_words import CIRCUIT_PREFIX
from schemas.decisions import FORCEABLE, AdmissionState, Decision, Mode, Oversight, Risk, Verdict
from schemas.ids import Record, id_of
from schemas.incidents import Detection, Incident, IncidentUpdate, UpdateCause
from schemas.lifecycle import Hold
from schemas.outputs import Count, Emit, Gauge, Output, Place, Reject
from schemas.oversight import AuditEntry, Control, Lease
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from streams.admission_records import AdmitRules, admission_of, audit_of, command_of, outcome_of
from streams.breakers import circuits_of
from streams.door_state import MAX_QUEUED, DoorState, InFlight, Queued, Seen
from streams.holds import hold_of

# Two approvals are for what one operator alone must never do.
_SINGLE_OPERATOR_LIMIT = 1
_NEVER_RUNS = {
    Verdict.REFUSE: OutcomeStatus.REFUSED,
    Verdict.ESCALATE: OutcomeStatus.ESCALATED,
    Verdict.OBSERVE: OutcomeStatus.OBSERVED,
}
_LEAVES_AS = {
    AdmissionState.SELF_HEALED: OutcomeStatus.SELF_HEALED,
    AdmissionState.EXPIRED: OutcomeStatus.EXPIRED,
    AdmissionState.DENIED: OutcomeStatus.REFUSED,
}
# What one tick says at most: the end of a storm is spread over some ticks, so that none is one huge transaction.
MAX_OUTPUTS = 3_000
_HAS_HEALED = frozenset({OutcomeStatus.HEALED, OutcomeStatus.SELF_HEALED})
# Ends that say nothing about whether the strategy works on the target.
_SAYS_NOTHING = frozenset({OutcomeStatus.REFUSED, OutcomeStatus.OBSERVED, OutcomeStatus.EXPIRED})


class Admit:
    """The stage: its state, and what it does with each record and as time passes."""

    def __init__(self, state: DoorState, rules: AdmitRules) -> None:
        self._state = state
        self._rules = rules
        self._sequence = 0

    @classmethod
    def from_state(cls, entries: Mapping[str, str], rules: AdmitRules) -> Self:
        """Begin again from stored entries."""
        return cls(DoorState(entries, rules.configuration), rules)

    def on_event(self, event: Record, place: Place, now: datetime) -> Sequence[Output]:
        """Take a decision, a word of control, an outcome or an incident's update in."""
        del place
        self._state.notice(now)
        match event:
            case Decision():
                return _take_decision(self._state, event, now)
            case Control():
                return _take_control(self._state, event, now)
            case RecoveryOutcome():
                return _take_outcome(self._state, event, now)
            case IncidentUpdate():
                return _take_update(self._state, event, now)
            case Incident():
                self._state.storms.note_incident(id_of(event), event, now)
                return ()
            case Detection():
                self._state.workflows.note(event, now)
                return ()
            case _:
                return (Reject(f"{event.RECORD} is nothing that admit reads"),)

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Write the lease, then let through what may go now."""
        outputs: list[Output] = []
        self._state.notice(now)
        lease = self.lease(now, self._sequence)
        if lease is not None:
            self._sequence += 1
            outputs.append(Emit(lease))
        outputs += [Emit(word) for word in self._state.control.switches.take_hidden()]
        self._state.storms.forget_old(now)
        self._state.workflows.forget_old(now)
        spoken_of = self._state.control.subjects()
        for name, row in self._state.queue.items():
            outputs += _judge(self._state, self._rules, name, row, spoken_of, now)
            if len(outputs) >= MAX_OUTPUTS:
                break
        waiting = sum(row.hold.startswith(Hold.APPROVAL) for _, row in self._state.queue.items())
        is_switched = lease is None or bool(lease.halted)
        return (*outputs, Gauge("healstream_approvals_pending", waiting), Gauge("healstream_kill_switch_engaged", float(is_switched)))

    def lease(self, now: datetime, sequence: int) -> Lease | None:
        """Return the sign of life by which executors may start steps; none while the fleet is halted."""
        if self._state.control.switches.is_fleet_halted(now):
            return None
        return Lease(self._rules.epoch, sequence, now, self._state.control.switches.halted_scopes(now))

    def take_changes(self) -> Mapping[str, str | None]:
        """Return what changed since the last call."""
        return self._state.take_changes()

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        return self._state.snapshot()


def _take_decision(state: DoorState, decision: Decision, now: datetime) -> Sequence[Output]:
    name = id_of(decision)
    if state.seen.get(name) is not None:
        return ()
    state.seen.put(name, Seen(now))
    state.storms.note_decision(decision, now)
    if decision.verdict in _NEVER_RUNS:
        return _end(decision, _NEVER_RUNS[decision.verdict], decision.reason or decision.verdict, now)
    if decision.oversight is Oversight.SINGLE_OPERATOR and decision.approvals_required > _SINGLE_OPERATOR_LIMIT:
        return _end(decision, OutcomeStatus.REFUSED, "single_operator may not approve this tier", now)
    if len(state.queue) >= MAX_QUEUED:
        return _end(decision, OutcomeStatus.REFUSED, f"queue_full: {MAX_QUEUED} decisions wait at the door", now)
    state.queue.put(name, Queued(_bounded(_slim(decision), now)))
    return ()


def _slim(decision: Decision) -> Decision:
    """Return what the door needs of a decision; what it rests on stays on the topic, so that thousands may wait."""
    advice = tuple(gate for gate in decision.gates if gate.verdict is decision.verdict is Verdict.ASK)
    return replace(decision, gates=advice, inputs=(), candidates=(), risk=Risk())


def _bounded(decision: Decision, now: datetime) -> Decision:
    """Return a decision that was made now at the latest, and waits no longer than it was made for.

    Stamped by a clock that is ahead it would else be valid by as much longer as that clock is wrong, and be younger than any storm's end.
    """
    made_at = min(decision.decided_at, now)
    return replace(decision, decided_at=made_at, expires_at=made_at + (decision.expires_at - decision.decided_at))


def _end(decision: Decision, status: OutcomeStatus, reason: str, now: datetime, by: str = "healstream") -> list[Output]:
    count = Count(
        "healstream_recoveries_total", (("strategy", decision.strategy or "none"), ("outcome", status)), trace=decision.traceparent
    )
    audit = audit_of(decision, f"incident.{status}", now, by, reason=reason)
    return [Emit(outcome_of(decision, status, reason, now)), Emit(audit), count]


def _take_control(state: DoorState, control: Control, now: datetime) -> Sequence[Output]:
    refused = state.control.take(control, now)
    if not refused and control.override and control.override.mark_healed:
        state.storms.note_marked_healed(control.key.removeprefix("override/").rpartition("/")[0], now)
    details = (("reason", refused),) if refused else ()
    audit = Emit(AuditEntry(control.by, "control.refused" if refused else "control.taken", control.key, control.at, details))
    if refused:
        # The topic keeps only a key's last word: one that does not count must not hide from a later reader what is engaged.
        state.control.switches.note_hidden(control.key, now)
        return (audit,)
    if control.circuit is None:
        return (audit,)
    name = control.key.removeprefix(CIRCUIT_PREFIX)
    state.breakers.reset(name)
    return (audit, *state.breakers.gauges((name,), now))


def _take_outcome(state: DoorState, outcome: RecoveryOutcome, now: datetime) -> Sequence[Output]:
    state.storms.note_outcome(outcome, now)
    queued = state.queue.get(outcome.decision_id)
    if queued is not None:
        return _take_answer(state, queued, outcome, now)
    flying = state.flying.get(outcome.scope)
    if flying is None or flying.command_id != outcome.command_id:
        return ()
    state.flying.drop(outcome.scope)
    has_healed = None if outcome.status in _SAYS_NOTHING else outcome.status in _HAS_HEALED
    state.breakers.record(flying.command_id, flying.circuits, has_healed, now)
    return state.breakers.gauges(flying.circuits, now)


def _take_answer(state: DoorState, queued: Queued, outcome: RecoveryOutcome, now: datetime) -> Sequence[Output]:
    """Take in what an executor answers to the order of a plan: the plan, or why there is none, and then nobody need be asked."""
    if outcome.status is OutcomeStatus.PLANNED:
        if outcome.plan is not None:
            state.queue.put(outcome.decision_id, replace(queued, planned_hash=outcome.plan.plan_hash))
        return ()
    state.queue.drop(outcome.decision_id)
    if outcome.final:
        # An executor of before said the last word itself.
        return ()
    last = replace(outcome, final=True, command_id=None, finished_at=now)
    return (Emit(last), Emit(audit_of(queued.decision, f"incident.{outcome.status}", now, reason=outcome.reason)))


def _take_update(state: DoorState, update: IncidentUpdate, now: datetime) -> Sequence[Output]:
    if update.cause is not UpdateCause.RESOLVED:
        return ()
    rows = [row.decision for _, row in state.queue.items() if row.decision.incident_id == update.incident_id]
    return [output for decision in rows for output in _leave(state, decision, AdmissionState.SELF_HEALED, "condition cleared", now)]


def _leave(state: DoorState, decision: Decision, end: AdmissionState, reason: str, now: datetime, by: str = "healstream") -> list[Output]:
    state.queue.drop(id_of(decision))
    admission = replace(admission_of(decision, end, reason, now), by=by)
    return [Emit(admission), *_end(decision, _LEAVES_AS[end], reason, now, by)]


def _judge(state: DoorState, rules: AdmitRules, name: str, row: Queued, spoken_of: frozenset[str], now: datetime) -> list[Output]:
    """Decide on one queued decision: it leaves, goes on waiting, or is let through."""
    if now >= row.decision.expires_at:
        return _leave(state, row.decision, AdmissionState.EXPIRED, "the decision is no longer valid", now)
    said = _leave_by_word(state, row.decision, now) if spoken_of & {name, row.decision.incident_id} else []
    if said:
        return said
    before, (row, held) = row, hold_of(state, row, now)
    if not held.reason:
        return _let_through(state, rules, row, now)
    # Thousands may wait for long, for a storm's or a freeze's end: nothing new costs nothing.
    is_known = row is before and held.reason == row.hold and not _asks_plan(row)
    return [] if is_known else _wait(state, rules, replace(row, hold=held.reason), held.until, now)


def _leave_by_word(state: DoorState, decision: Decision, now: datetime) -> list[Output]:
    """Let a decision leave because a person says so; nothing when nobody does."""
    override = state.control.override_on(decision.incident_id)
    if override is not None and override[1].mark_healed:
        return _leave(state, decision, AdmissionState.SELF_HEALED, "marked", now, override[0])
    if override is not None and (override[1].hands_off or override[1].cancel):
        return _leave(state, decision, AdmissionState.DENIED, "hands_off", now, override[0])
    if override is not None and override[1].force_verdict in FORCEABLE:
        return _leave(state, decision, AdmissionState.DENIED, f"{override[0]} said {override[1].force_verdict}", now, override[0])
    denier = state.control.denier(decision)
    return _leave(state, decision, AdmissionState.DENIED, "denied", now, denier) if denier is not None else []


def _asks_plan(row: Queued) -> bool:
    return row.hold.startswith(Hold.APPROVAL) and not row.is_plan_ordered


def _wait(state: DoorState, rules: AdmitRules, row: Queued, until: datetime | None, now: datetime) -> list[Output]:
    decision = row.decision
    name = id_of(decision)
    outputs: list[Output] = []
    before = state.queue.get(name)
    if before is None or before.hold != row.hold:
        admission = admission_of(decision, AdmissionState.QUEUED, row.hold, now)
        outputs.append(Emit(replace(admission, until=min(until or decision.expires_at, decision.expires_at))))
        outputs.append(Emit(audit_of(decision, "decision.queued", now, reason=row.hold)))
    asks_plan = _asks_plan(row)
    if asks_plan:
        outputs.append(Emit(command_of(decision, Mode.PLAN, (), decision.expires_at, rules, now)))
    state.queue.put(name, replace(row, is_plan_ordered=row.is_plan_ordered or asks_plan))
    return outputs


def _let_through(state: DoorState, rules: AdmitRules, row: Queued, now: datetime) -> list[Output]:
    decision = row.decision
    plan_hash = row.planned_hash or decision.plan_hash
    approvals = state.control.approvals(decision, plan_hash, now) if decision.approvals_required else ()
    ends = state.control.approvals_end(decision, plan_hash) if approvals else None
    mode = Mode.DRY_RUN if decision.dry_run else Mode.RUN
    command = command_of(decision, mode, approvals, min(decision.expires_at, ends or decision.expires_at), rules, now)
    state.queue.drop(id_of(decision))
    flying = InFlight(id_of(command), id_of(decision), decision.strategy, decision.target, circuits_of(decision))
    state.flying.put(decision.scope, flying)
    over_budget = state.budgets.spent_out(decision, now)
    state.budgets.spend(id_of(command), decision, now)
    state.breakers.begin(id_of(command), decision, now)
    admission = admission_of(decision, AdmissionState.ADMITTED, mode, now, id_of(command))
    details = {"command": id_of(command), "approved_by": ",".join(approval.person for approval in approvals)}
    if over_budget:
        details["passed_by_an_admin"] = over_budget
    return [Emit(admission), Emit(command), Emit(audit_of(decision, "command.admitted", now, **details))]
