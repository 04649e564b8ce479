"""Row 8: a job runs out of time; it is run again once, on another runner, and never a second time."""

from __future__ import annotations

from schemas.attempts import CORDONED
from schemas.decisions import Verdict
from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind, Result
from tests.support.ci_logs import GREEN, OUT_OF_TIME
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import Job
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of

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
    assert decision.risk.score == sum(factor.points for factor in decision.risk.factors)
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
