"""The fifth stop: an incident becomes a decision with every verdict, factor and fact; the next is ``streams/admit.py``.

A further attempt is decided only from the evidence of the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from schemas.configuration import Configuration
from schemas.decisions import Admission, Decision
from schemas.ids import id_of
from schemas.incidents import Incident, IncidentUpdate
from schemas.outputs import Count, Emit, Output, Place
from schemas.oversight import AuditEntry, Control
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind, Result
from streams.decision_making import Question, make_decision
from streams.gates.completeness import check_completeness
from streams.gates.confidence import check_confidence
from streams.gates.ended_on_purpose import check_ended_on_purpose
from streams.gates.facts import Gate
from streams.gates.failure_kind import check_failure_kind
from streams.gates.healing_switch import check_healing_switch
from streams.gates.holdout import check_holdout
from streams.gates.loop_guard import check_loop_guard
from streams.gates.override import check_override
from streams.gates.previous_attempt import check_previous_attempt
from streams.gates.provenance import check_provenance
from streams.gates.push_race import check_push_race
from streams.gates.risk_tier import check_risk_tier
from streams.gates.rollout import check_rollout
from streams.gates.rules import check_rules
from streams.gates.same_commit import check_same_commit
from streams.gates.strategy import check_strategy
from streams.gates.trigger import check_trigger
from streams.healing_history import MAX_ROWS, HealingHistory
from streams.rows import Rows

# The order of asking; of equally bad answers the first is the decision's reason, so what a person must know comes first.
GATES: tuple[Gate, ...] = (
    check_failure_kind,
    check_ended_on_purpose,
    check_provenance,
    check_push_race,
    check_healing_switch,
    check_previous_attempt,
    check_loop_guard,
    check_same_commit,
    check_strategy,
    check_confidence,
    check_completeness,
    check_override,
    check_trigger,
    check_rules,
    check_rollout,
    check_risk_tier,
    # The last, so that only what would have been done is held out.
    check_holdout,
)

DecideEvent = Incident | IncidentUpdate | RecoveryOutcome | Admission | Control


@dataclass(frozen=True, slots=True)
class DecideRules:
    """What the stage is given; ``model_version`` is stamped on decisions."""

    configuration: Configuration
    model_version: str = ""
    bound: int = MAX_ROWS


@dataclass(frozen=True, slots=True)
class DecideRow:
    """An incident not yet over: the last attempt decided, and what is known of the CI attempt after it."""

    incident: Incident
    attempt: int = 1
    waits_until: datetime | None = None
    seen_attempt: int = 0
    seen_kind: Kind | None = None
    is_open: bool = True

    def has_evidence(self) -> bool:
        """Tell whether the run's attempt after the last command was seen; a service needs none but its verification."""
        run = self.incident.run
        return run is None or self.seen_attempt >= run.attempt + self.attempt


class Decide:
    """The stage; see ``StageLogic``."""

    def __init__(self, entries: Mapping[str, str], rules: DecideRules) -> None:
        """Begin again from a snapshot's entries."""
        self._rules = rules
        self._history = HealingHistory(entries, rules.configuration)
        self._incidents = Rows("incident/", DecideRow, rules.bound)
        self._incidents.load(entries)
        self._waiting = {name for name, row in self._incidents.items() if row.waits_until}

    @classmethod
    def from_state(cls, entries: Mapping[str, str], rules: DecideRules) -> Self:
        """Begin again from a snapshot."""
        return cls(entries, rules)

    def on_event(self, event: DecideEvent, place: Place, now: datetime) -> Sequence[Output]:
        """Take one event in."""
        del place
        match event:
            case Incident():
                return self._on_incident(event, now)
            case IncidentUpdate():
                return self._on_update(event, now)
            case RecoveryOutcome():
                return self._on_outcome(event, now)
            case Admission():
                row = self._incidents.get(event.incident_id)
                if row:
                    self._history.note_admission(event, row.incident)
                return ()
            case Control():
                return self._history.note_control(event)

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Give up on new attempts that were not seen in time."""
        self._history.choices.settle_held(now)
        late = [(name, row) for name in sorted(self._waiting) if (row := self._incidents.get(name)) and _is_late(row, now)]
        return [output for name, row in late for output in self._decide(name, row, row.attempt + 1, now)]

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the entries changed since the last call."""
        changes = self._incidents.take_changes()
        for rows in self._history.tables():
            changes.update(rows.take_changes())
        return changes

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        entries = self._incidents.snapshot()
        for rows in self._history.tables():
            entries.update(rows.snapshot())
        return entries

    def _on_incident(self, incident: Incident, now: datetime) -> Sequence[Output]:
        name = id_of(incident)
        if self._incidents.get(name):
            return ()
        slim = incident.slim()
        return self._decide(name, DecideRow(slim), 1, now)

    def _on_update(self, update: IncidentUpdate, now: datetime) -> Sequence[Output]:
        self._history.choices.note_update(update)
        row = self._incidents.get(update.incident_id)
        if row is None or not row.is_open or update.run_attempt is None or update.run_attempt < row.seen_attempt:
            return ()
        kind = Kind.SUCCESS if update.result is Result.SUCCESS else update.kind
        seen = replace(row, seen_attempt=update.run_attempt, seen_kind=kind)
        self._incidents.put(update.incident_id, seen)
        if seen.waits_until and seen.has_evidence():
            return self._decide(update.incident_id, seen, seen.attempt + 1, now)
        return ()

    def _on_outcome(self, outcome: RecoveryOutcome, now: datetime) -> Sequence[Output]:
        demoted = self._history.note_outcome(outcome, now)
        return (*demoted, *self._on_attempt_ended(outcome, now))

    def _on_attempt_ended(self, outcome: RecoveryOutcome, now: datetime) -> Sequence[Output]:
        row = self._incidents.get(outcome.incident_id)
        if row is None or not row.is_open:
            return ()
        if outcome.final:
            self._incidents.put(outcome.incident_id, replace(row, is_open=False, waits_until=None))
            self._waiting.discard(outcome.incident_id)
            return ()
        if outcome.status is not OutcomeStatus.ROLLED_BACK or outcome.attempt != row.attempt or row.waits_until:
            return ()
        if row.has_evidence():
            return self._decide(outcome.incident_id, row, row.attempt + 1, now)
        wait = timedelta(seconds=self._rules.configuration.policy.next_attempt_wait_s)
        # By our own clock: an executor's may be wrong by an hour, and the wait with it.
        self._incidents.put(outcome.incident_id, replace(row, waits_until=now + wait))
        self._waiting.add(outcome.incident_id)
        return ()

    def _decide(self, name: str, row: DecideRow, attempt: int, now: datetime) -> Sequence[Output]:
        failed_as = row.seen_kind if attempt > 1 and row.has_evidence() else None
        question = Question(row.incident, name, attempt, failed_as, now, row.incident.deployments)
        decision = make_decision(question, GATES, self._rules.configuration, self._history, self._rules.model_version)
        self._incidents.put(name, replace(row, attempt=attempt, waits_until=None))
        self._waiting.discard(name)
        gate = decision.reason.partition(":")[0]
        counted = (("decision", decision.verdict.value), ("reason", gate))
        leads = self._history.choices.note_decision(decision, row.incident)
        looped = self._history.levels.note_decision(decision)
        return [Emit(decision), Emit(_audit(decision)), *leads, *looped, Count("healstream_decisions_total", counted)]


def _is_late(row: DecideRow, now: datetime) -> bool:
    return row.waits_until is not None and row.waits_until <= now


def _audit(decision: Decision) -> AuditEntry:
    return AuditEntry(
        actor="decide",
        action=f"decision.{decision.verdict}",
        subject=decision.incident_id,
        at=decision.decided_at,
        details=(
            ("attempt", str(decision.attempt)),
            ("decision_id", id_of(decision)),
            ("reason", decision.reason),
            ("risk", f"{decision.risk.score:.2f}"),
            ("strategy", decision.strategy),
            ("target", decision.target),
            ("tier", decision.tier.value),
        ),
        evidence=(decision.incident_id,),
        traceparent=decision.traceparent,
    )
