"""Row 5: a lock file is out of step; after a yes it is written anew on a branch, tried and proposed; the main branch is never written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.decisions import HealingCommand, Mode
from schemas.events import Origin, Provenance, Trust
from schemas.oversight import Approval, Control
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.signing import sign
from schemas.targets.lockfile import LockfileSpec, LockTool
from schemas.vocabulary import Kind
from tests.support.fake_lockfiles import BASE, WRITTEN
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import SHOP, Job
from tests.support.story import KEYS, actions_on, begin, seconds_to_detect, steps_done, told_of, untouched

LOCK = LockfileSpec("api", "/srv/git/api", LockTool.NPM, "package.json", "package-lock.json", "github", "acme/api")
OUT_OF_STEP = (
    "npm error code EUSAGE\n"
    "npm error `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync. "
    "Please update your lock file with `npm install` before continuing.\n"
    "npm error Missing: left-pad@1.3.0 from lock file\n"
    "##[error]Process completed with exit code 1.\n"
)
JOB = Job((OUT_OF_STEP,))


def failed(job: Job = JOB, lock: LockfileSpec = LOCK) -> MemoryFlow:
    """Return a flow in which the job has failed on a lock file out of step, and the plan waits for a yes."""
    flow = begin(services=replace(SHOP, lockfiles=(lock,)))
    flow.world.run_job(job, flow.now, ("failure",))
    flow.pass_time(5)
    return flow


def steps_shown(flow: MemoryFlow) -> list[str]:
    """Return the steps of the plan that waits for a yes."""
    [planned] = [row for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.status is OutcomeStatus.PLANNED]
    assert planned.plan is not None
    return list(planned.plan.steps)


def approve(flow: MemoryFlow) -> HealingCommand:
    [plan] = [row for row in flow.of(HealingCommand, "recovery.commands") if row.mode is Mode.PLAN]
    yes = Approval(plan.plan_hash, True, flow.now + timedelta(hours=1), "nonce-1")
    flow.send(sign(Control(f"approval/{plan.decision_id}/anton", "anton", flow.now, approval=yes), KEYS["anton"]))
    flow.pass_time(10)
    return plan


def test_after_a_yes_the_lock_file_is_written_on_a_branch_tried_and_proposed() -> None:
    flow = failed()

    assert steps_shown(flow) == ["branch:api", "regenerate:api", "try:api", "propose:api"]
    assert untouched(flow)
    plan = approve(flow)

    told = told_of(flow, JOB.target)
    [incident] = told.incidents
    assert (incident.kind, incident.confidence >= 0.9) == (Kind.LOCKFILE_MISMATCH, True)
    assert seconds_to_detect(told) < 5
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required, decision.tier) == ("lockfile_repair", 1, "high")
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    [run] = [row for row in told.commands if row.mode is Mode.RUN]
    assert ([row.person for row in run.approvals], run.plan_hash) == (["anton"], plan.plan_hash)
    assert steps_done(told) == ["branch:api", "regenerate:api", "try:api", "propose:api"]
    assert [row[0] for row in flow.world.packages.ledger] == ["branch", "regenerate"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {(row.factor, row.source) for row in told.final.verification if row.passed} == {
        ("lock_in_step", "tool"),
        ("clean_install_passes", "sandbox"),
        ("log_silence", "stream"),
    }
    [branch] = flow.world.proposals.waiting
    assert flow.world.packages.branches == {"main": BASE, branch: WRITTEN}
    assert branch.startswith("healstream/")
    assert flow.world.ci.asked == 0
    assert actions_on(flow, JOB.target)[-1] == "recovery.healed"


def test_what_does_not_hold_leaves_no_branch_and_no_pull_request() -> None:
    flow = failed()
    flow.world.proposals.refuses = True
    approve(flow)

    assert told_of(flow, JOB.target).final.status is OutcomeStatus.ROLLED_BACK
    assert flow.world.packages.branches == {"main": BASE}
    assert flow.world.proposals.waiting == {}


@pytest.mark.parametrize(
    ("job", "lock"),
    [
        (replace(JOB, provenance=Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK, "stranger"), trigger="pull_request"), LOCK),
        (JOB, replace(LOCK, project="acme/other")),
        (JOB, replace(LOCK, healing=False)),
    ],
    ids=["a fork's job", "a project that the catalogue does not know", "a repository that is off limits"],
)
def test_what_may_not_be_healed_is_not_touched(job: Job, lock: LockfileSpec) -> None:
    flow = failed(job, lock)
    flow.pass_time(5)

    told = told_of(flow, job.target)
    assert told.final.status in {OutcomeStatus.REFUSED, OutcomeStatus.ESCALATED}
    assert untouched(flow)


def test_a_lock_file_that_is_looked_at_needs_no_failed_job() -> None:
    lock = replace(LOCK, every_s=1.0)
    flow = begin(services=replace(SHOP, lockfiles=(lock,)), prepare=lambda world: world.packages.fits.add(BASE))

    flow.world.packages.fits.discard(BASE)
    flow.pass_time(5)
    approve(flow)

    assert told_of(flow, lock.target).final.status is OutcomeStatus.HEALED
    [branch] = flow.world.proposals.waiting
    assert flow.world.packages.branches == {"main": BASE, branch: WRITTEN}
