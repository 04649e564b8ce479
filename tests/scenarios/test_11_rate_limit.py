"""Row 11: an upstream answers 429 and says until when; what failed by it waits together until then, and nothing is asked or run before."""

from __future__ import annotations

from dataclasses import replace

from schemas.decisions import HealingCommand
from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.storm_world import POLICY, StormWorld, begin_storm, storms_of
from tests.support.story import actions_on, seconds_to_detect, steps_done, told_of

UPSTREAM = "upstream:index"
# One job is enough to wait: an upstream that counts calls is only asked more by another.
WAITS_ALONE = replace(POLICY, storm_repositories=1)
RESET_S = 40.0


def fail(world: StormWorld, jobs: int = 1) -> list[str]:
    """Let the upstream's budget be 0 until its reset, and so many repositories' jobs meet it."""
    world.limit(RESET_S)
    world.after(RESET_S, world.lift)
    return [world.push(f"r{number}") for number in range(jobs)]


def test_one_job_waits_for_the_reset_and_is_then_run_again_once() -> None:
    flow, world = begin_storm(WAITS_ALONE)
    began = flow.now

    [job] = fail(world)
    flow.pass_time(RESET_S - 5)
    assert world.jobs.asked == [], "while the budget is 0 nothing is run again"
    flow.pass_time(60)

    waited = told_of(flow, UPSTREAM)
    assert [row.kind for row in waited.incidents] == [Kind.RATE_LIMITED]
    assert seconds_to_detect(waited) < 10
    assert (waited.final.status, waited.final.strategy) == (OutcomeStatus.HEALED, "await_upstream")
    assert steps_done(waited) == ["await:index"]
    assert len(world.told_to_wait) == 1, "it has said until when, and is not asked before"
    assert {row.factor for row in waited.final.verification} == {"page_answers", "port_answers", "log_silence"}
    assert (waited.final.finished_at - began).total_seconds() >= RESET_S
    told = told_of(flow, job)
    [decision] = told.decisions
    assert (decision.strategy, decision.parent) == ("rerun_job", waited.final.incident_id)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert (told.final.status, world.jobs.asked) == (OutcomeStatus.HEALED, [job])
    assert actions_on(flow, job)[-1] == "recovery.healed"


def test_many_jobs_are_one_wait_and_go_one_after_the_other_when_it_is_over() -> None:
    flow, world = begin_storm()

    jobs = fail(world, jobs=6)
    flow.pass_time(120)

    assert [row.target for row in storms_of(flow)] == [UPSTREAM]
    assert len(world.told_to_wait) == 1, "one for all of them"
    assert sorted(world.jobs.asked) == sorted(jobs)
    assert {told_of(flow, job).final.status for job in jobs} == {OutcomeStatus.HEALED}
    back = told_of(flow, UPSTREAM).final.finished_at
    sent = [row.issued_at for row in flow.of(HealingCommand, "recovery.commands") if row.strategy == "rerun_job"]
    assert all(at >= back for at in sent)
    assert all(sum(0 <= (other - one).total_seconds() < 10 for other in sent) <= 2 for one in sent)


def test_an_upstream_whose_budget_stays_at_0_goes_to_a_person_and_its_jobs_are_left_alone() -> None:
    flow, world = begin_storm(replace(WAITS_ALONE, decision_valid_s=60.0, storm_hold_s=60.0), wait_s=30.0)

    world.limit()
    job = world.push("r0")
    flow.pass_time(100)

    told = told_of(flow, UPSTREAM)
    assert told.final.status is OutcomeStatus.ESCALATED
    assert "no answer: index-page" in told.final.reason
    assert (told_of(flow, job).final.status, world.jobs.asked) == (OutcomeStatus.EXPIRED, [])
