"""The same checks for the fake cluster, for the adapter over a small server, and over a real control plane where one is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from infra.adapters.cluster import Cluster
from recoverers.cluster_port import ClusterPort
from schemas.attempts import StepStatus
from schemas.targets.deployment import DeploymentSpec
from schemas.workloads import Change, DeploymentState
from tests.support.cluster_world import BAD_REF, GOOD_REF, UNPULLED_REF, well_cluster
from tests.support.executor_world import wait_for
from tests.support.fake_api import serve
from tests.support.fake_cluster import FakeCluster
from tests.support.kubernetes_server import Kubernetes, kubernetes
from tests.support.kubernetes_world import PATIENCE_S, Shop, add_node

WEB = DeploymentSpec("shop", "web", container="app", image=GOOD_REF)


@dataclass
class ClusterCase:
    """A port, what it speaks of, and how people deploy an image, delete the Deployment, or give it budgets: none may go, or two of them."""

    port: ClusterPort
    spec: DeploymentSpec
    node: str
    deploy: Callable[[str], object]
    allow_none_to_go: Callable[[], None]
    delete: Callable[[], object]
    budget_twice: Callable[[], None]

    def state(self) -> DeploymentState:
        found = self.port.deployment(self.spec)
        assert found is not None
        return found

    def settled(self) -> DeploymentState:
        """Return the state once its controllers have done their work."""
        assert wait_for(lambda: self.state().settled and len(self.state().pods) == self.state().replicas, PATIENCE_S)
        return self.state()

    def change(self, key: str) -> Change:
        return Change(key, self.state().generation)


def _no_budget(cluster: FakeCluster) -> None:
    cluster.budget = 0


def _budget_twice(cluster: FakeCluster) -> None:
    cluster.has_two_budgets = True


def _delete(cluster: FakeCluster) -> None:
    cluster.workloads["shop/web"].leaving = True


def _fake_case(port: ClusterPort, cluster: FakeCluster) -> ClusterCase:
    return ClusterCase(
        port,
        WEB,
        "node-1",
        lambda image: cluster.place("shop/web", image),
        lambda: _no_budget(cluster),
        lambda: _delete(cluster),
        lambda: _budget_twice(cluster),
    )


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Kubernetes]]:
    """Yield how to have the one control plane of these tests: started when it is first asked for."""
    with ExitStack() as stack:
        made: list[Kubernetes] = []

        def have() -> Kubernetes:
            if not made:
                made.append(stack.enter_context(kubernetes(tmp_path_factory.mktemp("kubernetes"))))
            return made[0]

        yield have


@pytest.fixture(params=["fake", "small server", "real"])
def case(request: pytest.FixtureRequest, control_plane: Callable[[], Kubernetes]) -> Iterator[ClusterCase]:
    cluster = well_cluster()
    cluster.workloads.clear()
    if request.param == "fake":
        yield _fake_case(cluster, cluster)
    elif request.param == "small server":
        with serve(cluster) as api:
            client = api.client()
            yield _fake_case(Cluster(lambda: client), cluster)
    else:
        shop = Shop(control_plane())
        node = f"node-{uuid4().hex[:8]}"
        add_node(shop.admin, node)
        yield ClusterCase(
            Cluster(lambda: shop.admin), shop.spec, node, shop.deploy, lambda: shop.keep(3), shop.begin_to_delete, shop.keep_twice
        )


def test_a_deployment_is_seen_with_its_revision_and_its_pods(case: ClusterCase) -> None:
    missing = case.port.deployment(DeploymentSpec(case.spec.namespace, "nothing"))
    assert missing == DeploymentState(exists=False)
    case.deploy(GOOD_REF)
    state = case.settled()
    assert (state.exists, state.replicas, state.ready, state.paused, state.changed_by) == (True, 3, 3, False, "")
    assert dict(state.images) == {"app": GOOD_REF}
    assert [row.template for row in state.revisions] == [state.template]
    assert {(pod.template, pod.ready, bool(pod.owner), pod.is_bound, pod.images) for pod in state.pods} == {
        (state.template, True, True, False, (("app", GOOD_REF),))
    }


def test_a_change_is_made_once_for_its_key_and_only_on_what_was_seen(case: ClusterCase) -> None:
    case.deploy(GOOD_REF)
    case.settled()
    seen = case.change("k1")
    assert case.port.scale(case.spec, 2, seen).status is StepStatus.OK
    after = case.settled()
    assert (after.replicas, after.ready, after.changed_by) == (2, 2, "k1")
    assert case.port.scale(case.spec, 2, seen).status is StepStatus.OK
    assert case.settled().generation == after.generation

    late = case.port.scale(case.spec, 5, Change("k2", seen.generation))
    assert (late.status, late.detail) == (StepStatus.FAILED, "it changed between diagnosis and act")
    assert case.state().replicas == 2


def test_a_former_revision_is_rolled_out_and_the_other_one_again(case: ClusterCase) -> None:
    case.deploy(GOOD_REF)
    first = case.settled()
    case.deploy(BAD_REF.replace("b", "d"))
    second = case.settled()
    assert second.template != first.template

    assert case.port.roll_to(case.spec, first.template, case.change("k1")).status is StepStatus.OK
    back = case.settled()
    assert (back.template, back.images, {pod.template for pod in back.pods}) == (first.template, first.images, {first.template})
    assert case.port.roll_to(case.spec, second.template, case.change("k1/undo")).status is StepStatus.OK
    assert case.settled().template == second.template
    assert case.port.roll_to(case.spec, "nothing", case.change("k3")).status is StepStatus.FAILED


def test_a_restart_makes_the_pods_anew_and_wants_the_same(case: ClusterCase) -> None:
    case.deploy(GOOD_REF)
    before = case.settled()
    assert case.port.restart(case.spec, case.change("k1")).status is StepStatus.OK
    after = case.settled()
    assert (after.images, after.replicas) == (before.images, before.replicas)
    assert not {pod.uid for pod in after.pods} & {pod.uid for pod in before.pods}


def test_an_image_is_swapped_and_back_to_the_very_revision(case: ClusterCase) -> None:
    case.deploy(GOOD_REF)
    before = case.settled()
    assert case.port.set_image(case.spec, UNPULLED_REF.replace("c", "e"), case.change("k1")).status is StepStatus.OK
    assert case.settled().template != before.template
    assert case.port.set_image(case.spec, GOOD_REF, case.change("k1/undo")).status is StepStatus.OK
    assert case.settled().template == before.template


def test_an_image_that_is_set_after_a_restart_keeps_what_the_restart_has_written(case: ClusterCase) -> None:
    case.deploy(GOOD_REF)
    case.settled()
    assert case.port.restart(case.spec, case.change("k1")).status is StepStatus.OK
    restarted = case.settled()
    other = UNPULLED_REF.replace("c", "e")
    assert case.port.set_image(case.spec, other, case.change("k2")).status is StepStatus.OK
    swapped = case.settled()
    assert case.port.set_image(case.spec, GOOD_REF, case.change("k2/undo")).status is StepStatus.OK
    assert case.settled().template == restarted.template
    case.deploy(other)
    assert case.settled().template == swapped.template


def test_a_pod_is_told_to_go_by_its_uid_and_within_its_budget(case: ClusterCase) -> None:
    case.deploy(GOOD_REF)
    pod = case.settled().pods[0]
    assert case.port.evict(pod).status is StepStatus.OK
    assert wait_for(lambda: all(row.uid != pod.uid for row in case.state().pods), PATIENCE_S)
    others = case.settled()
    assert case.port.evict(pod).status is StepStatus.OK
    assert case.state().pods == others.pods

    case.allow_none_to_go()
    assert case.port.evict(others.pods[0]).status is StepStatus.PENDING
    assert {row.uid for row in case.state().pods} == {row.uid for row in others.pods}


def test_a_pod_of_the_same_name_and_one_under_two_budgets_are_not_told_to_go(case: ClusterCase) -> None:
    case.deploy(GOOD_REF)
    before = case.settled()
    pod = before.pods[0]
    assert case.port.evict(replace(pod, uid="of-one-that-has-gone")).status is StepStatus.PENDING
    case.budget_twice()
    result = case.port.evict(pod)
    assert (result.status, "more than one disruption budget" in result.detail) == (StepStatus.FAILED, True)
    assert {row.uid for row in case.state().pods} == {row.uid for row in before.pods}


def test_a_node_is_closed_and_opened_by_the_same_key_only(case: ClusterCase) -> None:
    def closed() -> tuple[bool, str]:
        node = case.port.node(case.node)
        assert node is not None
        return node.unschedulable, node.changed_by

    assert wait_for(lambda: bool((found := case.port.node(case.node)) and found.ready), PATIENCE_S)
    assert case.port.cordon(case.node, "k1").status is StepStatus.OK
    assert case.port.cordon(case.node, "k2").status is StepStatus.OK
    assert closed() == (True, "k1")
    assert case.port.uncordon(case.node, "k2").status is StepStatus.OK
    assert closed() == (True, "k1")
    assert case.port.uncordon(case.node, "k1").status is StepStatus.OK
    assert closed() == (False, "")


def test_a_deployment_that_is_being_deleted_is_gone_and_is_not_changed(case: ClusterCase) -> None:
    case.deploy(GOOD_REF)
    state = case.settled()
    case.delete()
    assert case.state() == DeploymentState(exists=False)
    for generation in (state.generation, state.generation + 1):
        assert case.port.scale(case.spec, 5, Change("k1", generation)).status is StepStatus.FAILED


def test_what_is_not_there_cannot_be_changed(case: ClusterCase) -> None:
    nothing = DeploymentSpec(case.spec.namespace, "nothing", container="app")
    change = Change("k1", 1)
    asked = [
        case.port.scale(nothing, 2, change),
        case.port.restart(nothing, change),
        case.port.set_image(nothing, GOOD_REF, change),
        case.port.roll_to(nothing, "x", change),
        case.port.cordon("no-node", "k1"),
        case.port.uncordon("no-node", "k1"),
    ]
    assert {row.status for row in asked} == {StepStatus.FAILED}
    found = case.port.node("no-node")
    assert found is not None
    assert not found.exists
