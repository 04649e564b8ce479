"""Detections and incidents: what detect saw, and the one incident that classify makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from schemas.events import Provenance
from schemas.ids import Identified, IdPart
from schemas.vocabulary import Group, Kind, Result

MAX_UNEXPLAINED = 20
MAX_UNEXPLAINED_LINE = 300
# The target of a storm that no known upstream explains, and the first word of every storm's id.
FLEET = "fleet"
STORM = "storm"
# A target that turns and turns back within this, by its own times, did not fail.
FLAP = timedelta(seconds=10)
# The detector of runs of workflows on targets: what it tells is no failure, and opens nothing.
WORKFLOW = "running_workflow"


class DetectionStatus(StrEnum):
    """Whether a failure was seen, ended, or a success was counted."""

    FIRING = "firing"
    RESOLVED = "resolved"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class HitSeen:
    """One pattern's match: ``line`` counts from 1 in the run's log, ``text`` is redacted and at most 500 characters.

    ``shadow``: the pattern may decide nothing yet; its hit only shows what it would have said.
    """

    pattern: str
    kind: Kind
    line: int
    text: str
    captures: tuple[tuple[str, str], ...] = ()
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Feature:
    """One hashed feature: its index in 0..2**18-1 and its weight."""

    index: int
    weight: float


@dataclass(frozen=True, slots=True)
class RunRef:
    """One attempt of one CI job, named as its producer names it."""

    source: str
    project: str
    run_id: str
    attempt: int
    job: str
    workflow: str = ""
    commit: str = ""
    branch: str = ""
    trigger: str = ""
    runner: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceRef:
    """The place of one record that speaks for a detection, and that record's id."""

    topic: str
    partition: int
    offset: int
    id: str = ""


@dataclass(frozen=True, slots=True)
class Detection(Identified):
    """What one detector saw on one target; ``complete`` says whether the run's whole log was read.

    ``unexplained`` are the last lines of a run's last error block when no deciding pattern hits in it: redacted, at most
    ``MAX_UNEXPLAINED`` of ``MAX_UNEXPLAINED_LINE`` characters.
    """

    RECORD: ClassVar[str] = "Detection"

    status: DetectionStatus
    target: str
    scope: str
    detector: str
    complete: bool
    first_at: datetime
    last_at: datetime
    severity: str
    evidence: tuple[EvidenceRef, ...]
    hits: tuple[HitSeen, ...] = ()
    features: tuple[Feature, ...] = ()
    signals: tuple[tuple[str, str], ...] = ()
    run: RunRef | None = None
    result: Result | None = None
    provenance: Provenance = Provenance()
    traceparent: str = ""
    unexplained: tuple[str, ...] = ()

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.detector, self.target, [ref.id for ref in self.evidence])


@dataclass(frozen=True, slots=True)
class Alternative:
    """A kind that was considered and how likely it is, 0..1."""

    kind: Kind
    probability: float


@dataclass(frozen=True, slots=True)
class Incident(Identified):
    """One failure with its kind; ``origin_key`` holds the fields of its id as ``records.md`` names them, already in order.

    ``may_act`` is false where the classification itself speaks against acting, however confident it is of the kind.
    ``unexplained`` are its Detection's lines when it abstained: what new patterns are mined from. ``forced`` is the verdict that the
    person forces who opened it again.
    """

    RECORD: ClassVar[str] = "Incident"

    origin_key: tuple[str, ...]
    kind: Kind
    group: Group
    confidence: float
    fingerprint: str
    target: str
    scope: str
    severity: str
    complete: bool
    opened_at: datetime
    detected_at: datetime
    alternatives: tuple[Alternative, ...] = ()
    reasons: tuple[str, ...] = ()
    run: RunRef | None = None
    result: Result | None = None
    parent: str | None = None
    reopens: str | None = None
    member_count: int = 1
    sample: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()
    opened_by: str = "healstream"
    catalogue: str = ""
    model: str = ""
    abstained: bool = False
    provenance: Provenance = Provenance()
    evidence: tuple[EvidenceRef, ...] = ()
    hits: tuple[HitSeen, ...] = ()
    traceparent: str = ""
    may_act: bool = True
    unexplained: tuple[str, ...] = ()
    forced: str = ""
    # How many deployments ran on the target when it was opened.
    deployments: int = 0

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return self.origin_key

    def slim(self) -> Incident:
        """Return what stages keep of an incident; the rest stays on the topic, and of a storm's member its parent shows the reasons."""
        kept = replace(self, features=(), evidence=(), alternatives=())
        return replace(kept, hits=self.hits[:1], reasons=self.reasons[:1]) if self.parent else kept

    def cause(self) -> str:
        """Return the pattern that shows the failure, empty when none does."""
        return self.hits[0].pattern if self.hits and not self.abstained else ""

    def is_storm(self) -> bool:
        """Tell whether this is the parent of a storm; its target is a known upstream or the fleet."""
        return self.origin_key[:1] == (STORM,)


class UpdateCause(StrEnum):
    """Why an open incident is told something new."""

    EVIDENCE = "evidence"
    RESOLVED = "resolved"
    MEMBERS = "members"


@dataclass(frozen=True, slots=True)
class IncidentUpdate(Identified):
    """More about an incident that is open already; it opens nothing."""

    RECORD: ClassVar[str] = "IncidentUpdate"

    incident_id: str
    cause: UpdateCause
    detection_id: str
    at: datetime
    run_attempt: int | None = None
    kind: Kind | None = None
    confidence: float | None = None
    result: Result | None = None
    member_count: int | None = None
    traceparent: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.incident_id, self.cause, self.detection_id)
