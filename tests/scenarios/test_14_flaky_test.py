"""Row 14: a test fails and passes on one commit; it alone is run again and left out for two weeks, with an issue. New failures block."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from schemas.events import Origin, Provenance, Trust
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.targets.trunk import TrunkSpec, held_at
from schemas.vocabulary import Kind
from tests.support.ci_logs import GREEN, PYTEST
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import COMMIT, SHOP, Job, MemoryWorld
from tests.support.story import begin, steps_done, told_of, untouched

TEST, OTHER = "tests/test_cart.py::test_total", "tests/test_cart.py::test_tax"
NEXT = "d" * 40
TRUNK = TrunkSpec("api", "/srv/git/api", "github", "acme/api", ("build",), ("test",), ("list",), "/srv/api/left-out.json")
JOB = Job((PYTEST, GREEN), "140")


def started() -> MemoryFlow:
    """Return a flow in which each commit of a repository has the two tests."""

    def ready(world: MemoryWorld) -> None:
        world.trunks.tests = dict.fromkeys((COMMIT, NEXT), frozenset({TEST, OTHER}))

    return begin(services=replace(SHOP, trunks=(TRUNK,)), prepare=ready)


def fail(flow: MemoryFlow, job: Job = JOB) -> None:
    """Let the job fail."""
    flow.world.run_job(job, flow.now)


def pass_again(flow: MemoryFlow) -> None:
    """Let the job pass when a person runs it again on the same commit."""
    flow.world.ci.conclusions.append("success")
    flow.world.ci.on_rerun(2)


def fails_and_passes(flow: MemoryFlow, job: Job = JOB) -> None:
    """Let the job fail and pass; what is known of it outlives a restart."""
    fail(flow, job)
    flow.pass_time(4)
    flow.restart("classify")
    pass_again(flow)
    flow.pass_time(5)


def ends(flow: MemoryFlow, kind: Kind) -> list[RecoveryOutcome]:
    """Return the final outcomes of the incidents of a kind."""
    return [row for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.final and row.kind is kind]


def test_a_test_that_fails_and_passes_on_one_commit_is_run_alone_and_left_out_for_two_weeks() -> None:
    flow = started()

    fails_and_passes(flow)

    told = told_of(flow, JOB.target)
    assert [row.kind for row in told.incidents] == [Kind.TEST_FAILURE, Kind.FLAKY_TEST]
    [refused, healed] = [row for row in told.outcomes if row.final]
    assert (refused.status, healed.status) == (OutcomeStatus.REFUSED, OutcomeStatus.HEALED)
    flaky, decision = told.incidents[1], told.decisions[1]
    assert (flaky.detected_at - flaky.opened_at).total_seconds() < 5
    assert (decision.strategy, decision.approvals_required) == ("flaky_quarantine", 0)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["retest:api", "issue:api", "hold:api"]
    assert flow.world.ci.asked == 0, "that test only, and not its job"
    assert set(flow.world.trunks.tried) == {(TEST,)}
    assert {(row.factor, row.source) for row in healed.verification if row.passed} == {
        ("passes_alone", "sandbox"),
        ("issue_open", "rest_issue"),
        ("is_left_out", "quarantine_file"),
        ("log_silence", "stream"),
    }
    assert next(row.detail for row in healed.verification if row.factor == "passes_alone") == "5 of 5 passed"
    assert list(flow.world.proposals.issues) == [f"Flaky test: {TEST}"]
    held = flow.world.quarantines.lists["api"]
    [row] = held
    two_weeks = row.until - timedelta(days=14)
    assert abs((two_weeks - flow.now).total_seconds()) < 60
    assert held_at(held, row.until - timedelta(seconds=1)) == (TEST,)
    assert held_at(held, row.until) == (), "after two clean weeks it counts again"

    new = replace(JOB, logs=(PYTEST.replace("test_total", "test_tax"),), run_id="141", commit=NEXT)
    flow.world.run_job(new, flow.now, ("failure",))
    flow.pass_time(4)

    assert told_of(flow, new.target).final.status is OutcomeStatus.REFUSED, "what fails on a commit that never passed blocks"
    assert flow.world.quarantines.lists["api"] == held


def test_another_failure_within_the_two_weeks_begins_them_anew_and_an_older_one_is_dropped_when_its_time_is_over() -> None:
    flow = started()
    fails_and_passes(flow)
    [first] = flow.world.quarantines.lists["api"]

    flow.now += timedelta(days=9)
    fails_and_passes(flow, replace(JOB, run_id="141", commit=NEXT))

    [second] = flow.world.quarantines.lists["api"]
    assert second.until - first.until > timedelta(days=8)
    assert list(flow.world.proposals.issues) == [f"Flaky test: {TEST}"], "one issue, however often"

    flow.now += timedelta(days=20)
    flow.world.trunks.tests["e" * 40] = frozenset({OTHER})
    log = PYTEST.replace("test_total", "test_tax")
    fails_and_passes(flow, replace(JOB, logs=(log, GREEN), run_id="142", commit="e" * 40))
    assert [row.test for row in flow.world.quarantines.lists["api"]] == [OTHER]


def test_a_commit_that_passed_before_it_failed_is_flaky_too() -> None:
    flow = started()
    flow.world.run_job(replace(JOB, logs=(GREEN,), run_id="139"), flow.now, ("success",))
    flow.pass_time(3)

    flow.world.run_job(replace(JOB, logs=(PYTEST,)), flow.now, ("failure",))
    flow.pass_time(8)

    assert [row.status for row in ends(flow, Kind.FLAKY_TEST)] == [OutcomeStatus.HEALED]
    assert [row.test for row in flow.world.quarantines.lists["api"]] == [TEST]


def test_what_does_not_pass_five_times_alone_is_not_left_out_and_no_issue_stays() -> None:
    flow = started()
    flow.world.trunks.fails[TEST] = [False, False, False, False, True]

    fails_and_passes(flow)

    assert [row.status for row in ends(flow, Kind.FLAKY_TEST)] == [OutcomeStatus.ROLLED_BACK]
    assert flow.world.proposals.issues == {}
    assert flow.world.quarantines.lists["api"] == ()


def test_what_may_not_be_left_out_is_not() -> None:
    flow = started()
    unknown = PYTEST.replace("test_total", "--rootdir=/")
    jobs = [
        replace(JOB, provenance=Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK, "stranger"), trigger="pull_request"),
        replace(JOB, logs=(unknown, GREEN), run_id="141", commit=NEXT),
        replace(JOB, name="deploy", run_id="142"),
        replace(JOB, branch="release", run_id="143"),
    ]

    for job in jobs:
        fails_and_passes(flow, job)

    told_of(flow, JOB.target)
    assert [row.status for row in ends(flow, Kind.FLAKY_TEST)] == [OutcomeStatus.ESCALATED], "only the one whose test nobody knows"
    assert untouched(flow)
