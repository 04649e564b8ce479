"""The executor's journal and the outcome of a recovery: the write-ahead record of every step, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from schemas.decisions import Oversight, Parameters
from schemas.ids import Identified, IdPart
from schemas.vocabulary import Kind


class Direction(StrEnum):
    """Forward steps do, rollback steps undo."""

    DO = "do"
    UNDO = "undo"


class JournalKind(StrEnum):
    """What a journal record says happened, or is about to."""

    ACCEPTED = "accepted"
    PLANNED = "planned"
    INTENT = "intent"
    DONE = "done"
    IN_DOUBT = "in_doubt"
    PROBED = "probed"
    VERIFIED = "verified"
    UNDO_INTENT = "undo_intent"
    UNDONE = "undone"
    CONCLUDED = "concluded"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class JournalRecord(Identified):
    """One line of a run's journal; ``result`` and ``pre_image`` are canonical JSON texts, empty where there is none."""

    RECORD: ClassVar[str] = "JournalRecord"

    command_id: str
    kind: JournalKind
    at: datetime
    step: str = ""
    direction: Direction = Direction.DO
    step_try: int = 0
    idempotency_key: str = ""
    result: str = ""
    pre_image: str = ""
    owner: str = ""
    epoch: int = 0
    scope: str = ""
    factor: str = ""
    round: int = 0
    partition: int = -1
    open_offset: int = -1
    traceparent: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id: a checkpoint's are its place, a verification's its factor and round."""
        if self.kind is JournalKind.CHECKPOINT:
            return (self.partition, self.open_offset)
        if self.kind is JournalKind.VERIFIED:
            return (self.command_id, self.step, self.direction, self.kind, self.factor, self.round)
        return (self.command_id, self.step, self.direction, self.kind, self.step_try)


class OutcomeStatus(StrEnum):
    """How an incident ended (or, for ``planned`` and an early ``rolled_back``, went on)."""

    HEALED = "healed"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    ESCALATED = "escalated"
    REFUSED = "refused"
    OBSERVED = "observed"
    SELF_HEALED = "self_healed"
    EXPIRED = "expired"
    PLANNED = "planned"


# How the reason of an outcome begins, or of a decision, when an incident was left alone to see whether it heals by itself.
HOLDOUT = "holdout"
# Ends of a storm's parent after which its cause may still be there, and a person has it in hand: its members go on waiting.
HOLDING_ENDS = frozenset({OutcomeStatus.ESCALATED, OutcomeStatus.EXPIRED, OutcomeStatus.ROLLED_BACK, OutcomeStatus.ROLLBACK_FAILED})


@dataclass(frozen=True, slots=True)
class StepDone:
    """One step as it went: ``took_ms`` milliseconds, ``tries`` attempts."""

    name: str
    status: str
    detail: str = ""
    tries: int = 1
    took_ms: float = 0.0


# What is asked beside the target: it may speak against a recovery, and never for it.
NEIGHBOURS, LOG_SILENCE = "neighbours", "log_silence"


@dataclass(frozen=True, slots=True)
class FactorResult:
    """One verification factor, where its answer came from, and whether it passed."""

    factor: str
    source: str
    passed: bool
    detail: str = ""


class Condition(StrEnum):
    """How a target was seen: ``unreadable`` when nothing could be said of it, ``unseen`` when nobody looked."""

    WELL = "well"
    ILL = "ill"
    UNREADABLE = "unreadable"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A target that rests on the healed one, or that it rests on: ``before`` the first step, ``after`` when it was last looked at."""

    target: str
    before: Condition
    after: Condition = Condition.UNSEEN
    detail: str = ""

    @property
    def is_worse(self) -> bool:
        """Tell whether it was well and is not; one that nobody looked at again is not said to be."""
        return self.before is Condition.WELL and self.after not in {Condition.WELL, Condition.UNSEEN}


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Something a person should do, and the evidence for it."""

    what: str
    evidence: str


@dataclass(frozen=True, slots=True)
class PlanShown:
    """The plan an executor would carry out: what people approve."""

    parameters: Parameters = ()
    steps: tuple[str, ...] = ()
    plan_hash: str = ""


@dataclass(frozen=True, slots=True)
class RecoveryOutcome(Identified):
    """What came of an incident; exactly one with ``final`` true per incident. Times in seconds end in ``_s``."""

    RECORD: ClassVar[str] = "RecoveryOutcome"

    incident_id: str
    decision_id: str
    attempt: int
    final: bool
    target: str
    kind: Kind
    status: OutcomeStatus
    reason: str
    opened_at: datetime
    detected_at: datetime
    finished_at: datetime
    command_id: str | None = None
    strategy: str | None = None
    scope: str = ""
    steps: tuple[StepDone, ...] = ()
    verification: tuple[FactorResult, ...] = ()
    rollback: tuple[StepDone, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    started_at: datetime | None = None
    recovered_at: datetime | None = None
    verified_at: datetime | None = None
    time_to_detect_s: float | None = None
    time_to_recover_s: float | None = None
    external_wait_s: float = 0.0
    rollback_s: float | None = None
    paused_s: float = 0.0
    dry_run: bool = False
    oversight: Oversight = Oversight.TWO_PERSON
    case_url: str = ""
    plan: PlanShown | None = None
    traceparent: str = ""
    neighbours: tuple[Neighbour, ...] = ()

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id: the command's id, or the decision's when none was sent."""
        return (self.command_id or self.decision_id, self.final)


def is_held_out(outcome: RecoveryOutcome) -> bool:
    """Tell whether nothing was done about an incident, to see whether it heals by itself."""
    return outcome.status is OutcomeStatus.OBSERVED and outcome.reason.startswith(f"{HOLDOUT}:")
