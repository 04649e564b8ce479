"""Workflows that run on targets: told when they begin and when they are over, whatever the order of their events, and never twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from schemas.configuration import Configuration
from schemas.events import JobFinished, JobStarted, Origin, Provenance, Trust, WorkflowFinished
from schemas.incidents import Detection, DetectionStatus
from schemas.outputs import Emit, Output, Place
from schemas.policy import Policy
from schemas.vocabulary import Result
from schemas.watched_workflows import WorkflowRule
from streams.classified import Classified
from streams.classify import Classify, ClassifyRules
from streams.detectors.workflow import SETTLE_S, Workflows
from streams.workflows_running import WorkflowsRunning
from tests.support.records import AT

RULE = WorkflowRule("deploy", "acme/shop", "Deploy", ("service:web", "group:shop"), longest_s=900.0)
POLICY = Policy(workflows=(RULE,))
MINE = Provenance(Origin.SIGNED_WEBHOOK, Trust.PROTECTED)


def at(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def started(job: str = "a", seconds: float = 0, attempt: int = 1, workflow: str = "Deploy", provenance: Provenance = MINE) -> JobStarted:
    return JobStarted("github", "acme/shop", "9", attempt, workflow, job, "c", "main", "push", at(seconds), provenance=provenance)


def finished(job: str = "a", seconds: float = 10, attempt: int = 1, workflow: str = "Deploy") -> JobFinished:
    return JobFinished(
        "github", "acme/shop", "9", attempt, workflow, job, "c", "main", "push", Result.SUCCESS, at(seconds), provenance=MINE
    )


def over(seconds: float = 20, attempt: int = 1) -> WorkflowFinished:
    return WorkflowFinished(
        "github", "acme/shop", "9", attempt, "Deploy", "c", "main", "push", Result.SUCCESS, at(seconds), provenance=MINE
    )


class Watched:
    """A detector that may begin anew from its entries before any event."""

    def __init__(self) -> None:
        self.detector = Workflows(Configuration(policy=POLICY))
        self.offset = 0

    def restart(self) -> None:
        entries = self.detector.seen.snapshot()
        self.detector = Workflows(Configuration(policy=POLICY))
        self.detector.load(entries)

    def take(self, event: JobStarted | JobFinished | WorkflowFinished, seconds: float = 0) -> list[Detection]:
        self.offset += 1
        place = Place("ci.events", 0, self.offset)
        match event:
            case JobStarted():
                return said(self.detector.on_started(event, place, at(seconds)))
            case JobFinished():
                return said(self.detector.on_finished(event, place, at(seconds)))
            case WorkflowFinished():
                return said(self.detector.on_workflow_finished(event, place, at(seconds)))

    def tick(self, seconds: float) -> list[Detection]:
        return said(self.detector.on_tick(at(seconds)))


def said(outputs: object) -> list[Detection]:
    found: list[Output] = list(outputs)  # type: ignore[call-overload]
    return [output.record for output in found if isinstance(output, Emit) and isinstance(output.record, Detection)]


def told(found: list[Detection]) -> list[tuple[str, str]]:
    return [(row.status.value, row.target) for row in found]


FIRING = [("firing", "service:web"), ("firing", "group:shop")]
RESOLVED = [("resolved", "service:web"), ("resolved", "group:shop")]


def test_the_first_job_tells_each_target_and_the_workflows_end_tells_it_again() -> None:
    watched = Watched()
    found = watched.take(started())
    assert told(found) == FIRING
    assert dict(found[0].signals) == {"run": "github/acme/shop/9/1|deploy", "rule": "deploy", "deployment": "true", "longest_s": "900"}
    assert watched.take(started("b", 1)) == []
    assert watched.take(finished()) == []
    assert told(watched.take(over())) == RESOLVED


def test_whatever_the_order_and_however_often_each_is_told_at_most_once_and_nothing_runs_in_the_end() -> None:
    events: list[JobStarted | JobFinished | WorkflowFinished] = [started(), started("b", 5), finished(), finished("b", 15), over()]
    for order in permutations(events):
        watched, running = Watched(), WorkflowsRunning({})
        found: list[Detection] = []
        for number, event in enumerate(order):
            if number == 2:
                watched.restart()
            found += [*watched.take(event, 20), *watched.take(event, 20)]
        assert told(found) in ([], [*FIRING, *RESOLVED]), order
        for detection in (*found, *found):
            running.note(detection, at(30))
        assert running.deployments(at(30)) == 0, order


def test_without_a_workflows_end_it_is_over_once_no_job_runs_for_a_while() -> None:
    watched = Watched()
    watched.take(started())
    watched.take(finished(), 10)
    assert watched.tick(10 + SETTLE_S - 1) == []
    watched.take(started("b", 11), 69)
    watched.take(finished("b", 80), 80)
    assert watched.tick(80 + SETTLE_S - 1) == []
    assert told(watched.tick(80 + SETTLE_S)) == RESOLVED
    assert watched.tick(80 + 2 * SETTLE_S) == []


def test_a_start_whose_end_is_never_seen_is_forgotten() -> None:
    watched = Watched()
    watched.take(started())
    assert watched.tick(899) == []
    assert len(watched.detector.seen.rows) == 1
    assert watched.tick(900) == []
    assert watched.detector.seen.rows == {}


@pytest.mark.parametrize("provenance", [replace(MINE, trust=Trust.FORK)])
def test_a_fork_holds_nobody_back(provenance: Provenance) -> None:
    assert Watched().take(started(provenance=provenance)) == []


def test_a_workflow_that_nobody_named_is_no_business_of_ours() -> None:
    watched = Watched()
    assert watched.take(started(workflow="Lint")) == []
    assert watched.take(finished(workflow="Lint")) == []
    assert watched.detector.seen.rows == {}


def test_a_job_that_somebody_runs_again_is_left_to_them_until_it_ends() -> None:
    watched = Watched()
    found = watched.take(started("build", attempt=2, workflow="Build"))
    assert told(found) == [("firing", "job:github/acme/shop/9/build")]
    assert dict(found[0].signals)["deployment"] == "false"
    assert told(watched.take(finished("build", attempt=2, workflow="Build"))) == [("resolved", "job:github/acme/shop/9/build")]
    assert watched.take(started("build", attempt=2, workflow="Build")) == []


def test_a_workflows_run_opens_no_incident() -> None:
    def unasked(_: Detection) -> Classified:
        raise AssertionError

    stage = Classify({}, ClassifyRules(Configuration(), unasked))
    [first, _] = Watched().take(started())
    assert first.status is DetectionStatus.FIRING
    assert stage.on_event(first, Place("heal.detections", 0, 1), at(0)) == ()
    assert stage.on_tick(at(100)) == []
