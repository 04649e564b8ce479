"""GitLab, Jenkins, Alertmanager, Grafana and CloudEvents: their documents' own fields become records."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from hashlib import sha256

import pytest

from console.gateway.alerts import target_of
from console.gateway.gitlab import trust_of_pipeline
from console.gateway.signatures import Secrets
from schemas.errors import UsageError
from schemas.events import Alert, AlertStatus, JobFinished, JobStarted, LogChunk, Origin, Trust, WorkflowFinished
from schemas.ids import id_of
from schemas.vocabulary import Result
from tests.support.gateway import GITLAB, NOW, Gateway

GITLAB_JOB = {
    "object_kind": "build",
    "ref": "main",
    "sha": "c" * 40,
    "retries_count": 1,
    "build_id": 1977,
    "build_name": "test",
    "build_stage": "verify",
    "build_status": "failed",
    "build_started_at": "2026-03-04 05:00:00 UTC",
    "build_finished_at": "2026-03-04 05:05:00 UTC",
    "build_failure_reason": "script_failure",
    "build_allow_failure": False,
    "pipeline_id": 2366,
    "project_name": "acme / shop",
    "project": {"path_with_namespace": "acme/shop", "web_url": "https://gitlab.example/acme/shop"},
    "user": {"username": "ada"},
    "runner": {"description": "runner-7", "tags": ["docker"]},
}
PIPELINE = {
    "object_kind": "pipeline",
    "object_attributes": {
        "id": 2366,
        "ref": "main",
        "sha": "c" * 40,
        "source": "push",
        "status": "failed",
        "created_at": "2026-03-04 05:00:00 UTC",
        "finished_at": "2026-03-04 05:06:00 UTC",
    },
    "project": {"path_with_namespace": "acme/shop"},
    "user": {"username": "ada"},
}
JENKINS = {
    "name": "shop",
    "url": "job/acme/job/shop/",
    "build": {
        "full_url": "https://jenkins.example/job/acme/job/shop/18/",
        "number": 18,
        "phase": "COMPLETED",
        "status": "UNSTABLE",
        "timestamp": 1772600400000,
        "duration": 300000,
        "scm": {"commit": "c" * 40, "branch": "origin/main"},
        "log": "make: *** [test] Error 1\ntoken=abcdef0123456789\n",
    },
}
ALERT = {
    "status": "firing",
    "labels": {"alertname": "HighErrors", "service": "web", "severity": "critical"},
    "annotations": {"summary": "password=hunter2hunter2"},
    "startsAt": "2026-03-04T05:00:00.123Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "a1b2",
}


def task(predicate: str = "finished", **content: object) -> dict[str, object]:
    context = {"version": "0.4.1", "id": "e-1", "source": "/tekton/acme", "type": f"dev.cdevents.taskrun.{predicate}.0.2.0"}
    context |= {"timestamp": "2026-03-04T05:05:00Z"}
    body = {"taskName": "build", "pipelineRun": {"id": "run-7"}, "url": "https://tekton.example/7", **content}
    return {"context": context, "subject": {"id": "task-1", "source": "/tekton/acme", "type": "taskRun", "content": body}}


def cloud_event(doc: Mapping[str, object], **more: object) -> dict[str, object]:
    context = doc["context"]
    assert isinstance(context, dict)
    return {"specversion": "1.0", "id": "e-1", "source": "/tekton/acme", "type": context["type"], "data": doc, **more}


async def gitlab(gateway: Gateway, doc: Mapping[str, object], **headers: str) -> tuple[int, dict[str, object]]:
    answer = await gateway.post("/ingest/gitlab", json.dumps(doc).encode(), headers or {"X-Gitlab-Token": GITLAB})
    return answer.status_code, answer.json()


async def test_a_gitlab_job_is_as_far_to_be_trusted_as_its_pipeline_said() -> None:
    gateway = Gateway()
    running = {**PIPELINE, "object_attributes": {"id": 2366, "source": "push", "status": "running"}}
    for doc in (running, GITLAB_JOB, PIPELINE):
        assert (await gitlab(gateway, doc))[0] == 202
    job, run = gateway.outlet.records
    assert isinstance(job, JobFinished)
    assert isinstance(run, WorkflowFinished)
    assert (job.project, job.run_id, job.attempt, job.job, job.result) == ("acme/shop", "2366", 2, "test", Result.FAILURE)
    assert (job.trigger, job.provenance.trust, job.provenance.origin) == ("push", Trust.SAME_REPOSITORY, Origin.AUTHENTICATED_PRODUCER)
    assert (run.result, run.finished_at.minute) == (Result.FAILURE, 6)


@pytest.mark.parametrize(("source", "trust"), [(1, Trust.SAME_REPOSITORY), (2, Trust.FORK), (None, Trust.UNKNOWN)])
def test_a_merge_request_of_another_project_is_a_forks(source: int | None, trust: Trust) -> None:
    assert trust_of_pipeline({"merge_request": {"source_project_id": source, "target_project_id": 1}}) is trust


async def test_a_job_that_its_runner_lost_is_an_error_and_one_that_took_too_long_a_timeout() -> None:
    gateway = Gateway()
    for number, reason in enumerate(("runner_system_failure", "job_execution_timeout", "a_new_reason")):
        await gitlab(gateway, {**GITLAB_JOB, "build_failure_reason": reason, "pipeline_id": number})
    assert [getattr(record, "result", None) for record in gateway.outlet.records] == [Result.ERROR, Result.TIMEOUT, Result.FAILURE]


async def test_a_gitlab_deployment_without_a_job_is_told() -> None:
    gateway = Gateway()
    doc = {**GITLAB_JOB, "object_kind": "deployment", "status": "failed", "deployment_id": 15, "environment": "production"}
    await gitlab(gateway, {**doc, "deployable_id": 796})
    await gitlab(gateway, {**doc, "status_changed_at": "2026-03-04 05:05:00 UTC"})
    assert [(getattr(one, "run_id", ""), getattr(one, "job", "")) for one in gateway.outlet.records] == [("deployment-15", "production")]


def standard(body: bytes, seconds: int, key: bytes = b"0123456789abcdef0123456789abcdef") -> dict[str, str]:
    stamp = str(int(NOW.timestamp()) + seconds)
    signature = base64.b64encode(hmac.new(key, f"m-1.{stamp}.".encode() + body, sha256).digest()).decode()
    return {"webhook-id": "m-1", "webhook-timestamp": stamp, "webhook-signature": f"v1,AAAA v1,{signature}"}


@pytest.mark.parametrize(("seconds", "status", "word"), [(0, 202, "id"), (-299, 202, "id"), (-301, 401, "NTP"), (400, 401, "ahead")])
async def test_a_signed_message_is_taken_while_it_is_fresh(seconds: int, status: int, word: str) -> None:
    gateway = Gateway(Secrets(gitlab=("whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode(),)))
    body = json.dumps(GITLAB_JOB).encode()
    answer = await gateway.post("/ingest/gitlab", body, standard(body, seconds))
    assert (answer.status_code, word in answer.text) == (status, True)
    forged = await gateway.post("/ingest/gitlab", body, standard(body, seconds, b"another key"))
    assert forged.status_code == 401


@pytest.mark.parametrize("headers", [{"X-Gitlab-Token": "wrong"}, {"X-Other": "x"}])
async def test_a_gitlab_without_our_token_is_refused(headers: dict[str, str]) -> None:
    assert (await gitlab(Gateway(), GITLAB_JOB, **headers))[0] == 401


async def test_a_jenkins_build_comes_with_the_lines_of_its_log() -> None:
    gateway = Gateway()
    basic = {"Authorization": "Basic " + base64.b64encode(b"jenkins:an-ingest-token-of-tests").decode()}
    assert (await gateway.post("/ingest/jenkins", json.dumps(JENKINS).encode(), basic)).status_code == 202
    chunk, job = gateway.outlet.records
    assert isinstance(chunk, LogChunk)
    assert isinstance(job, JobFinished)
    assert (chunk.eof, "Error 1" in chunk.text, "abcdef" in chunk.text) == (True, True, False)
    assert (job.project, job.job, job.run_id, job.result, job.log_chunks) == ("acme/shop", "shop", "18", Result.FAILURE, 1)
    again = {**JENKINS, "build": {**JENKINS["build"], "phase": "FINALIZED"}}  # type: ignore[dict-item]
    await gateway.with_token("/ingest/jenkins", json.dumps(again).encode())
    assert [id_of(one) for one in gateway.outlet.records[2:]] == [id_of(chunk), id_of(job)]


async def test_alerts_of_alertmanager_and_grafana_become_alerts_on_their_target() -> None:
    gateway = Gateway()
    resolved = {**ALERT, "status": "resolved", "endsAt": "2026-03-04T05:04:00Z"}
    body = json.dumps({"version": "4", "alerts": [ALERT, resolved]}).encode()
    assert (await gateway.with_token("/ingest/alertmanager", body)).status_code == 202
    await gateway.with_token("/ingest/grafana", json.dumps({"version": "1", "orgId": 1, "alerts": [ALERT]}).encode())
    firing, over, third = gateway.outlet.records
    assert isinstance(firing, Alert)
    assert isinstance(over, Alert)
    assert (firing.target, firing.name, firing.severity, firing.ends_at) == ("service:web", "HighErrors", "critical", None)
    assert (over.status, over.ends_at is None) == (AlertStatus.RESOLVED, False)
    assert "hunter2" not in repr(firing)
    assert id_of(third) == id_of(firing)


async def test_another_version_of_the_alerts_is_named() -> None:
    answer = await Gateway().with_token("/ingest/alertmanager", b'{"version": "3", "alerts": []}')
    assert (answer.status_code, "version 3" in answer.json()["detail"]) == (422, True)


def test_a_label_may_name_the_target_and_nothing_but_a_typed_name() -> None:
    assert target_of({"healstream_target": "disk:host:/var", "service": "web"}, "x") == "disk:host:/var"
    assert target_of({"instance": "host:9100"}, "x") == "host:host:9100"
    assert target_of({}, "Lonely") == "alert:Lonely"
    with pytest.raises(UsageError, match="typed name"):
        target_of({"healstream_target": "rm -rf"}, "x")


@pytest.mark.parametrize("token", ["", "Bearer wrong", "Basic %%%", "Basic " + base64.b64encode(b"a:wrong").decode()])
async def test_senders_with_a_token_are_refused_without_it(token: str) -> None:
    for name in ("jenkins", "alertmanager", "grafana", "cloudevents", "junit", "logs/a/b/c/d"):
        answer = await Gateway().post(f"/ingest/{name}", b"{}", {"Authorization": token} if token else {})
        assert (answer.status_code, "HEALSTREAM_INGEST_TOKEN" in answer.json()["next"] + answer.json()["detail"]) == (401, True)


async def test_cdevents_come_in_all_three_modes_with_the_same_ids() -> None:
    gateway, doc = Gateway(), task(outcome="failure")
    context = doc["context"]
    assert isinstance(context, dict)
    binary = {"ce-specversion": "1.0", "ce-id": "e-1", "ce-source": "/tekton/acme", "ce-type": context["type"]}
    structured, batch = "application/cloudevents+json", "application/cloudevents-batch+json"
    carried = cloud_event({"context": context}, data=None, data_base64=base64.b64encode(json.dumps(doc).encode()).decode())
    answers = [
        await gateway.with_token("/ingest/cloudevents", json.dumps(doc).encode(), **binary),
        await gateway.with_token("/ingest/cloudevents", json.dumps(cloud_event(doc)).encode(), structured),
        await gateway.with_token("/ingest/cloudevents", json.dumps([cloud_event(doc), carried]).encode(), batch),
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len({id_of(record) for record in gateway.outlet.records}) == 1
    job = gateway.outlet.records[0]
    assert isinstance(job, JobFinished)
    assert (job.project, job.run_id, job.job, job.result) == ("tekton/acme", "run-7", "build", Result.FAILURE)


async def test_binary_events_with_the_same_body_and_other_headers_are_two() -> None:
    gateway, body = Gateway(), json.dumps(task(outcome="failure")).encode()
    headers = {"ce-specversion": "1.0", "ce-id": "e-1", "ce-source": "/tekton/acme"}
    kinds = [f"dev.cdevents.taskrun.{word}.0.2.0" for word in ("started", "finished")]
    answers = [await gateway.with_token("/ingest/cloudevents", body, **headers, **{"ce-type": kind}) for kind in kinds]
    assert [answer.json()["duplicate"] for answer in answers] == [False, False]
    assert [type(record) for record in gateway.outlet.records] == [JobStarted, JobFinished]


async def test_other_cdevents_become_what_they_tell_and_unknown_ones_nothing() -> None:
    gateway = Gateway()
    told = []
    for kind, content in (
        ("taskrun.started", {}),
        ("testsuiterun.finished", {"outcome": "fail", "testSuite": {"name": "unit"}}),
        ("pipelinerun.finished", {"pipelineName": "ci", "outcome": "error"}),
        ("incident.detected", {"service": {"id": "web"}, "description": "slow"}),
        ("incident.resolved", {"service": {"id": "web"}, "description": "slow"}),
        ("service.deployed", {}),
    ):
        doc = task(**content)
        event = cloud_event(doc, type=f"dev.cdevents.{kind}.0.2.0")
        answer = await gateway.with_token("/ingest/cloudevents", json.dumps(event).encode(), "application/cloudevents+json")
        told.append((answer.status_code, len(answer.json()["records"])))
    assert told == [(202, 1)] * 5 + [(202, 0)]
    assert [type(record) for record in gateway.outlet.records] == [JobStarted, JobFinished, WorkflowFinished, Alert, Alert]


def conforming(subject: str, predicate: str, content: Mapping[str, object], *, is_older: bool) -> dict[str, object]:
    """Return an event with every part that the specification's conformance files have, of 0.4 or of 0.5."""
    kind = f"dev.cdevents.{subject.lower()}.{predicate}.{'0.2.0' if is_older else '0.3.0-draft'}"
    link = {"linkType": "RELATION", "linkKind": "TRIGGER", "target": {"contextId": "e-0"}, "tags": {"a": "b"}}
    context = {"version" if is_older else "specversion": "0.4.1" if is_older else "0.5.0-draft", "id": "e-1", "source": "/tekton/acme"}
    context |= {"type": kind, "timestamp": "2026-03-04T05:05:00.315384Z"}
    more = {} if is_older else {"chainId": "c-1", "schemaUri": "https://schemas.example/custom", "links": [link]}
    about = {"id": "subject-1", "source": "/tekton/acme", "content": content} | ({"type": subject} if is_older else {})
    custom = {"customData": {"metric": "latency", "value": "200ms"}, "customDataContentType": "application/json"}
    return {"context": {**context, **more}, "subject": about, **custom}


@pytest.mark.parametrize("is_older", [True, False])
@pytest.mark.parametrize(
    ("subject", "predicate", "content", "became"),
    [
        ("taskRun", "started", {"taskName": "t", "uri": "https://t.example/1", "pipelineRun": {"id": "r"}}, [JobStarted]),
        ("taskRun", "finished", {"taskName": "t", "outcome": "failure", "errors": "No space left\non device"}, [LogChunk, JobFinished]),
        ("taskRun", "finished", {"taskName": "t", "outcome": "success", "errors": " "}, [JobFinished]),
        ("testSuiteRun", "started", {"trigger": {"type": "event"}, "environment": {"id": "dev"}}, [JobStarted]),
        ("testSuiteRun", "finished", {"outcome": "fail", "severity": "critical", "reason": "no host"}, [LogChunk, JobFinished]),
        ("testSuiteRun", "finished", {"outcome": "pass", "reason": ["no", "text"]}, [JobFinished]),
        ("pipelineRun", "finished", {"pipelineName": "ci", "outcome": "error", "errors": "x"}, [WorkflowFinished]),
        ("incident", "detected", {"description": "slow", "service": {"id": "web"}, "artifactId": "pkg:oci/web"}, [Alert]),
        ("incident", "resolved", {"description": "fast", "environment": {"id": "prod"}}, [Alert]),
        ("testCaseRun", "finished", {"outcome": "fail"}, []),
        ("incident", "reported", {"ticketURI": "https://tickets.example/1"}, []),
        ("service", "rolledback", {"environment": {"id": "prod"}}, []),
    ],
)
async def test_events_of_the_shapes_of_the_conformance_files_become_what_they_tell(
    subject: str, predicate: str, content: dict[str, object], became: list[type], is_older: bool
) -> None:
    gateway, doc = Gateway(), conforming(subject, predicate, content, is_older=is_older)
    answer = await gateway.with_token("/ingest/cloudevents", json.dumps(cloud_event(doc)).encode(), "application/cloudevents+json")
    assert (answer.status_code, "ignored" in answer.json()) == (202, not became)
    assert [type(record) for record in gateway.outlet.records] == became
    for chunk in (one for one in gateway.outlet.records if isinstance(one, LogChunk)):
        # The cause is the log of the job, and its end says how much of it there is.
        [job] = [one for one in gateway.outlet.records if isinstance(one, JobFinished)]
        assert (chunk.eof, chunk.text) == (True, f"{content.get('errors') or content.get('reason')}\n")
        assert (chunk.run_id, chunk.job, job.log_chunks, job.result) == (job.run_id, job.job, 1, Result.FAILURE)


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"{}", "application/json"),
        (b"{}", "application/cloudevents+json"),
        (b"[]", "application/cloudevents+json"),
        (b"{}", "application/cloudevents-batch+json"),
        (b'{"specversion": "0.3", "id": "1", "source": "s", "type": "t"}', "application/cloudevents+json"),
        (b'{"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data_base64": "%"}', "application/cloudevents+json"),
    ],
)
async def test_what_is_no_cloudevent_is_refused(body: bytes, media: str) -> None:
    assert (await Gateway().with_token("/ingest/cloudevents", body, media)).status_code == 422
