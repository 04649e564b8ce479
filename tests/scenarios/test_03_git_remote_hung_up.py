"""Row 3: a git remote hangs up in the middle of a clone; the same commit is fetched again, but not past a refused login."""

from __future__ import annotations

from dataclasses import replace

from schemas.recoveries import OutcomeStatus
from schemas.targets.index import IndexSpec, IndexTool
from schemas.vocabulary import Kind
from tests.support.ci_logs import GIT_HUNG_UP, GREEN, LOGIN_REFUSED
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import COMMIT, SHOP, Job
from tests.support.story import Told, actions_on, begin, seconds_to_detect, steps_done, told_of


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
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["rerun:job"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.source for row in told.final.verification} == {"rest_conclusion", "rest_log", "stream"}
    assert actions_on(flow, job.target)[-1] == "recovery.healed"


HTTPS, SSH = "https://git.example", "ssh://git@git.example"
CLONES = IndexSpec("clones", IndexTool.GIT, "/srv/runner/gitconfig", (HTTPS, SSH), "github", ("acme/api",), ("ask",))
SETTING = f"url {HTTPS} insteadOf"


def break_off_twice(head: str) -> tuple[MemoryFlow, Told]:
    """Let a clone break off and break off again, and be made then by whatever its setting says, at the commit that is named."""
    flow = begin(services=replace(SHOP, indexes=(CLONES,)))
    flow.world.indexes.files["clones"] = SETTING
    job = Job((GIT_HUNG_UP, GIT_HUNG_UP, f"Cloning into 'api'...\nHEAD is now at {head} it\n{GREEN}"))
    flow.world.run_job(job, flow.now, ("failure", "failure", "success"))
    flow.pass_time(32)
    return flow, told_of(flow, job.target)


def test_a_clone_that_breaks_off_twice_is_made_by_the_other_transport_of_the_catalogue() -> None:
    flow, told = break_off_twice(COMMIT[:9])

    assert [(row.attempt, row.strategy) for row in told.decisions] == [(1, "rerun_job"), (2, "mirror_switch")]
    assert told.final.status is OutcomeStatus.HEALED
    assert flow.world.indexes.files["clones"] == SETTING.replace(HTTPS, SSH)
    [said] = [row for row in told.final.verification if row.factor == "log_without_pattern"]
    assert said.detail.endswith(f"HEAD was {COMMIT}")


def test_a_clone_of_another_commit_is_not_believed_and_the_transport_comes_back() -> None:
    flow, told = break_off_twice("d" * 9)

    assert told.final.status is OutcomeStatus.ROLLED_BACK
    assert flow.world.indexes.files["clones"] == SETTING
    assert flow.world.ci.asked == 2


def test_a_remote_that_then_refuses_the_login_is_not_asked_a_third_time() -> None:
    flow = begin()
    job = Job((GIT_HUNG_UP, LOGIN_REFUSED))

    flow.world.run_job(job, flow.now, ("failure", "failure"))
    flow.pass_time(8)

    told = told_of(flow, job.target)
    assert told.final.status is OutcomeStatus.ESCALATED
    assert "auth_credentials" in told.final.reason
    assert flow.world.ci.asked == 1
