"""The end of a job or a run, made from its beginning: senders tell both in the same words."""

from __future__ import annotations

from datetime import datetime

from schemas.events import JobFinished, JobStarted, Origin, Provenance, StepResult, Trust, WorkflowFinished
from schemas.vocabulary import Result


def ended(
    started: JobStarted, result: Result, at: datetime, steps: tuple[StepResult, ...] = (), log_chunks: int | None = None
) -> JobFinished:
    """Return the end of a job that began so."""
    return JobFinished(
        source=started.source,
        project=started.project,
        run_id=started.run_id,
        attempt=started.attempt,
        workflow=started.workflow,
        job=started.job,
        commit=started.commit,
        branch=started.branch,
        trigger=started.trigger,
        result=result,
        finished_at=at,
        started_at=started.started_at,
        runner=started.runner,
        labels=started.labels,
        steps=steps,
        log_chunks=log_chunks,
        url=started.url,
        provenance=started.provenance,
    )


def run_ended(started: JobStarted, result: Result, at: datetime) -> WorkflowFinished:
    """Return the end of a whole run that began so; what only a job has is left out."""
    return WorkflowFinished(
        source=started.source,
        project=started.project,
        run_id=started.run_id,
        attempt=started.attempt,
        workflow=started.workflow,
        commit=started.commit,
        branch=started.branch,
        trigger=started.trigger,
        result=result,
        finished_at=at,
        started_at=started.started_at,
        labels=started.labels,
        url=started.url,
        provenance=started.provenance,
    )


def provenance_of(origin: Origin, trust: Trust, actor: str) -> Provenance:
    """Return a provenance: what nobody vouched for may say that it is a fork's, and nothing better of itself."""
    is_vouched = origin is not Origin.UNSIGNED or trust is Trust.FORK
    return Provenance(origin, trust if is_vouched else Trust.UNKNOWN, actor)
