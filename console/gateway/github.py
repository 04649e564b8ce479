"""GitHub's webhooks to records: workflow jobs and runs, check runs of other apps, deployments, pushes; read by ``senders.py``."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from console.gateway.answers import RunFacts, Taken
from console.gateway.jobs import ended, provenance_of, run_ended
from console.gateway.reading import (
    MAX_ITEMS,
    MAX_TEXTS,
    TEXT_LETTERS,
    Doc,
    count_in,
    inside,
    need_text,
    need_time,
    object_in,
    objects_in,
    read_object,
    text_in,
    texts_in,
    time_in,
)
from console.gateway.received import Received
from schemas.events import PUSHED, JobStarted, Origin, StepResult, Trust
from schemas.vocabulary import Result, result_from_word

SOURCE = "github"
_ACTIONS = "github-actions"
# These run with the rights of the base repository on what others may have written; whose code it was does not stand in the event.
_FOREIGN_TRIGGERS = frozenset(
    {"pull_request_target", "workflow_run", "issue_comment", "issues", "discussion", "discussion_comment", "fork", "watch"}
)
_DEPLOYED = frozenset({"success", "failure", "error"})
_BRANCH = "refs/heads/"
# A record holds no more of them.
_MOST_CHANGED = 300
_NOTHING_KNOWN = RunFacts("", Trust.UNKNOWN)


def translate(received: Received, origin: Origin) -> Taken:
    """Return what a delivery becomes; raises UsageError for a document that lacks what it must hold."""
    name = received.headers.get("x-github-event", "")
    doc = read_object(received.body)
    reader = _READERS.get(name)
    return reader(doc, received, origin) if reader else Taken(ignored=f"events of this type become nothing: {name[:60] or 'none is named'}")


def run_key(project: str, run_id: str) -> str:
    """Return under what the facts of a run are kept."""
    return f"{SOURCE}/{project}/{run_id}"


def trust_of_run(run: Doc, project: Doc) -> Trust:
    """Return whose code a run runs: a head repository that is not the one of the webhook is a fork."""
    head, base = inside(run, "head_repository", "id"), inside(project, "id")
    if head is None or base is None:
        return Trust.UNKNOWN
    if head != base:
        return Trust.FORK
    return Trust.UNKNOWN if text_in(run, "event") in _FOREIGN_TRIGGERS else Trust.SAME_REPOSITORY


def trust_of_pulls(pulls: list[Doc]) -> Trust:
    """Return whose code a check looked at, by its pull requests: GitHub lists none of a fork's, so an empty list says nothing."""
    pairs = [(inside(pull, "head", "repo", "id"), inside(pull, "base", "repo", "id")) for pull in pulls]
    if not pairs or any(head is None or base is None for head, base in pairs):
        return Trust.UNKNOWN
    return Trust.SAME_REPOSITORY if all(head == base for head, base in pairs) else Trust.FORK


def _on_job(doc: Doc, received: Received, origin: Origin) -> Taken:
    job, action = object_in(doc, "workflow_job"), text_in(doc, "action")
    project, run_id = need_text(doc, "repository", "full_name"), need_text(doc, "workflow_job", "run_id")
    if action not in {"in_progress", "completed"}:
        return Taken(ignored=_no_end(action))
    facts = received.runs.get(run_key(project, run_id), _NOTHING_KNOWN)
    started = JobStarted(
        source=SOURCE,
        project=project,
        run_id=run_id,
        attempt=count_in(job, 1, "run_attempt"),
        workflow=text_in(job, "workflow_name"),
        job=need_text(doc, "workflow_job", "name"),
        commit=text_in(job, "head_sha"),
        branch=text_in(job, "head_branch"),
        trigger=facts.trigger,
        started_at=time_in(job, "started_at") or received.at,
        runner=text_in(job, "runner_name"),
        labels=texts_in(job, "labels"),
        url=text_in(job, "html_url"),
        provenance=provenance_of(origin, facts.trust, text_in(doc, "sender", "login")),
    )
    if action == "in_progress":
        return Taken((started,))
    result, at = result_from_word(text_in(job, "conclusion")), need_time(doc, "workflow_job", "completed_at")
    return Taken((ended(started, result, at, _steps(job)),))


def _steps(job: Doc) -> tuple[StepResult, ...]:
    rows = enumerate(objects_in(job, "steps")[:200], 1)
    return tuple(
        StepResult(text_in(row, "name"), count_in(row, number, "number"), result_from_word(text_in(row, "conclusion")))
        for number, row in rows
    )


def _on_run(doc: Doc, received: Received, origin: Origin) -> Taken:
    run, project = object_in(doc, "workflow_run"), need_text(doc, "repository", "full_name")
    run_id, trust = need_text(doc, "workflow_run", "id"), trust_of_run(run, object_in(doc, "repository"))
    provenance = provenance_of(origin, trust, text_in(doc, "sender", "login"))
    # Its jobs do not say who started them and whose code they run: they are told apart by what their run said.
    learned = ((run_key(project, run_id), RunFacts(text_in(run, "event"), provenance.trust)),)
    if text_in(doc, "action") != "completed":
        return Taken(ignored=_no_end(text_in(doc, "action")), learned=learned)
    started = JobStarted(
        source=SOURCE,
        project=project,
        run_id=run_id,
        attempt=count_in(run, 1, "run_attempt"),
        workflow=text_in(run, "name"),
        job="",
        commit=text_in(run, "head_sha"),
        branch=text_in(run, "head_branch"),
        trigger=text_in(run, "event"),
        started_at=time_in(run, "run_started_at") or time_in(run, "created_at") or received.at,
        url=text_in(run, "html_url"),
        provenance=provenance,
    )
    ended_at = time_in(run, "updated_at") or received.at
    return Taken((run_ended(started, result_from_word(text_in(run, "conclusion")), ended_at),), learned=learned)


def _on_check(doc: Doc, received: Received, origin: Origin) -> Taken:
    check, action = object_in(doc, "check_run"), text_in(doc, "action")
    if text_in(check, "app", "slug") == _ACTIONS:
        return Taken(ignored="workflow_job tells of the jobs of Actions")
    if action != "completed" or text_in(check, "status") != "completed":
        return Taken(ignored=_no_end(action))
    pulls = objects_in(check, "pull_requests") or objects_in(check, "check_suite", "pull_requests")
    started = JobStarted(
        source=SOURCE,
        project=need_text(doc, "repository", "full_name"),
        # A check that is asked for again is a new run of its own.
        run_id=f"check-{need_text(doc, 'check_run', 'id')}",
        attempt=1,
        workflow=text_in(check, "app", "name"),
        job=need_text(doc, "check_run", "name"),
        commit=text_in(check, "head_sha"),
        branch=text_in(check, "check_suite", "head_branch"),
        trigger="check",
        started_at=time_in(check, "started_at") or received.at,
        url=text_in(check, "html_url"),
        provenance=provenance_of(origin, trust_of_pulls(pulls), text_in(doc, "sender", "login")),
    )
    return Taken((ended(started, result_from_word(text_in(check, "conclusion")), need_time(doc, "check_run", "completed_at")),))


def _on_deployment(doc: Doc, received: Received, origin: Origin) -> Taken:
    status, deployment = object_in(doc, "deployment_status"), object_in(doc, "deployment")
    state = text_in(status, "state")
    if state not in _DEPLOYED:
        return Taken(ignored=_no_end(state))
    if state != "success" and object_in(doc, "workflow_run"):
        return Taken(ignored="workflow_job tells of the job that failed to deploy")
    started = JobStarted(
        source=SOURCE,
        project=need_text(doc, "repository", "full_name"),
        run_id=f"deployment-{need_text(doc, 'deployment', 'id')}",
        attempt=1,
        workflow=text_in(deployment, "task"),
        job=text_in(status, "environment") or text_in(deployment, "environment"),
        commit=text_in(deployment, "sha"),
        branch=text_in(deployment, "ref"),
        trigger="deployment",
        started_at=time_in(deployment, "created_at") or received.at,
        url=text_in(status, "target_url"),
        # What is deployed lies in the repository: a fork's deployments are the fork's own.
        provenance=provenance_of(origin, Trust.SAME_REPOSITORY, text_in(doc, "sender", "login")),
    )
    return Taken((ended(started, result_from_word(state), need_time(doc, "deployment_status", "created_at")),))


def _on_push(doc: Doc, received: Received, origin: Origin) -> Taken:
    ref, commit = need_text(doc, "ref"), need_text(doc, "after")
    if not ref.startswith(_BRANCH) or doc.get("deleted") is True:
        return Taken(ignored="no commit of a branch is pushed")
    # Who may push to a repository is its own; that the repository is somebody's fork it says itself.
    trust = Trust.FORK if inside(doc, "repository", "fork") is True else Trust.SAME_REPOSITORY
    started = JobStarted(
        source=SOURCE,
        project=need_text(doc, "repository", "full_name"),
        run_id=f"push-{commit}",
        attempt=1,
        workflow=PUSHED,
        job="",
        commit=commit,
        branch=ref.removeprefix(_BRANCH),
        trigger="push",
        # When a commit was made is the word of whoever made it.
        started_at=received.at,
        labels=_changed_in(objects_in(doc, "commits")),
        url=text_in(doc, "compare"),
        provenance=provenance_of(origin, trust, text_in(doc, "sender", "login")),
    )
    return Taken((run_ended(started, Result.SKIP, received.at),))


def _changed_in(commits: list[Doc]) -> tuple[str, ...]:
    """Return the files that commits change; none when the list is cut anywhere, for then nobody knows."""
    lists = [texts_in(row, name) for row in commits for name in ("added", "modified", "removed")]
    paths = {path for found in lists for path in found}
    is_cut = (
        len(commits) >= MAX_ITEMS or any(len(found) >= MAX_TEXTS for found in lists) or any(len(path) >= TEXT_LETTERS for path in paths)
    )
    return () if is_cut or len(paths) > _MOST_CHANGED else tuple(sorted(paths))


def _on_ping(_doc: Doc, _received: Received, _origin: Origin) -> Taken:
    return Taken(ignored="a ping: the webhook works")


def _no_end(word: str) -> str:
    return f"what is {word[:60] or 'in no state'} has neither begun nor ended"


_READERS: MappingProxyType[str, Callable[[Doc, Received, Origin], Taken]] = MappingProxyType(
    {
        "workflow_job": _on_job,
        "workflow_run": _on_run,
        "check_run": _on_check,
        "deployment_status": _on_deployment,
        "push": _on_push,
        "ping": _on_ping,
    }
)
