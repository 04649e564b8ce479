"""Row 18: pods crash after a rollout; a young one is rolled back, an old one's pods are restarted; what does not help is redone."""

from __future__ import annotations

from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.cluster_world import BAD_REF, GOOD_REF, SHOP_DEPLOYMENT, WEB, begin_with_cluster
from tests.support.memory_flow import MemoryFlow
from tests.support.story import actions_on, seconds_to_detect, steps_done, told_of

TARGET = SHOP_DEPLOYMENT.target


def fail(flow: MemoryFlow, age_s: float = 60.0) -> None:
    """Let somebody roll out, so many seconds ago, what crashes."""
    flow.world.cluster.place(WEB, BAD_REF).rollout_age_s = age_s


def test_a_young_rollout_whose_pods_crash_is_rolled_back() -> None:
    flow = begin_with_cluster()

    fail(flow)
    flow.pass_time(40)

    told = told_of(flow, TARGET)
    [incident] = told.incidents
    assert incident.kind is Kind.CRASH_LOOP
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("deployment_rollback", 0)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == [f"rollback:{WEB}"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.source for row in told.final.verification} == {"controller", "kubelet", "network", "stream"}
    assert flow.world.cluster.workloads[WEB].image == GOOD_REF
    assert actions_on(flow, TARGET)[-1] == "recovery.healed"


def test_pods_that_crash_long_after_their_rollout_are_restarted_once() -> None:
    flow = begin_with_cluster()
    fail(flow, age_s=3600.0)
    flow.pass_time(40)

    told = told_of(flow, TARGET)
    assert steps_done(told) == [f"restart:{WEB}"]
    assert told.final.status is OutcomeStatus.HEALED
    assert flow.world.cluster.workloads[WEB].image == BAD_REF


def test_a_rollback_after_which_it_does_not_answer_is_redone() -> None:
    flow = begin_with_cluster()
    fail(flow)
    flow.world.health.silent |= {"deployed-tcp"}
    flow.pass_time(200)

    ended = [row for row in told_of(flow, TARGET).outcomes if row.final]
    assert ended[0].status is OutcomeStatus.ROLLED_BACK
    assert [row.name for row in ended[0].rollback] == [f"rollback:{WEB}"]
    assert flow.world.cluster.workloads[WEB].image == BAD_REF
