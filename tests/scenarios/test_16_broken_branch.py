"""Row 16: two commits in a row are red after a green one; the first is run again, and if it stays red its revert is proposed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from typing_extensions import override

from schemas.attempts import StepResult
from schemas.decisions import Mode
from schemas.incidents import Incident
from schemas.oversight import RolloutLevel
from schemas.policy import Policy, StrategyPolicy
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.targets.spec import Proposed
from schemas.targets.trunk import TrunkSpec
from schemas.vocabulary import Kind
from tests.support.ci_logs import COMPILER, GREEN
from tests.support.fake_lockfiles import FakeProposals
from tests.support.fake_trunks import FakeTrunks, back
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import COMMIT, SHOP, Job, MemoryWorld
from tests.support.story import AUTOMATIC, actions_on, approve_plan, begin, steps_done, told_of, untouched

OLDER, NEWER = "a" * 40, "d" * 40
TRUNK = TrunkSpec("api", "/srv/git/api", "github", "acme/api", ("build",), ("test",))
GREEN_JOB, BROKEN, NEXT = (
    Job((log,), run, commit=commit) for log, run, commit in ((GREEN, "160", OLDER), (COMPILER, "161", COMMIT), (COMPILER, "162", NEWER))
)
REVERT, LAND = f"healstream/revert-{COMMIT[:12]}", f"healstream/reland-{COMMIT[:12]}"


@dataclass
class MergedAtOnce(FakeProposals):
    """People who merge a revert in the moment in which it is proposed."""

    trunks: FakeTrunks | None = None

    @override
    def open_pull_request(self, spec: Proposed, branch: str, title: str, body: str) -> StepResult:
        if self.trunks and branch == REVERT:
            self.trunks.branches["main"] = self.trunks.branches[branch]
            return super().open_pull_request(spec, f"{branch} (merged)", title, body)
        return super().open_pull_request(spec, branch, title, body)


def begin_green(policy: Policy | None = None, after: str = "success", *, merged: bool = False) -> MemoryFlow:
    """Return a flow in which one commit of the branch was green; ``after`` is how the job ends on the revert of the next."""

    def ready(world: MemoryWorld) -> None:
        tests = dict.fromkeys((OLDER, COMMIT, NEWER), frozenset({"test"}))
        world.trunks = FakeTrunks(tests, parents={NEWER: COMMIT, COMMIT: OLDER}, branches={"main": NEWER})
        world.proposals = MergedAtOnce(trunks=world.trunks if merged else None)
        world.ci.checks = {OLDER: "success", COMMIT: "failure", NEWER: "failure", back(COMMIT): after}

    flow = begin(policy, services=replace(SHOP, trunks=(TRUNK,)), prepare=ready)
    flow.world.run_job(GREEN_JOB, flow.now, ("success",))
    flow.pass_time(2)
    return flow


def fail(flow: MemoryFlow, retry: str = "failure") -> None:
    """Let the next commit be red; ``retry`` is how its job ends when it is run again."""
    flow.world.run_job(BROKEN, flow.now, ("failure", retry))


def fail_on(flow: MemoryFlow) -> None:
    """Let the commit after it be red too; what is run again goes on to be the job of the first."""
    ci = flow.world.ci
    again = ci.on_rerun
    flow.world.run_job(NEXT, flow.now, ("failure",))
    ci.on_rerun, ci.conclusions, ci.commits = again, ["failure"], (COMMIT,)


def broken(policy: Policy | None = None, retry: str = "failure", after: str = "success", *, merged: bool = False) -> MemoryFlow:
    """Return a flow in which one commit was green and the next two are red; what is known of them outlives a restart."""
    flow = begin_green(policy, after, merged=merged)
    fail(flow, retry)
    flow.pass_time(2)
    flow.restart("classify")
    fail_on(flow)
    flow.pass_time(4)
    return flow


def final(flow: MemoryFlow) -> RecoveryOutcome:
    """Return how the incident of the broken branch ended."""
    [found] = [row for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.final and row.kind is Kind.BRANCH_BROKEN]
    return found


def test_after_a_yes_the_first_red_commit_is_run_again_and_its_revert_proposed_and_never_made() -> None:
    flow = broken()
    [incident] = [row for row in flow.of(Incident, "heal.incidents") if row.kind is Kind.BRANCH_BROKEN]
    assert (incident.target, incident.run and incident.run.commit) == (BROKEN.target, COMMIT)
    assert (incident.detected_at - incident.opened_at).total_seconds() < 5
    assert untouched(flow), "nothing before the yes"

    approve_plan(flow)
    flow.pass_time(12)

    told = told_of(flow, BROKEN.target)
    assert [row.kind for row in told.incidents] == [Kind.COMPILE_ERROR, Kind.BRANCH_BROKEN]
    decision = told.decisions[1]
    assert (decision.strategy, decision.approvals_required, decision.tier) == ("commit_revert", 1, "high")
    [run] = [row for row in told.commands if row.mode is Mode.RUN]
    assert [row.person for row in run.approvals] == ["anton"]
    assert steps_done(told) == ["retry:api", "revert:api", "propose:api"]
    assert flow.world.ci.asked == 1
    assert final(flow).status is OutcomeStatus.HEALED
    assert {(row.factor, row.source) for row in final(flow).verification if row.passed} == {
        ("signal_green", "rest_check"),
        ("tests_pass", "sandbox"),
        ("log_silence", "stream"),
    }
    assert list(flow.world.proposals.waiting) == [REVERT]
    assert flow.world.trunks.branches == {"main": NEWER, REVERT: back(COMMIT)}, "people merge it"
    assert actions_on(flow, BROKEN.target)[-1] == "recovery.healed"


def test_in_shadow_it_is_only_said_what_would_be_proposed() -> None:
    shadow = tuple(replace(row, level=RolloutLevel.SHADOW) if row.strategy == "commit_revert" else row for row in AUTOMATIC)
    flow = broken(Policy(strategies=shadow))
    flow.pass_time(4)

    told = told_of(flow, BROKEN.target)
    assert told.decisions[1].dry_run
    assert StrategyPolicy("commit_revert").level is RolloutLevel.OBSERVE, "and out of the box not even that"
    plans = [row.plan for row in told.outcomes if row.plan]
    assert [plan.steps for plan in plans] == [("retry:api", "revert:api", "propose:api")]
    assert untouched(flow)


def test_what_is_green_when_it_is_run_again_is_not_reverted() -> None:
    flow = broken(retry="success")
    approve_plan(flow)
    flow.pass_time(12)

    assert final(flow).status is OutcomeStatus.ROLLED_BACK
    assert (flow.world.proposals.waiting, flow.world.trunks.branches) == ({}, {"main": NEWER})


def test_a_revert_that_leaves_the_job_red_is_closed_and_its_branch_dropped() -> None:
    flow = broken(after="failure")
    approve_plan(flow)
    flow.pass_time(12)

    assert final(flow).status is OutcomeStatus.ROLLED_BACK
    assert (flow.world.proposals.waiting, flow.world.trunks.branches) == ({}, {"main": NEWER})


def test_a_revert_that_was_merged_and_leaves_the_job_red_is_proposed_to_be_landed_again() -> None:
    flow = broken(after="failure", merged=True)
    approve_plan(flow)
    flow.pass_time(12)

    assert final(flow).status is OutcomeStatus.ROLLED_BACK
    assert LAND in flow.world.proposals.waiting
    assert flow.world.trunks.branches == {"main": back(COMMIT), LAND: back(back(COMMIT))}
