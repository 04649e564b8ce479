"""The records that admit writes, built from a decision: admissions, signed commands, outcomes of what never ran, audit entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.catalogue import card_named
from schemas.configuration import Configuration
from schemas.decisions import Admission, AdmissionState, ApprovalGiven, Decision, HealingCommand, Mode
from schemas.ids import id_of
from schemas.oversight import AuditEntry
from schemas.recoveries import OutcomeStatus, Recommendation, RecoveryOutcome
from schemas.signing import sign


@dataclass(frozen=True, slots=True)
class AdmitRules:
    """What admit works by: the configuration, its own key, and the number of this owner, which rises with each."""

    configuration: Configuration
    signing_key: Ed25519PrivateKey
    epoch: int


def admission_of(decision: Decision, state: AdmissionState, reason: str, now: datetime, command_id: str | None = None) -> Admission:
    """Return one step of a decision at the door; one that waits does so until it expires."""
    return Admission(
        incident_id=decision.incident_id,
        decision_id=id_of(decision),
        state=state,
        reason=reason,
        at=now,
        command_id=command_id,
        until=decision.expires_at if state is AdmissionState.QUEUED else None,
        target=decision.target,
        scope=decision.scope,
        traceparent=decision.traceparent,
    )


def command_of(
    decision: Decision, mode: Mode, approvals: tuple[ApprovalGiven, ...], valid_until: datetime, rules: AdmitRules, now: datetime
) -> HealingCommand:
    """Return the signed order; it is valid no longer than the decision and the approvals are."""
    card = card_named(rules.configuration.cards, decision.strategy)
    return sign(
        HealingCommand(
            mode=mode,
            incident_id=decision.incident_id,
            decision_id=id_of(decision),
            attempt=decision.attempt,
            max_attempts=decision.max_attempts,
            kind=decision.kind,
            opened_at=decision.opened_at,
            detected_at=decision.detected_at,
            target=decision.target,
            scope=decision.scope,
            strategy=decision.strategy,
            recipe_version=decision.recipe_version,
            plan_hash=decision.plan_hash,
            epoch=rules.epoch,
            issued_at=now,
            not_after=min(valid_until, now + timedelta(seconds=rules.configuration.policy.command_valid_s)),
            deadline_s=card.deadline_s if card else rules.configuration.policy.command_valid_s,
            oversight=decision.oversight,
            tier=decision.tier,
            parameters=decision.parameters,
            bounds=decision.bounds,
            approvals=approvals,
            traceparent=decision.traceparent,
        ),
        rules.signing_key,
    )


def outcome_of(decision: Decision, status: OutcomeStatus, reason: str, now: datetime) -> RecoveryOutcome:
    """Return the one final outcome of a decision that never ran; what its gates found becomes advice to people."""
    advice = tuple(Recommendation(gate.reason, gate.name) for gate in decision.gates if gate.verdict is decision.verdict)
    return RecoveryOutcome(
        incident_id=decision.incident_id,
        decision_id=id_of(decision),
        attempt=decision.attempt,
        final=True,
        target=decision.target,
        kind=decision.kind,
        status=status,
        reason=reason,
        opened_at=decision.opened_at,
        detected_at=decision.detected_at,
        finished_at=now,
        strategy=decision.strategy or None,
        scope=decision.scope,
        recommendations=advice,
        time_to_detect_s=(decision.detected_at - decision.opened_at).total_seconds(),
        dry_run=decision.dry_run,
        oversight=decision.oversight,
        traceparent=decision.traceparent,
    )


def audit_of(decision: Decision, action: str, now: datetime, by: str = "healstream", **details: str) -> AuditEntry:
    """Return the audit entry of one step at the door."""
    rows = (("decision", id_of(decision)), ("strategy", decision.strategy), ("target", decision.target), *sorted(details.items()))
    return AuditEntry(by, action, decision.incident_id, now, rows, traceparent=decision.traceparent)
