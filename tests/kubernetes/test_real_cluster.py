"""Recipes over a real Kubernetes API with its own controllers, scheduler and played nodes, by an executor with no more than its rights.

`make test-kubernetes` builds what this runs on; without it these tests say NOT RUN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from lightkube import Client
from lightkube.resources.core_v1 import Node
from typing_extensions import override

from infra.adapters.cluster import Cluster
from infra.adapters.cluster_looks import judge_deployment, judge_node
from infra.broker.server import free_ports
from recoverers.ports import Call, Found
from schemas.attempts import StepStatus
from schemas.events import HealthStatus
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import OutcomeStatus
from schemas.targets.node import NodeSpec
from schemas.workloads import CRASHING, NOT_PULLED, Change, NodeState
from tests.support.cluster_world import BAD_REF, GOOD_REF, UNPULLED_REF
from tests.support.executor_world import wait_for
from tests.support.kubernetes_server import Kubernetes
from tests.support.kubernetes_world import PATIENCE_S, Shop, condition, kill_kubelet, revive_kubelet
from tests.support.runs import command


def seen_by(shop: Shop, kind: ProbeKind) -> HealthStatus:
    return judge_deployment(shop.spec, shop.state(), kind).status


def test_a_rollout_whose_pods_crash_is_rolled_back(shop: Shop) -> None:
    shop.deploy(GOOD_REF)
    good = shop.wait_well()
    shop.deploy(BAD_REF, plays="crash")
    shop.wait_until(lambda state: any(pod.waits_for(CRASHING) for pod in state.pods))
    assert seen_by(shop, ProbeKind.DEPLOYMENT_CRASHES) is HealthStatus.FAIL

    outcome = shop.heal("deployment_rollback")

    assert outcome.status is OutcomeStatus.HEALED, outcome.reason
    assert {row.source for row in outcome.verification} == {"controller", "kubelet"}
    after = shop.wait_well()
    assert (after.template, after.images) == (good.template, good.images)
    assert seen_by(shop, ProbeKind.DEPLOYMENT_CRASHES) is HealthStatus.PASS


def test_a_rollback_that_does_not_help_is_redone_to_the_very_revision(shop: Shop) -> None:
    shop.deploy(GOOD_REF)
    shop.wait_well()
    shop.deploy(BAD_REF, plays="crash")
    bad = shop.wait_until(lambda state: any(pod.waits_for(CRASHING) for pod in state.pods))
    [port] = free_ports(1)
    shop.spec = replace(shop.spec, answers=(ProbeSpec("page", ProbeKind.TCP, f"127.0.0.1:{port}"),))

    outcome = shop.heal("deployment_rollback", verify_within_s=3.0)

    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert [step.name.partition(":")[0] for step in outcome.rollback] == ["rollback"]
    assert shop.state().template == bad.template
    assert dict(shop.state().images) == {"app": BAD_REF}


def test_an_image_that_cannot_be_pulled_is_replaced_by_the_last_good_one(shop: Shop) -> None:
    shop.deploy(GOOD_REF, plays="pull")
    shop.wait_well()
    shop.deploy(UNPULLED_REF, plays="pull")
    shop.wait_until(lambda state: any(pod.waits_for(NOT_PULLED) for pod in state.pods))
    assert seen_by(shop, ProbeKind.DEPLOYMENT_IMAGE) is HealthStatus.FAIL

    outcome = shop.heal("deployment_image")

    assert outcome.status is OutcomeStatus.HEALED, outcome.reason
    assert dict(shop.wait_well().images) == {"app": GOOD_REF}


def test_a_pod_that_is_slow_to_leave_does_not_speak_against_what_was_healed(shop: Shop) -> None:
    shop.deploy(GOOD_REF, plays="pull")
    shop.wait_well()
    shop.deploy(UNPULLED_REF, plays="pull")
    state = shop.wait_until(lambda state: any(pod.waits_for(NOT_PULLED) for pod in state.pods))
    slow = next(pod for pod in state.pods if pod.waits_for(NOT_PULLED))
    shop.hold(slow.name)

    outcome = shop.heal("deployment_image")

    assert outcome.status is OutcomeStatus.HEALED, outcome.reason
    [leaving] = [pod for pod in shop.state().pods if pod.leaving]
    assert (leaving.uid, leaving.images) == (slow.uid, (("app", UNPULLED_REF),))
    assert seen_by(shop, ProbeKind.DEPLOYMENT_IMAGE) is HealthStatus.PASS


def test_replicas_come_back_between_their_bounds(shop: Shop) -> None:
    shop.spec = replace(shop.spec, least_replicas=2, most_replicas=4)
    shop.deploy(GOOD_REF, replicas=6)
    shop.wait_well()
    assert seen_by(shop, ProbeKind.DEPLOYMENT_SCALE) is HealthStatus.FAIL
    assert shop.heal("deployment_scale").status is OutcomeStatus.HEALED
    assert shop.wait_well().replicas == 4

    shop.change(replicas=0)
    shop.wait_well()
    assert shop.heal("deployment_scale").status is OutcomeStatus.HEALED
    assert shop.wait_well().replicas == 2


def test_a_stuck_pod_is_removed_while_enough_others_serve_and_not_otherwise(shop: Shop) -> None:
    # One second is long for a pod that is played.
    shop.spec = replace(shop.spec, stuck_s=1.0)
    shop.deploy(GOOD_REF)
    healthy = shop.wait_well()
    stuck = healthy.pods[0]
    shop.hang(stuck.name)
    shop.wait_until(lambda state: state.ready == 2 and any(pod.is_stuck(1.0) for pod in state.pods))
    assert seen_by(shop, ProbeKind.DEPLOYMENT_PODS) is HealthStatus.FAIL

    outcome = shop.heal("pod_delete")

    assert outcome.status is OutcomeStatus.HEALED, outcome.reason
    after = shop.wait_well()
    assert stuck.uid not in {pod.uid for pod in after.pods}
    assert len({pod.uid for pod in after.pods} & {pod.uid for pod in healthy.pods}) == 2

    for pod in after.pods[:2]:
        shop.hang(pod.name)
    hanging = shop.wait_until(lambda state: state.ready == 1 and sum(pod.is_stuck(1.0) for pod in state.pods) == 2)
    refused = shop.heal("pod_delete")
    assert (refused.status, refused.reason) == (OutcomeStatus.REFUSED, "too_few_healthy")
    assert {pod.uid for pod in shop.state().pods} == {pod.uid for pod in hanging.pods}


def test_a_bad_node_is_closed_and_emptied_within_the_budget_and_its_pods_run_elsewhere(shop: Shop) -> None:
    node = NodeSpec("node-1")
    shop.nodes = (node,)
    shop.deploy_agent()
    shop.deploy_onto("node-1")
    shop.keep(5)
    assert wait_for(lambda: bool(_bound(shop)), PATIENCE_S)
    agents = _bound(shop)
    shop.wait_well()
    before = shop.cluster.node("node-1")
    assert before is not None
    assert before.movable
    condition(shop.admin, "node-1", "KernelDeadlock", "True")
    assert wait_for(lambda: judge_node(node, _node(shop)).status is HealthStatus.FAIL, PATIENCE_S)
    try:
        outcome = shop.heal("node_cordon_drain", node.target)

        assert outcome.status is OutcomeStatus.HEALED, outcome.reason
        assert [step.name for step in outcome.steps] == ["cordon:node-1", "drain:node-1"]
        assert shop.wait_well().ready == 6
        assert _node(shop).movable == ()
        # It belongs to the node, so it stays.
        assert _bound(shop) == agents
        # What is wrong with it is still there, and harms nobody.
        assert judge_node(node, _node(shop)).status is HealthStatus.PASS
    finally:
        condition(shop.admin, "node-1", "KernelDeadlock", "False")
        shop.admin.patch(Node, "node-1", {"spec": {"unschedulable": None}})


def test_a_budget_that_allows_nobody_to_go_leaves_the_node_as_it_was(shop: Shop) -> None:
    node = NodeSpec("node-1")
    shop.nodes = (node,)
    pods = {pod.uid for pod in shop.deploy_onto("node-1").pods}
    shop.keep(6)
    condition(shop.admin, "node-1", "KernelDeadlock", "True")
    assert wait_for(lambda: judge_node(node, _node(shop)).status is HealthStatus.FAIL, PATIENCE_S)
    try:
        outcome = shop.heal("node_cordon_drain", node.target, deadline_s=6.0)

        assert outcome.status is OutcomeStatus.ROLLED_BACK
        assert not _node(shop).unschedulable
        assert {pod.uid for pod in shop.state().pods} == pods
    finally:
        condition(shop.admin, "node-1", "KernelDeadlock", "False")


def test_a_node_whose_kubelet_is_silent_is_out_once_its_pods_run_elsewhere(shop: Shop) -> None:
    node = NodeSpec("node-1")
    shop.nodes = (node,)
    shop.deploy_onto("node-1")
    here = _node(shop).movable
    for pod in here:
        shop.hold(pod.name)
    kill_kubelet(shop.admin, "node-1")
    assert wait_for(lambda: judge_node(node, _node(shop)).status is HealthStatus.FAIL, PATIENCE_S)
    try:
        outcome = shop.heal("node_cordon_drain", node.target)

        assert outcome.status is OutcomeStatus.HEALED, outcome.reason
        # Nobody says that they have ended; others serve in their place.
        assert {(pod.uid, pod.leaving) for pod in _node(shop).pods} == {(pod.uid, True) for pod in here}
        assert shop.wait_until(lambda state: state.settled).ready == 6
        assert judge_node(node, _node(shop)).status is HealthStatus.PASS
    finally:
        revive_kubelet(shop.admin, "node-1")
        shop.admin.patch(Node, "node-1", {"spec": {"unschedulable": None}})
        assert wait_for(lambda: _node(shop).ready, PATIENCE_S)


def _bound(shop: Shop) -> set[str]:
    return {pod.uid for pod in _node(shop).pods if pod.is_bound}


def _node(shop: Shop) -> NodeState:
    found = shop.cluster.node("node-1")
    assert found is not None
    return found


def test_what_somebody_changes_between_diagnosis_and_act_is_not_changed_over_it(shop: Shop) -> None:
    shop.deploy(GOOD_REF)
    shop.wait_well()
    shop.deploy(BAD_REF, plays="crash")
    shop.wait_until(lambda state: any(pod.waits_for(CRASHING) for pod in state.pods))
    recipe, order = shop.recipe("deployment_rollback"), command("deployment_rollback", shop.spec.target)
    facts = recipe.gather(order)
    [step] = recipe.plan(order, facts) or ()
    call = Call(order, facts, step, "key-1")

    shop.change(replicas=5)

    result = recipe.act(replace(call, pre_image=recipe.pre_image(call)))
    assert (result.status, result.detail) == (StepStatus.FAILED, "it changed between diagnosis and act")
    assert recipe.probe(call) is Found.MISSING
    assert dict(shop.state().images) == {"app": BAD_REF}


class Meddled(Client):
    """A client beside which somebody writes, once, just after it has read the Deployment."""

    def __init__(self, server: Kubernetes, meddle: Callable[[], None]) -> None:
        super().__init__(config=server.config("healstream-executor").get(), trust_env=False)
        self._waiting = [meddle]

    @override
    def get(self, *words: Any, **named: Any) -> Any:
        found = super().get(*words, **named)
        while self._waiting:
            self._waiting.pop()()
        return found


@pytest.mark.parametrize("is_wanted", [True, False], ids=["what is wanted", "only its status"])
@pytest.mark.parametrize("verb", ["scale", "roll_to"])
def test_a_write_on_a_version_that_is_no_more_is_refused_by_the_server_itself(shop: Shop, verb: str, is_wanted: bool) -> None:
    shop.deploy(GOOD_REF)
    first = shop.wait_well()
    shop.deploy(BAD_REF)
    before = shop.wait_well()
    client = Meddled(shop.server, (lambda: shop.change(replicas=5)) if is_wanted else shop.touch_status)
    adapter, change = Cluster(lambda: client), Change("key-1", before.generation)

    result = adapter.scale(shop.spec, 1, change) if verb == "scale" else adapter.roll_to(shop.spec, first.template, change)

    if is_wanted:
        assert (result.status, result.detail) == (StepStatus.FAILED, "it changed between diagnosis and act")
        assert (shop.state().replicas, dict(shop.state().images)) == (5, {"app": BAD_REF})
    else:
        assert result.status is StepStatus.OK
        assert shop.state().changed_by == "key-1"
