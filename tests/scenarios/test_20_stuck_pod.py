"""Row 20: pods hang and replicas are missing; they are removed within the disruption budget, while enough others serve."""

from __future__ import annotations

from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.cluster_world import SHOP_DEPLOYMENT, WEB, begin_with_cluster, stick_pods
from tests.support.story import steps_done, told_of, untouched

TARGET = SHOP_DEPLOYMENT.target


def test_a_stuck_pod_is_removed_and_another_comes_up() -> None:
    flow = begin_with_cluster()
    [stuck, *others] = [pod.name for pod in flow.world.cluster.workloads[WEB].pods]

    stick_pods(flow.world.cluster)
    flow.pass_time(40)

    told = told_of(flow, TARGET)
    assert [row.kind for row in told.incidents] == [Kind.SERVICE_DEGRADED]
    assert [row.strategy for row in told.decisions] == ["pod_delete"]
    assert steps_done(told) == [f"delete:{stuck}"]
    assert told.final.status is OutcomeStatus.HEALED
    pods = flow.world.cluster.workloads[WEB].pods
    assert [pod.ready for pod in pods] == [True] * 3
    assert {pod.name for pod in pods} > set(others)


def test_below_the_least_healthy_share_nothing_is_removed() -> None:
    flow = begin_with_cluster()

    stick_pods(flow.world.cluster, 2)
    flow.pass_time(40)

    told = told_of(flow, TARGET)
    assert (told.final.status, told.final.reason) == (OutcomeStatus.REFUSED, "too_few_healthy")
    assert untouched(flow)
