"""Incidents by the thousand as messages of their topics, for the read model: each seen, decided, and ended or waiting for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from console.site.store import CODEC, Message
from schemas.decisions import Admission, AdmissionState, Decision, GateVerdict, Risk, RiskFactor, Verdict
from schemas.ids import Record, id_of
from schemas.incidents import HitSeen, Incident
from schemas.recoveries import FactorResult, OutcomeStatus, PlanShown, RecoveryOutcome, StepDone
from schemas.topics import TOPIC_OF
from schemas.vocabulary import Group, Kind

ENDS = (OutcomeStatus.HEALED, OutcomeStatus.HEALED, OutcomeStatus.HEALED, OutcomeStatus.ESCALATED, OutcomeStatus.ROLLED_BACK)


@dataclass
class Tape:
    """Gives records their places on the topics, one partition each."""

    ends: dict[str, int] = field(default_factory=dict)

    def message(self, record: Record) -> Message:
        """Return the record as the next message of its topic."""
        topic = TOPIC_OF[type(record)]
        offset = self.ends.get(topic, 0)
        self.ends[topic] = offset + 1
        return Message(topic, 0, offset, CODEC.encode(record))

    def messages(self, records: Iterator[Record] | list[Record]) -> list[Message]:
        """Return many."""
        return [self.message(record) for record in records]


def incident_of(number: int, at: datetime, text: str = "main process exited, code=killed", kind: Kind = Kind.SERVICE_DOWN) -> Incident:
    """Return one incident; ``text`` is the line that a pattern hit."""
    target = f"service:web-{number % 50}"
    return Incident(
        origin_key=(target, str(number)), kind=kind, group=Group.RUNTIME, confidence=0.95, fingerprint=f"f{number % 9}", target=target,
        scope="group:shop", severity="critical", complete=True, opened_at=at, detected_at=at + timedelta(seconds=1),
        reasons=("a probe failed",),
        hits=(HitSeen("unit-killed", kind, 3, text),),
    )  # fmt: skip


def decision_on(incident: Incident) -> Decision:
    """Return what was decided of it: it asks one person, with a risk that is explained."""
    at = incident.detected_at + timedelta(seconds=1)
    return Decision(
        incident_id=id_of(incident), target=incident.target, scope=incident.scope, kind=incident.kind, fingerprint=incident.fingerprint,
        opened_at=incident.opened_at, detected_at=incident.detected_at, attempt=1, max_attempts=2, verdict=Verdict.ASK, decided_at=at,
        expires_at=at + timedelta(hours=1), strategy="service_restart", plan_hash="plan-1", approvals_required=1,
        risk=Risk(42.0, (RiskFactor("tier", "critical", 30.0), RiskFactor("history", "7 of 10", 12.0))),
        gates=(GateVerdict("risk", Verdict.ASK, "42 is above 40"),), reason="the risk asks for a person",
    )  # fmt: skip


def waiting(decision: Decision) -> list[Record]:
    """Return what the door and an executor say while a decision waits for people."""
    queued = Admission(
        decision.incident_id, id_of(decision), AdmissionState.QUEUED, "approval: one needed", decision.decided_at, target=decision.target
    )
    return [queued, _outcome(decision, OutcomeStatus.PLANNED, plan=PlanShown((), ("restart:web",), "shown-plan"))]


def ended(decision: Decision, status: OutcomeStatus = OutcomeStatus.HEALED, after_s: float = 30.0) -> RecoveryOutcome:
    """Return how it ended."""
    return _outcome(decision, status, after_s)


def _outcome(decision: Decision, status: OutcomeStatus, after_s: float = 1.0, plan: PlanShown | None = None) -> RecoveryOutcome:
    opened, is_end = decision.opened_at, plan is None
    end = opened + timedelta(seconds=after_s)
    return RecoveryOutcome(
        incident_id=decision.incident_id, decision_id=id_of(decision), attempt=1, final=is_end, target=decision.target, kind=decision.kind,
        status=status, reason="all factors passed" if is_end else "planned", opened_at=opened, detected_at=decision.detected_at,
        finished_at=end, command_id=f"c-{id_of(decision)}" if is_end else None, strategy=decision.strategy, scope=decision.scope,
        steps=(StepDone("restart:web", "done", "unit restarted", 1, 812.0),) if is_end else (),
        verification=(FactorResult("unit_active", "systemd", True), FactorResult("port_answers", "tcp", True)) if is_end else (),
        started_at=opened + timedelta(seconds=3), recovered_at=end if is_end else None, time_to_detect_s=1.0 if is_end else None,
        time_to_recover_s=after_s if is_end else None, rollback_s=4.0 if status is OutcomeStatus.ROLLED_BACK else None, plan=plan,
    )  # fmt: skip


def whole_story(number: int, at: datetime) -> list[Record]:
    """Return one incident from its beginning to its end."""
    incident = incident_of(number, at)
    decision = decision_on(incident)
    return [incident, decision, ended(decision, ENDS[number % len(ENDS)], 10.0 + number % 60)]
