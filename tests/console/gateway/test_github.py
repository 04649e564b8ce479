"""GitHub's deliveries: proven, translated, marked with whose code they are, and taken once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from console.gateway.github import translate
from console.gateway.received import Received
from console.gateway.signatures import Secrets
from schemas.errors import UnreachableError
from schemas.events import JobFinished, JobStarted, Origin, Provenance, Trust, WorkflowFinished
from schemas.ids import id_of
from schemas.vocabulary import Result
from tests.support.gateway import GITHUB, NOW, Gateway, signed
from tests.support.github_hooks import check_run, deployment_status, workflow_job, workflow_run
from tests.support.npm_files import NpmFile

# The kinds of events that are read, and what their published examples hold.
BECOMES: dict[str, set[type]] = {
    "workflow_job": {JobStarted, JobFinished},
    "workflow_run": {WorkflowFinished},
    "check_run": {JobFinished},
    "deployment_status": {JobFinished},
    "ping": set(),
    "push": {WorkflowFinished},
}
EXAMPLES = NpmFile(
    "@octokit/webhooks-examples",
    "7.6.1",
    "api.github.com/index.json",
    "09d8f0c617876ae9dad22e26fea5510bfcaad50ee7e602659f6db25b87b25815",
    "webhooks-examples-7.6.1.json",
)


def read(name: str, doc: object, origin: Origin = Origin.SIGNED_WEBHOOK) -> list[object]:
    received = Received(json.dumps(doc).encode(), NOW, {"x-github-event": name})
    return list(translate(received, origin).records)


async def test_a_failed_job_is_on_its_way_when_github_is_answered() -> None:
    gateway = Gateway()
    answer = await gateway.github("workflow_job", workflow_job())
    [job] = gateway.outlet.records
    assert isinstance(job, JobFinished)
    assert (answer.status_code, answer.json()["records"]) == (202, [id_of(job)])
    assert (job.source, job.project, job.run_id, job.attempt, job.job) == ("github", "acme/shop", "7", 2, "build")
    assert (job.result, [step.result for step in job.steps]) == (Result.FAILURE, [Result.SUCCESS, Result.FAILURE])
    assert job.finished_at == datetime(2026, 3, 4, 5, 5, tzinfo=UTC)
    assert job.provenance == Provenance(Origin.SIGNED_WEBHOOK, Trust.UNKNOWN, "ada")


def test_a_job_that_begins_is_told_and_one_that_waits_is_not() -> None:
    [started] = read("workflow_job", workflow_job("in_progress", None))
    assert isinstance(started, JobStarted)
    assert read("workflow_job", workflow_job("queued", None)) == []


@pytest.mark.parametrize(
    ("head", "event", "trust"),
    [
        (10, "push", Trust.SAME_REPOSITORY),
        (11, "pull_request", Trust.FORK),
        (11, "pull_request_target", Trust.FORK),
        # It has the base's rights, and may check out and run what anybody wrote: that its branch is our own says nothing of that.
        (10, "pull_request_target", Trust.UNKNOWN),
        (None, "pull_request_target", Trust.UNKNOWN),
        (None, "pull_request", Trust.UNKNOWN),
        (10, "workflow_run", Trust.UNKNOWN),
    ],
)
async def test_the_jobs_of_a_run_are_trusted_as_far_as_the_run_said_whose_code_it_is(head: int | None, event: str, trust: Trust) -> None:
    gateway = Gateway()
    await gateway.github("workflow_run", workflow_run("requested", head, event), "d-1")
    await gateway.github("workflow_job", workflow_job(), "d-2")
    await gateway.github("workflow_run", workflow_run("completed", head, event), "d-3")
    job, run = gateway.outlet.records
    assert isinstance(job, JobFinished)
    assert isinstance(run, WorkflowFinished)
    assert (job.trigger, job.provenance.trust, run.trigger, run.provenance.trust) == (event, trust, event, trust)


@pytest.mark.parametrize(
    ("pulls", "trust"), [((), Trust.UNKNOWN), (((10, 10),), Trust.SAME_REPOSITORY), (((10, 10), (11, 10)), Trust.FORK)]
)
def test_a_check_of_another_app_is_as_far_to_be_trusted_as_its_pull_requests(pulls: tuple[tuple[int, int], ...], trust: Trust) -> None:
    [check] = read("check_run", check_run(pulls=pulls))
    assert isinstance(check, JobFinished)
    assert (check.run_id, check.job, check.result, check.provenance.trust) == ("check-99", "lint", Result.FAILURE, trust)


def test_what_is_told_twice_becomes_one_record() -> None:
    assert read("check_run", check_run("github-actions")) == []
    assert read("deployment_status", deployment_status("failure", by_workflow=True)) == []
    [failed] = read("deployment_status", deployment_status())
    assert isinstance(failed, JobFinished)
    assert (failed.run_id, failed.job, failed.result) == ("deployment-55", "production", Result.FAILURE)


def test_a_word_that_nobody_knows_yet_becomes_unknown() -> None:
    [job] = read("workflow_job", workflow_job(conclusion="dissolved"))
    assert isinstance(job, JobFinished)
    assert job.result is Result.UNKNOWN


async def test_unsigned_events_are_taken_on_this_machine_only_and_say_nothing_good_of_themselves() -> None:
    body = json.dumps(workflow_run()).encode()
    headers = {"X-GitHub-Event": "workflow_run", "X-GitHub-Delivery": "d-1"}
    local, public = Gateway(Secrets(takes_unsigned=True)), Gateway(Secrets())
    assert (await local.post("/ingest/github", body, headers)).status_code == 202
    [run] = local.outlet.records
    assert isinstance(run, WorkflowFinished)
    assert run.provenance == Provenance(Origin.UNSIGNED, Trust.UNKNOWN, "ada")
    refused = await public.post("/ingest/github", body, headers)
    assert (refused.status_code, "HEALSTREAM_GITHUB_SECRET" in refused.json()["next"]) == (401, True)


@pytest.mark.parametrize(
    "given", [{}, {"X-Hub-Signature-256": "sha256=" + "0" * 64}, signed(b"another body"), signed(b"{}", "another secret")]
)
async def test_a_wrong_signature_is_refused_with_what_to_compare(given: dict[str, str]) -> None:
    gateway = Gateway()
    answer = await gateway.post("/ingest/github", json.dumps(workflow_job()).encode(), {"X-GitHub-Event": "workflow_job", **given})
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert "secret" in answer.json()["next"].lower()
    assert gateway.outlet.records == []


async def test_either_of_two_secrets_is_good_while_one_is_changed() -> None:
    gateway = Gateway(Secrets(("the-old-secret-of-tests", GITHUB)))
    assert (await gateway.github("ping", {"zen": "x"})).status_code == 202


async def test_a_repeated_delivery_is_answered_alike_and_produced_once() -> None:
    gateway = Gateway()
    first, again = [await gateway.github("workflow_job", workflow_job()) for _ in range(2)]
    assert (first.json()["duplicate"], again.json()["duplicate"], first.json()["id"] == again.json()["id"]) == (False, True, True)
    assert len(gateway.outlet.records) == 1
    assert (await gateway.github("workflow_job", workflow_job(conclusion="success"))).status_code == 409


async def test_a_delivery_that_was_answered_503_is_taken_when_it_comes_again() -> None:
    gateway = Gateway()
    gateway.outlet.trouble = UnreachableError("the broker", "it is away", "Send it again")
    refused = await gateway.github("workflow_job", workflow_job())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    gateway.outlet.trouble = None
    assert (await gateway.github("workflow_job", workflow_job())).json()["duplicate"] is False
    assert len(gateway.outlet.records) == 1


async def test_an_event_from_the_future_is_refused_because_a_clock_is_wrong() -> None:
    answer = await Gateway().github("workflow_job", workflow_job(completed_at="2026-03-04T06:06:07Z"))
    assert (answer.status_code, "NTP" in answer.json()["next"]) == (422, True)


async def test_secrets_in_a_document_are_masked_before_it_is_produced() -> None:
    gateway = Gateway()
    await gateway.github("workflow_job", workflow_job(runner_name="token=abcdef0123456789"))
    [job] = gateway.outlet.records
    assert "abcdef" not in repr(job)


@pytest.fixture(scope="module")
def published() -> dict[str, list[object]]:
    """Return the example documents that GitHub publishes for its webhooks, by the kind of event."""
    return {str(kind["name"]): kind["examples"] for kind in json.loads(EXAMPLES.body())}


async def answered(published: dict[str, list[object]], kinds: Iterable[str]) -> tuple[Gateway, list[tuple[int, str]]]:
    """Send every example of these kinds; return what became of them and each answer's status and ``ignored``."""
    gateway, answers = Gateway(now=datetime(2030, 1, 1, tzinfo=UTC)), []
    for kind in kinds:
        for number, example in enumerate(published[kind]):
            answer = await gateway.github(kind, example, f"{kind}-{number}")
            answers.append((answer.status_code, answer.json().get("ignored", "")))
    return gateway, answers


async def test_every_example_that_github_publishes_of_our_events_is_taken_without_an_error(published: dict[str, list[object]]) -> None:
    for name, kinds in BECOMES.items():
        gateway, answers = await answered(published, [name])
        assert len(answers) >= 1, name
        assert {status for status, _ in answers} == {202}, name
        # What became nothing says why.
        assert len(gateway.outlet.records) + sum(bool(ignored) for _, ignored in answers) == len(answers), name
        assert {type(record) for record in gateway.outlet.records} == kinds, name


async def test_every_example_of_another_event_is_answered_that_it_is_ignored(published: dict[str, list[object]]) -> None:
    others = sorted(set(published) - set(BECOMES))
    gateway, answers = await answered(published, others)
    assert (len(others) > 40, len(answers) > 200, gateway.outlet.records) == (True, True, [])
    assert [answer for answer in answers if answer[0] != 202 or not answer[1]] == []
