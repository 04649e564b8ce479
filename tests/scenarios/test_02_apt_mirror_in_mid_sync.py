"""Row 2: an apt mirror is in the middle of its sync; the failed job is run again and passes once the mirror agrees with itself."""

from __future__ import annotations

from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.ci_logs import APT_IN_MID_SYNC, GREEN
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import Job
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of


def fail(flow: MemoryFlow, seed: int = 0) -> Job:
    """Let a job meet the half of a mirror's new state, and then all of it."""
    job = Job((APT_IN_MID_SYNC, GREEN), run_id=str(200 + seed))
    flow.world.run_job(job, flow.now)
    return job


def test_the_job_is_run_again_and_passes_on_a_mirror_that_agrees_with_itself() -> None:
    flow = begin()

    job = fail(flow)
    flow.pass_time(8)

    told = told_of(flow, job.target)
    assert [row.kind for row in told.incidents] == [Kind.INTEGRITY_OR_CACHE]
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("rerun_job", 0)
    assert decision.risk.score == sum(factor.points for factor in decision.risk.factors)
    assert steps_done(told) == ["rerun:job"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.factor for row in told.final.verification} == {"attempt_concluded_success", "log_without_pattern", "log_silence"}
    assert flow.world.ci.asked == 1
    assert flow.world.caches.ledger == [], "no cache of ours is at fault"
    assert actions_on(flow, job.target)[-1] == "recovery.healed"
