"""What notices know of one incident: folded from the records of four topics, in any order of each other; kept as a row of state."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from console.notices.rules import Severity
from schemas.decisions import Admission, AdmissionState, Decision
from schemas.ids import EPOCH, Record, id_of
from schemas.incidents import Incident
from schemas.lifecycle import Hold
from schemas.recoveries import OutcomeStatus, RecoveryOutcome


class Said(StrEnum):
    """What a notice is about: the same of the same incident is told once."""

    OPENED = "opened"
    APPROVAL = "approval"
    HEALED = "healed"
    SELF_HEALED = "self_healed"
    OBSERVED = "observed"
    REFUSED = "refused"
    EXPIRED = "expired"
    ROLLED_BACK = "rolled_back"
    ESCALATED = "escalated"
    ROLLBACK_FAILED = "rollback_failed"


SEVERITIES: dict[Said, Severity] = {
    Said.OPENED: Severity.INFO,
    Said.APPROVAL: Severity.WARNING,
    Said.HEALED: Severity.INFO,
    Said.SELF_HEALED: Severity.INFO,
    Said.OBSERVED: Severity.INFO,
    Said.REFUSED: Severity.WARNING,
    Said.EXPIRED: Severity.WARNING,
    Said.ROLLED_BACK: Severity.ERROR,
    Said.ESCALATED: Severity.ERROR,
    Said.ROLLBACK_FAILED: Severity.CRITICAL,
}
# What waits for a person: it is told on and on until somebody acknowledges.
NEEDS_PEOPLE = frozenset({Said.APPROVAL, Said.ROLLED_BACK, Said.ESCALATED, Said.ROLLBACK_FAILED})
# The door's words, in which it names the plan that people say yes to.
_ASKED = re.compile(rf"{Hold.APPROVAL}: \d+ more for plan (\S+)")
ENDS: dict[OutcomeStatus, Said] = {OutcomeStatus(said.value): said for said in Said if said.value in set(OutcomeStatus)}


@dataclass(frozen=True, slots=True)
class Case:
    """One incident as far as notices go; ``pending`` is the decision that waits for people, with its plan's hash."""

    target: str
    kind: str = ""
    opened_at: datetime = EPOCH
    severity: str = ""
    parent: str = ""
    members: int = 1
    decision_id: str = ""
    strategy: str = ""
    tier: str = ""
    risk: float = 0.0
    approvals: int = 0
    proposer: str = ""
    expires_at: datetime | None = None
    pending: str = ""
    plan_hash: str = ""
    reason: str = ""
    status: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class News:
    """Something to tell of an incident; ``key`` is the same for the same."""

    incident_id: str
    said: Said
    at: datetime
    key: str


def after(case: Case | None, record: Record) -> Case | None:
    """Return the case with a record taken in; None when the record says nothing of it."""
    match record:
        case Incident():
            members = record.member_count if record.is_storm() else 1
            seen = case or Case(record.target)
            known = replace(seen, kind=record.kind.value, opened_at=record.opened_at, severity=record.severity)
            return replace(known, target=record.target, parent=record.parent or "", members=members)
        case Decision():
            return _decided(case or Case(record.target, record.kind.value, record.opened_at), record)
        case Admission():
            return _at_the_door(case or Case(record.target), record)
        case RecoveryOutcome():
            return _concluded(case or Case(record.target, record.kind.value, record.opened_at), record)
        case _:
            return None


def _decided(case: Case, decision: Decision) -> Case:
    return replace(
        case,
        decision_id=id_of(decision),
        strategy=decision.strategy,
        tier=decision.tier.value,
        risk=decision.risk.score,
        approvals=decision.approvals_required,
        proposer=decision.proposer,
        expires_at=decision.expires_at,
    )


def _at_the_door(case: Case, admission: Admission) -> Case:
    plan_hash = asked_of_people(admission)
    if plan_hash:
        return replace(case, pending=admission.decision_id, plan_hash=plan_hash)
    # Whatever else the door says of it, nobody is asked any more.
    return replace(case, pending="", plan_hash="") if admission.decision_id == case.pending else case


def asked_of_people(admission: Admission) -> str:
    """Return the hash of the plan that the door waits for people to agree to; empty while they could not see what they agree to."""
    found = _ASKED.fullmatch(admission.reason) if admission.state is AdmissionState.QUEUED else None
    return found[1] if found else ""


def _concluded(case: Case, outcome: RecoveryOutcome) -> Case:
    if not outcome.final:
        return case
    ended = replace(case, status=outcome.status.value, reason=outcome.reason, ended_at=outcome.finished_at, pending="", plan_hash="")
    return replace(ended, strategy=outcome.strategy or case.strategy, kind=outcome.kind.value)


def news_of(incident_id: str, case: Case, record: Record) -> News | None:
    """Return what a record gives to tell, with the case as it is after it."""
    match record:
        case Incident():
            # A storm is told once, not with each of its members.
            return None if record.parent else News(incident_id, Said.OPENED, record.detected_at, f"{incident_id}/opened")
        case Decision() | Admission():
            # Decision and door are told on two topics: whichever comes last completes the question.
            is_asked = bool(case.pending) and case.pending == case.decision_id and not case.status
            at = record.at if isinstance(record, Admission) else record.decided_at
            return News(incident_id, Said.APPROVAL, at, f"{incident_id}/approval/{case.pending}") if is_asked else None
        case RecoveryOutcome():
            said = ENDS.get(record.status) if record.final else None
            if said is None or (case.parent and said not in NEEDS_PEOPLE):
                return None
            return News(incident_id, said, record.finished_at, f"{incident_id}/{said}")
        case _:
            return None


def severity_of(case: Case, said: Said) -> Severity:
    """Return how much it matters: what people have to do about a critical failure is a step above the table."""
    least = SEVERITIES[said]
    return Severity.CRITICAL if case.severity == Severity.CRITICAL and said in NEEDS_PEOPLE and least is Severity.ERROR else least
