"""Decisions, admissions and healing commands: what should be done, what may be done now, and the signed order to do it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from schemas.events import Provenance
from schemas.ids import Identified, IdPart, content_id
from schemas.vocabulary import Kind

Scalar = str | int | float | bool | tuple[str, ...]
Parameters = tuple[tuple[str, Scalar], ...]


class Verdict(StrEnum):
    """What decide says of an incident."""

    HEAL = "heal"
    ASK = "ask"
    ESCALATE = "escalate"
    REFUSE = "refuse"
    OBSERVE = "observe"


# What a person's word may make of a verdict: stricter, never looser.
FORCEABLE = frozenset({Verdict.OBSERVE, Verdict.ESCALATE, Verdict.REFUSE})


class Tier(StrEnum):
    """How much harm an action could do; from ``high`` on a person other than the proposer approves, and ``never`` is left to people."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    NEVER = "never"


class Oversight(StrEnum):
    """Who watches: two persons by default, one operator only on loopback brokers."""

    TWO_PERSON = "two_person"
    SINGLE_OPERATOR = "single_operator"


@dataclass(frozen=True, slots=True)
class RiskFactor:
    """One thing that makes an action riskier, its value and the points it adds."""

    name: str
    value: str
    points: float


@dataclass(frozen=True, slots=True)
class Risk:
    """The score of an action, 0 (harmless) to 100, and the factors whose points add up to it."""

    score: float = 0.0
    factors: tuple[RiskFactor, ...] = ()


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What one gate said and why."""

    name: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A strategy that could have been chosen and the probability with which it was."""

    strategy: str
    propensity: float


def plan_hash_of(strategy: str, recipe_version: int, target: str, parameters: Parameters, bounds: Parameters) -> str:
    """Return the id of a plan; what people approve and an executor must reproduce."""
    return content_id("Plan", strategy, recipe_version, target, dict(parameters), dict(bounds))


@dataclass(frozen=True, slots=True)
class Decision(Identified):
    """The verdict on an incident with everything that it rests on, so that it can be decided again from the record alone."""

    RECORD: ClassVar[str] = "Decision"

    incident_id: str
    target: str
    scope: str
    kind: Kind
    fingerprint: str
    opened_at: datetime
    detected_at: datetime
    attempt: int
    max_attempts: int
    verdict: Verdict
    decided_at: datetime
    expires_at: datetime
    strategy: str = ""
    recipe_version: int = 0
    parameters: Parameters = ()
    bounds: Parameters = ()
    plan_hash: str = ""
    tier: Tier = Tier.LOW
    approvals_required: int = 0
    proposer: str = "healstream"
    parent: str | None = None
    provenance: Provenance = Provenance()
    risk: Risk = Risk()
    gates: tuple[GateVerdict, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    inputs: tuple[tuple[str, str], ...] = ()
    catalogue: str = ""
    model: str = ""
    oversight: Oversight = Oversight.TWO_PERSON
    reason: str = ""
    dry_run: bool = False
    traceparent: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.incident_id, self.attempt)


class AdmissionState(StrEnum):
    """Where a decision stands at the door."""

    QUEUED = "queued"
    ADMITTED = "admitted"
    DENIED = "denied"
    EXPIRED = "expired"
    SELF_HEALED = "self_healed"


@dataclass(frozen=True, slots=True)
class Admission(Identified):
    """A step of a decision at the door; ``until`` is when the waiting ends by itself."""

    RECORD: ClassVar[str] = "Admission"

    incident_id: str
    decision_id: str
    state: AdmissionState
    reason: str
    at: datetime
    command_id: str | None = None
    until: datetime | None = None
    by: str = "healstream"
    target: str = ""
    scope: str = ""
    traceparent: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.decision_id, self.state, self.at)


class Mode(StrEnum):
    """Whether a command acts, pretends, or only plans."""

    RUN = "run"
    DRY_RUN = "dry_run"
    PLAN = "plan"


@dataclass(frozen=True, slots=True)
class ApprovalGiven:
    """One person's yes to one plan."""

    person: str
    plan_hash: str
    nonce: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HealingCommand(Identified):
    """The order to heal one target; signed by admit, valid until ``not_after``; all its steps share ``deadline_s`` seconds."""

    RECORD: ClassVar[str] = "HealingCommand"

    mode: Mode
    incident_id: str
    decision_id: str
    attempt: int
    max_attempts: int
    kind: Kind
    opened_at: datetime
    detected_at: datetime
    target: str
    scope: str
    strategy: str
    recipe_version: int
    plan_hash: str
    epoch: int
    issued_at: datetime
    not_after: datetime
    deadline_s: float
    oversight: Oversight = Oversight.TWO_PERSON
    tier: Tier = Tier.LOW
    parameters: Parameters = ()
    bounds: Parameters = ()
    approvals: tuple[ApprovalGiven, ...] = ()
    signature: str = ""
    traceparent: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.decision_id, self.mode)
