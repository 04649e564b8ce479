"""GitLab's webhooks to records: Job, Pipeline and Deployment hooks; read by ``senders.py``."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from console.gateway.answers import RunFacts, Taken
from console.gateway.jobs import ended, provenance_of, run_ended
from console.gateway.reading import Doc, count_in, inside, need_text, object_in, read_object, text_in, texts_in, time_in
from console.gateway.received import Received
from schemas.events import JobStarted, Origin, Trust
from schemas.vocabulary import Result, result_from_word

SOURCE = "gitlab"
_ENDED = frozenset({"success", "failed", "canceled", "skipped"})
_RESULTS = {"canceled": Result.CANCELLATION}
# Of a failed job GitLab says why; these mean that it was not the script that failed.
_REASONS = {
    "stuck_or_timeout_failure": Result.TIMEOUT,
    "job_execution_timeout": Result.TIMEOUT,
    "runner_system_failure": Result.ERROR,
    "scheduler_failure": Result.ERROR,
    "api_failure": Result.ERROR,
    "data_integrity_failure": Result.ERROR,
}
_NOTHING_KNOWN = RunFacts("", Trust.UNKNOWN)


def translate(received: Received, origin: Origin) -> Taken:
    """Return what a hook becomes; raises UsageError for a document that lacks what it must hold."""
    doc = read_object(received.body)
    kind = text_in(doc, "object_kind")
    reader = _READERS.get(kind)
    return reader(doc, received, origin) if reader else Taken(ignored=f"hooks of this kind become nothing: {kind[:60] or 'none is named'}")


def trust_of_pipeline(doc: Doc) -> Trust:
    """Return whose code a pipeline runs: the source project of its merge request, where it has one."""
    if not object_in(doc, "merge_request"):
        return Trust.SAME_REPOSITORY if text_in(doc, "object_attributes", "source") in _OWN_SOURCES else Trust.UNKNOWN
    source, target = inside(doc, "merge_request", "source_project_id"), inside(doc, "merge_request", "target_project_id")
    if source is None or target is None:
        return Trust.UNKNOWN
    return Trust.SAME_REPOSITORY if source == target else Trust.FORK


_OWN_SOURCES = frozenset({"push", "web", "schedule", "api", "trigger", "pipeline", "parent_pipeline"})


def _result(doc: Doc, status: str) -> Result:
    reason = _REASONS.get(text_in(doc, "build_failure_reason")) if status == "failed" else None
    return reason or _RESULTS.get(status) or result_from_word(status)


def _project(doc: Doc) -> str:
    return text_in(doc, "project", "path_with_namespace") or need_text(doc, "project_name").replace(" / ", "/")


def _on_job(doc: Doc, received: Received, origin: Origin) -> Taken:
    status, project, run_id = text_in(doc, "build_status"), _project(doc), need_text(doc, "pipeline_id")
    if status not in {"running", *_ENDED}:
        return Taken(ignored=f"a job that is {status[:60] or 'in no state'} has neither begun nor ended")
    facts = received.runs.get(f"{SOURCE}/{project}/{run_id}", _NOTHING_KNOWN)
    labels = ("allow_failure",) if inside(doc, "build_allow_failure") is True else ()
    started = JobStarted(
        source=SOURCE,
        project=project,
        run_id=run_id,
        attempt=1 + count_in(doc, 0, "retries_count"),
        workflow=text_in(doc, "build_stage"),
        job=need_text(doc, "build_name"),
        commit=text_in(doc, "sha"),
        branch=text_in(doc, "ref"),
        trigger=facts.trigger,
        started_at=time_in(doc, "build_started_at") or time_in(doc, "build_created_at") or received.at,
        runner=text_in(doc, "runner", "description"),
        labels=(*texts_in(doc, "runner", "tags"), *labels),
        url=text_in(doc, "project", "web_url"),
        provenance=provenance_of(origin, facts.trust, text_in(doc, "user", "username")),
    )
    if status == "running":
        return Taken((started,))
    return Taken((ended(started, _result(doc, status), time_in(doc, "build_finished_at") or received.at),))


def _on_pipeline(doc: Doc, received: Received, origin: Origin) -> Taken:
    pipeline, project = object_in(doc, "object_attributes"), _project(doc)
    run_id, status = need_text(doc, "object_attributes", "id"), text_in(pipeline, "status")
    trigger = "pull_request" if object_in(doc, "merge_request") else text_in(pipeline, "source")
    provenance = provenance_of(origin, trust_of_pipeline(doc), text_in(doc, "user", "username"))
    learned = ((f"{SOURCE}/{project}/{run_id}", RunFacts(trigger, provenance.trust)),)
    if status not in _ENDED:
        return Taken(ignored=f"a pipeline that is {status[:60] or 'in no state'} has not ended", learned=learned)
    started = JobStarted(
        source=SOURCE,
        project=project,
        run_id=run_id,
        attempt=1,
        workflow=text_in(pipeline, "name") or "pipeline",
        job="",
        commit=text_in(pipeline, "sha"),
        branch=text_in(pipeline, "ref"),
        trigger=trigger,
        started_at=time_in(pipeline, "created_at") or received.at,
        url=text_in(pipeline, "url"),
        provenance=provenance,
    )
    at = time_in(pipeline, "finished_at") or received.at
    return Taken((run_ended(started, _result(doc, status), at),), learned=learned)


def _on_deployment(doc: Doc, received: Received, origin: Origin) -> Taken:
    status = text_in(doc, "status")
    if status not in _ENDED:
        return Taken(ignored=f"a deployment that is {status[:60] or 'in no state'} has not ended")
    if status == "failed" and inside(doc, "deployable_id") is not None:
        return Taken(ignored="the job hook tells of the job that failed to deploy")
    at = time_in(doc, "status_changed_at") or received.at
    started = JobStarted(
        source=SOURCE,
        project=_project(doc),
        run_id=f"deployment-{need_text(doc, 'deployment_id')}",
        attempt=1,
        workflow="deploy",
        job=text_in(doc, "environment"),
        commit=text_in(doc, "short_sha"),
        branch=text_in(doc, "ref"),
        trigger="deployment",
        started_at=at,
        url=text_in(doc, "deployable_url"),
        provenance=provenance_of(origin, Trust.SAME_REPOSITORY, text_in(doc, "user", "username")),
    )
    return Taken((ended(started, _result(doc, status), at),))


_READERS: MappingProxyType[str, Callable[[Doc, Received, Origin], Taken]] = MappingProxyType(
    {"build": _on_job, "pipeline": _on_pipeline, "deployment": _on_deployment}
)
