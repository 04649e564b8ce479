"""Row 8: a job runs out of time; it is run again once, on another runner, and never a second time."""

from __future__ import annotations

import pytest

from schemas.attempts import CORDONED
from schemas.decisions import Verdict
from schemas.recoveries import FactorResult, OutcomeStatus
from schemas.vocabulary import Kind, Result
from tests.support.ci_logs import GREEN, OUT_OF_TIME
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import Job
from tests.support.story import Told, actions_on, begin, seconds_to_detect, steps_done, told_of

LABELS = ("docker", "large")


def job_of(seed: int = 0, then: str = "success") -> Job:
    """Return a job that runs out of time, and how it ends then."""
    return Job((OUT_OF_TIME, GREEN if then == "success" else OUT_OF_TIME), run_id=str(800 + seed))


def fail(flow: MemoryFlow, seed: int = 0, then: str = "success") -> Job:
    """Let a job run out of time on the first runner of the pool."""
    job = job_of(seed, then)
    flow.world.run_job(job, flow.now, ("timed_out", then))
    return job


def test_a_job_that_ran_out_of_time_is_run_once_more_on_another_runner() -> None:
    flow = begin()

    job = fail(flow)
    flow.pass_time(8)

    told = told_of(flow, job.target)
    assert [(row.kind, row.result) for row in told.incidents] == [(Kind.TIMEOUT, Result.TIMEOUT)]
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("rerun_elsewhere", 0)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["cordon:runner", "rerun:job", "return:runner"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {(row.factor, row.source) for row in told.final.verification} == {
        ("log_silence", "stream"),
        ("attempt_concluded_success", "rest_conclusion"),
        ("log_without_pattern", "rest_log"),
        ("ran_elsewhere", "rest_runner"),
    }
    assert flow.world.ci.ran_on == ["build-1", "build-2"]
    assert flow.world.ci.labelled == [(1, (CORDONED,)), (1, LABELS)], "out of the pool for the placing, then back"
    assert actions_on(flow, job.target)[-1] == "recovery.healed"


USUAL = (58.0, 63.0, 60.0, 57.0, 61.0, 62.0)
LONGER = tuple(300.0 + 20.0 * number for number in range(20))


def timed(took_s: float, history: tuple[float, ...] | None) -> tuple[MemoryFlow, Told]:
    """Let a job run out of time whose passing runs took so long, and whose new attempt is green after so many seconds."""
    flow = begin()
    flow.world.ci.took_s[2], flow.world.ci.history = took_s, history
    job = fail(flow)
    flow.pass_time(8)
    return flow, told_of(flow, job.target)


def said_of_the_end(told: Told) -> FactorResult:
    [found] = [row for row in told.final.verification if row.factor == "attempt_concluded_success"]
    return found


@pytest.mark.parametrize(
    ("took_s", "history", "is_believed", "why"),
    [
        (64.0, USUAL, True, "99 of 100 end within"),
        (400.0, USUAL, False, "99 of 100 end within"),
        (400.0, USUAL[:4], True, "4 passing runs are too few"),
        (400.0, (), True, "0 passing runs are too few"),
    ],
)
def test_a_green_attempt_is_believed_when_it_ends_within_the_times_of_the_jobs_own_passing_runs(
    took_s: float, history: tuple[float, ...], is_believed: bool, why: str
) -> None:
    flow, told = timed(took_s, history)

    assert told.final.status is (OutcomeStatus.HEALED if is_believed else OutcomeStatus.ROLLED_BACK)
    assert (said_of_the_end(told).passed, why in said_of_the_end(told).detail) == (is_believed, True)
    assert (told.final.final, flow.world.ci.asked) == (True, 1), "there is no second retry, believed or not"
    assert flow.world.ci.runners["build-1"].labels == LABELS
    assert told.final.recommendations == () or not is_believed


def test_a_server_that_does_not_say_how_long_the_job_took_before_is_not_asked_to_run_it_again() -> None:
    flow, told = timed(60.0, None)

    assert (told.final.status, told.final.reason) == (OutcomeStatus.REFUSED, "ci_unreachable")
    assert (flow.world.ci.asked, flow.world.ci.labelled) == (0, [])


@pytest.mark.parametrize("took_s", [700.0, 2000.0])
def test_a_job_that_takes_longer_and_longer_is_worth_an_issue_however_its_new_attempt_ends(took_s: float) -> None:
    _, told = timed(took_s, LONGER)

    assert told.final.status is (OutcomeStatus.HEALED if took_s < max(LONGER) + 100 else OutcomeStatus.ROLLED_BACK)
    [advice] = [row for row in told.final.recommendations if row.evidence == "takes_longer_and_longer"]
    assert advice.what.startswith("Open an issue")


def test_a_job_that_runs_out_of_time_again_is_not_tried_a_third_time_nor_on_the_next_run_of_the_commit() -> None:
    flow = begin()

    job = fail(flow, then="timed_out")
    flow.pass_time(8)

    told = told_of(flow, job.target)
    assert (told.final.status, told.final.final) == (OutcomeStatus.ROLLED_BACK, True)
    assert flow.world.ci.asked == 1
    assert flow.world.ci.runners["build-1"].labels == LABELS

    again = fail(flow, seed=1)
    flow.pass_time(10)

    told = told_of(flow, again.target)
    assert (told.decisions[0].verdict, told.final.status) == (Verdict.ESCALATE, OutcomeStatus.ESCALATED)
    assert told.final.reason.startswith("same_commit: 1 of 1")
    assert flow.world.ci.asked == 1
