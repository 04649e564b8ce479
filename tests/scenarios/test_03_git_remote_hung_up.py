"""Row 3: a git remote hangs up in the middle of a clone; the same commit is fetched again, but not past a refused login."""

from __future__ import annotations

from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.ci_logs import GIT_HUNG_UP, GREEN, LOGIN_REFUSED
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import COMMIT, Job
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of


def fail(flow: MemoryFlow, seed: int = 0) -> Job:
    """Let a clone break off once."""
    job = Job((GIT_HUNG_UP, GREEN), run_id=str(300 + seed))
    flow.world.run_job(job, flow.now)
    return job


def test_the_clone_is_made_again_of_the_same_commit() -> None:
    flow = begin()

    job = fail(flow)
    flow.pass_time(8)

    told = told_of(flow, job.target)
    [incident] = told.incidents
    assert (incident.kind, incident.run and incident.run.commit) == (Kind.NETWORK_CONNECTIVITY, COMMIT)
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert decision.risk.score == sum(factor.points for factor in decision.risk.factors)
    assert steps_done(told) == ["rerun:job"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.source for row in told.final.verification} == {"rest_conclusion", "rest_log", "stream"}
    assert actions_on(flow, job.target)[-1] == "recovery.healed"


def test_a_remote_that_then_refuses_the_login_is_not_asked_a_third_time() -> None:
    flow = begin()
    job = Job((GIT_HUNG_UP, LOGIN_REFUSED))

    flow.world.run_job(job, flow.now, ("failure", "failure"))
    flow.pass_time(8)

    told = told_of(flow, job.target)
    assert told.final.status is OutcomeStatus.ESCALATED
    assert "auth_credentials" in told.final.reason
    assert flow.world.ci.asked == 1
