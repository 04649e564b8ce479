"""Row 32: somebody else pushed first; a bot's commits go on top of theirs and are pushed once more, a person's are left to the person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.adapters.pushes import Pushes
from schemas.decisions import Verdict
from schemas.recoveries import OutcomeStatus
from schemas.targets.push import PushHeads, PushSpec
from schemas.vocabulary import Kind
from tests.support.ci_logs import PUSH_RACE
from tests.support.fake_pushes import BASE, OURS, THEIRS, FakePushes
from tests.support.git_race import Race, race_in
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import SHOP, Job, MemoryWorld
from tests.support.story import actions_on, begin, refused, seconds_to_detect, steps_done, told_of

BOT = "bump"
SPEC = PushSpec("bump", "/srv/git/bump", "/srv/git/api.git", "github", "acme/api", (BOT,))


def begin_racing(spec: PushSpec = SPEC, pushes: FakePushes | Pushes | None = None) -> MemoryFlow:
    """Return a flow whose catalogue knows the bot."""

    def prepare(world: MemoryWorld) -> None:
        world.pushes = pushes or world.pushes  # type: ignore[assignment] # another adapter of the same port

    return begin(services=replace(SHOP, pushes=(spec,)), prepare=prepare)


def fail(flow: MemoryFlow, seed: int = 0, job: str = BOT) -> Job:
    """Let a job's push be overtaken."""
    race = Job((PUSH_RACE,), run_id=str(3200 + seed), name=job)
    flow.world.run_job(race, flow.now, ("failure",))
    return race


def test_a_bots_commits_are_put_on_top_and_pushed_once_more() -> None:
    flow = begin_racing()

    job = fail(flow)
    flow.pass_time(10)

    told = told_of(flow, job.target)
    [incident] = told.incidents
    assert (incident.kind, incident.cause()) == (Kind.SCM_CHECKOUT, "git-push-race")
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("push_rebase", 0)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["rebase:bump", "push:bump"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {(row.factor, row.source) for row in told.final.verification} == {
        ("log_silence", "stream"),
        ("remote_equals", "remote"),
        ("nothing_is_lost", "history"),
    }
    assert flow.world.pushes.remote == (BASE, THEIRS, OURS)
    assert [verb for verb, _ in flow.world.pushes.ledger] == ["rebase", "push"]
    assert flow.world.ci.asked == 0, "to run the job again would push the same commits"
    assert actions_on(flow, job.target)[-1] == "recovery.healed"


def test_a_persons_push_is_refused_and_nothing_is_run_again() -> None:
    flow = begin_racing()

    job = fail(flow, job="release")
    flow.pass_time(10)

    refused(flow, job.target, "push_race: somebody else pushed first")


def test_a_bot_that_loses_a_second_race_is_not_helped_again_and_its_branch_is_reset() -> None:
    flow = begin_racing()
    pushes = flow.world.pushes

    def overtake() -> None:
        pushes.remote = (BASE, THEIRS, "more: another fix")

    pushes.before_push = overtake
    job = fail(flow)
    flow.pass_time(20)

    told = told_of(flow, job.target)
    assert (told.final.status, told.final.final) == (OutcomeStatus.ROLLED_BACK, True)
    assert (pushes.clone, pushes.remote) == ((BASE, OURS), (BASE, THEIRS, "more: another fix"))
    assert [verb for verb, _ in pushes.ledger] == ["rebase", "reset"]

    again = fail(flow, seed=1)
    flow.pass_time(10)

    told = told_of(flow, again.target)
    assert (told.decisions[0].verdict, told.final.status) == (Verdict.ESCALATE, OutcomeStatus.ESCALATED)
    assert told.final.reason.startswith("same_commit: 1 of 1")


def test_changes_of_the_same_lines_are_a_persons_to_join() -> None:
    flow = begin_racing()
    flow.world.pushes.remote = (BASE, "ours: version 3")

    job = fail(flow)
    flow.pass_time(20)

    told = told_of(flow, job.target)
    assert told.final.status is OutcomeStatus.ROLLED_BACK
    assert flow.world.pushes.ledger == []


def test_a_remote_that_takes_the_push_and_does_not_hold_it_gets_the_branch_reset_on_both_sides() -> None:
    flow = begin_racing()
    pushes = flow.world.pushes
    pushes.drops = "theirs"

    job = fail(flow)
    flow.pass_time(10)

    told = told_of(flow, job.target)
    assert told.final.status is OutcomeStatus.ROLLED_BACK
    assert (pushes.clone, pushes.remote) == ((BASE, OURS), (BASE, THEIRS))
    assert [verb for verb, _ in pushes.ledger] == ["rebase", "push", "withdraw", "reset"]
    assert told.final.rollback_s is not None
    assert told.final.rollback_s < 60


def test_what_is_at_the_remote_already_is_no_ones_to_push() -> None:
    flow = begin_racing()
    flow.world.pushes.remote = (BASE, OURS, THEIRS)

    job = fail(flow)
    flow.pass_time(10)

    assert told_of(flow, job.target).final.status is OutcomeStatus.SELF_HEALED
    assert flow.world.pushes.ledger == []


@pytest.fixture
def race(tmp_path: Path) -> Race:
    return race_in(tmp_path, BOT)


def test_in_real_git_the_remote_holds_both_and_the_bots_clone_equals_it(race: Race) -> None:
    flow = begin_racing(race.spec, Pushes())

    job = fail(flow)
    flow.pass_time(10)

    told = told_of(flow, job.target)
    assert told.final.status is OutcomeStatus.HEALED, told.final
    assert {row.source for row in told.final.verification} == {"remote", "history", "stream"}
    log = race.git(race.remote, "log", "--format=%s %an", "main")
    assert log.splitlines() == ["write ours a", "write theirs a", "write shared a"]
    assert race.git(race.clone, "rev-parse", "main") == race.git(race.remote, "rev-parse", "main")


def test_in_real_git_a_conflict_leaves_both_branches_as_they_were(race: Race) -> None:
    race.push("ours", "version 3\n")
    before = Pushes().heads(race.spec)
    flow = begin_racing(race.spec, Pushes())

    job = fail(flow)
    flow.pass_time(10)

    told = told_of(flow, job.target)
    assert told.final.status is OutcomeStatus.ROLLED_BACK
    assert isinstance(before, PushHeads)
    assert Pushes().heads(race.spec) == before
