"""Row 9: a runner is lost under its job; it leaves the pool, the job goes to another one, and it comes back only when it is well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.attempts import CORDONED
from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.ci_logs import GREEN, RUNNER_LOST
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import Job
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of

LABELS = ("docker", "large")
JOB = Job((RUNNER_LOST, GREEN), run_id="900")


def fail(flow: MemoryFlow, *, comes_back: bool = False) -> None:
    """Let a job's runner go away, and come back at once or not."""
    runners = flow.world.ci.runners
    runners["build-1"] = replace(runners["build-1"], online=comes_back)
    flow.world.run_job(JOB, flow.now)


@pytest.mark.parametrize(("comes_back", "left"), [(False, (CORDONED,)), (True, LABELS)], ids=["it stays away", "it comes back"])
def test_the_job_goes_to_another_runner_and_the_lost_one_is_returned_only_when_it_is_well(
    *, comes_back: bool, left: tuple[str, ...]
) -> None:
    flow = begin()

    fail(flow, comes_back=comes_back)
    flow.pass_time(8)

    told = told_of(flow, JOB.target)
    assert [row.kind for row in told.incidents] == [Kind.RUNNER_LOST_OR_CANCELLED]
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["cordon:runner", "rerun:job", "return:runner"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.source for row in told.final.verification} == {"rest_conclusion", "rest_log", "rest_runner", "stream"}
    assert flow.world.ci.ran_on == ["build-1", "build-2"]
    assert flow.world.ci.runners["build-1"].labels == left
    assert actions_on(flow, JOB.target)[-1] == "recovery.healed"
