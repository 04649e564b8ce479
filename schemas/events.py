"""The records of the In zone: what outside programs produce, one class a record, read by ``streams/ingest.py``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from schemas.ids import Identified, IdPart
from schemas.vocabulary import Result


class Origin(StrEnum):
    """How a record came to us."""

    SIGNED_WEBHOOK = "signed_webhook"
    AUTHENTICATED_PRODUCER = "authenticated_producer"
    LOCAL = "local"
    UNSIGNED = "unsigned"


class Trust(StrEnum):
    """Whose code wrote the evidence; it caps what the evidence may trigger."""

    PROTECTED = "protected"
    SAME_REPOSITORY = "same_repository"
    FORK = "fork"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a record comes from; a derived record carries the weakest of its sources."""

    origin: Origin = Origin.UNSIGNED
    trust: Trust = Trust.UNKNOWN
    actor: str = ""


_ORIGIN_RANK = (Origin.UNSIGNED, Origin.AUTHENTICATED_PRODUCER, Origin.LOCAL, Origin.SIGNED_WEBHOOK)
_TRUST_RANK = (Trust.FORK, Trust.UNKNOWN, Trust.SAME_REPOSITORY, Trust.PROTECTED)


def weakest(left: Provenance, right: Provenance) -> Provenance:
    """Return what may be claimed of something derived from both sources."""
    return Provenance(
        origin=min(left.origin, right.origin, key=_ORIGIN_RANK.index),
        trust=min(left.trust, right.trust, key=_TRUST_RANK.index),
        actor=left.actor or right.actor,
    )


@dataclass(frozen=True, slots=True)
class LogChunk(Identified):
    """A piece of one job's log; ``seq`` counts from 0 without gaps, ``eof`` marks the last; text at most 256 KiB of UTF-8."""

    RECORD: ClassVar[str] = "LogChunk"

    source: str
    project: str
    run_id: str
    attempt: int
    job: str
    seq: int
    text: str
    eof: bool
    at: datetime
    step: str | None = None
    provenance: Provenance = Provenance()

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.source, self.project, self.run_id, self.attempt, self.job, self.seq)


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step of a CI job and how it ended; ``number`` counts from 1."""

    name: str
    number: int
    result: Result


@dataclass(frozen=True, slots=True)
class JobStarted(Identified):
    """A CI job began."""

    RECORD: ClassVar[str] = "JobStarted"

    source: str
    project: str
    run_id: str
    attempt: int
    workflow: str
    job: str
    commit: str
    branch: str
    trigger: str
    started_at: datetime
    runner: str = ""
    labels: tuple[str, ...] = ()
    url: str = ""
    provenance: Provenance = Provenance()

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.source, self.project, self.run_id, self.attempt, self.job, self.RECORD)


@dataclass(frozen=True, slots=True)
class JobFinished(Identified):
    """A CI job ended; ``log_chunks`` is how many LogChunk records its log has, when the producer knows."""

    RECORD: ClassVar[str] = "JobFinished"

    source: str
    project: str
    run_id: str
    attempt: int
    workflow: str
    job: str
    commit: str
    branch: str
    trigger: str
    result: Result
    finished_at: datetime
    started_at: datetime | None = None
    runner: str = ""
    labels: tuple[str, ...] = ()
    steps: tuple[StepResult, ...] = ()
    log_chunks: int | None = None
    url: str = ""
    provenance: Provenance = Provenance()

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.source, self.project, self.run_id, self.attempt, self.job, self.RECORD)


# The workflow that the record of a push names: nothing ran, so its result is ``skip``; its labels are the changed files, none when unknown.
PUSHED = "git push"


@dataclass(frozen=True, slots=True)
class WorkflowFinished(Identified):
    """A whole workflow run ended."""

    RECORD: ClassVar[str] = "WorkflowFinished"

    source: str
    project: str
    run_id: str
    attempt: int
    workflow: str
    commit: str
    branch: str
    trigger: str
    result: Result
    finished_at: datetime
    started_at: datetime | None = None
    runner: str = ""
    labels: tuple[str, ...] = ()
    url: str = ""
    provenance: Provenance = Provenance()

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.source, self.project, self.run_id, self.attempt, self.workflow)


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured value in its base unit at its own time."""

    name: str
    unit: str
    value: float
    at: datetime
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MetricBatch(Identified):
    """Samples of one target from one source; ``samples_sha`` is their SHA-256 in hex, set by the producer."""

    RECORD: ClassVar[str] = "MetricBatch"

    target: str
    source: str
    first_at: datetime
    last_at: datetime
    samples: tuple[Sample, ...]
    samples_sha: str
    provenance: Provenance = Provenance()

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.target, self.source, self.first_at, self.last_at, self.samples_sha)


class HealthStatus(StrEnum):
    """What one probe saw."""

    PASS = "pass"  # noqa: S105 - a probe that passed, no password
    DEGRADED = "degraded"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class HealthCheck(Identified):
    """One probe of one target: ``latency_ms`` is the time to the answer in milliseconds."""

    RECORD: ClassVar[str] = "HealthCheck"

    target: str
    probe: str
    status: HealthStatus
    at: datetime
    latency_ms: float = 0.0
    detail: str = ""
    provenance: Provenance = Provenance()

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.target, self.probe, self.at)


class AlertStatus(StrEnum):
    """Whether an alert begins or ends."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert(Identified):
    """An alert as Alertmanager words it."""

    RECORD: ClassVar[str] = "Alert"

    target: str
    name: str
    status: AlertStatus
    severity: str
    starts_at: datetime
    fingerprint: str
    ends_at: datetime | None = None
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    provenance: Provenance = Provenance()

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.fingerprint, self.starts_at, self.status)


Event = LogChunk | JobStarted | JobFinished | WorkflowFinished | MetricBatch | HealthCheck | Alert
