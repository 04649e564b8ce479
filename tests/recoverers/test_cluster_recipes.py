"""What the recipes for Kubernetes refuse, wait for, leave or take back: a cluster in memory, commands carried out by the engine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from recoverers.ports import Call, Found
from schemas.attempts import StepStatus
from schemas.decisions import HealingCommand
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind
from schemas.workloads import PodState
from tests.support.cluster_world import BAD_REF, GOOD_REF, NODE_1, SHOP_DEPLOYMENT, UNPULLED_REF, WEB, stick_pods
from tests.support.fakes import FakeHands
from tests.support.runs import SERVICES, Sandbox, command

Prepare = Callable[[Sandbox], None]
WEB_TARGET = SHOP_DEPLOYMENT.target


def run(strategy: str, target: str, prepare: Prepare) -> tuple[RecoveryOutcome, Sandbox]:
    sandbox = Sandbox.for_recipe(strategy)
    prepare(sandbox)
    return sandbox.run(command(strategy, target), FakeHands()), sandbox


def _pauses(sandbox: Sandbox) -> None:
    sandbox.cluster.workloads[WEB].paused = True


def _is_silent(sandbox: Sandbox) -> None:
    sandbox.cluster.is_silent = True


def _is_gone(sandbox: Sandbox) -> None:
    sandbox.cluster.workloads.clear()
    sandbox.cluster.nodes.clear()


def _is_well(sandbox: Sandbox) -> None:
    sandbox.cluster.place(WEB, GOOD_REF)


def _is_off(sandbox: Sandbox) -> None:
    off = replace(SHOP_DEPLOYMENT, healing=False), replace(NODE_1, healing=False)
    sandbox.services = replace(SERVICES, deployments=(off[0],), nodes=(off[1],))


def _has_no_former(sandbox: Sandbox) -> None:
    sandbox.cluster.workloads[WEB].revisions.pop(GOOD_REF)


def _came_from_elsewhere(sandbox: Sandbox) -> None:
    rows = sandbox.cluster.workloads[WEB].revisions
    rows[GOOD_REF] = replace(rows[GOOD_REF], images=(("app", "elsewhere.example/shop/web:1"),))


def _has_no_good_image(sandbox: Sandbox) -> None:
    sandbox.services = replace(SERVICES, deployments=(replace(SHOP_DEPLOYMENT, image=""),))


def _has_another_container(sandbox: Sandbox) -> None:
    sandbox.services = replace(SERVICES, deployments=(replace(SHOP_DEPLOYMENT, container="other"),))


def _has_no_bounds(sandbox: Sandbox) -> None:
    sandbox.services = replace(SERVICES, deployments=(replace(SHOP_DEPLOYMENT, most_replicas=0),))


def _two_hang(sandbox: Sandbox) -> None:
    stick_pods(sandbox.cluster, 2)


def _four_of_ten_hang(sandbox: Sandbox) -> None:
    sandbox.cluster.workloads[WEB].replicas = 10
    sandbox.cluster.place(WEB, GOOD_REF)
    stick_pods(sandbox.cluster, 4)


def _is_young(sandbox: Sandbox) -> None:
    pods = sandbox.cluster.workloads[WEB].pods
    pods[0] = replace(pods[0], unready_s=10.0)


def _node(**changes: object) -> Prepare:
    def change(sandbox: Sandbox) -> None:
        sandbox.cluster.nodes["node-1"] = replace(sandbox.cluster.nodes["node-1"], **changes)  # type: ignore[arg-type]

    return change


def _pod(**changes: object) -> Prepare:
    def change(sandbox: Sandbox) -> None:
        [pod, bound] = sandbox.cluster.nodes["node-1"].pods
        _node(pods=(replace(pod, **changes), bound))(sandbox)  # type: ignore[arg-type]

    return change


def _other_node_down(sandbox: Sandbox) -> None:
    sandbox.cluster.nodes["node-2"] = replace(sandbox.cluster.nodes["node-2"], ready=False)


REFUSED, HEALTHY = OutcomeStatus.REFUSED, OutcomeStatus.SELF_HEALED
CASES: tuple[tuple[str, Prepare, OutcomeStatus, str], ...] = (
    ("deployment_rollback", _pauses, REFUSED, "rollout_paused"),
    ("deployment_rollback", _is_silent, REFUSED, "cluster_unreachable"),
    ("deployment_rollback", _is_gone, REFUSED, "target_gone"),
    ("deployment_rollback", _is_off, REFUSED, "healing_off"),
    ("deployment_rollback", _is_well, HEALTHY, "already_healthy"),
    ("deployment_rollback", _has_no_former, REFUSED, "plan_out_of_bounds"),
    ("deployment_rollback", _came_from_elsewhere, REFUSED, "plan_out_of_bounds"),
    ("deployment_image", _has_no_good_image, REFUSED, "plan_out_of_bounds"),
    ("deployment_image", _has_another_container, REFUSED, "container_unknown"),
    ("deployment_scale", _has_no_bounds, REFUSED, "no_bounds"),
    ("pod_delete", _two_hang, REFUSED, "too_few_healthy"),
    ("pod_delete", _four_of_ten_hang, REFUSED, "plan_out_of_bounds"),
    ("pod_delete", _is_young, REFUSED, "plan_out_of_bounds"),
    ("node_cordon_drain", _is_silent, REFUSED, "cluster_unreachable"),
    ("node_cordon_drain", _is_gone, REFUSED, "target_gone"),
    ("node_cordon_drain", _is_off, REFUSED, "healing_off"),
    ("node_cordon_drain", _node(holding=("AFineCondition",)), HEALTHY, "already_healthy"),
    ("node_cordon_drain", _node(unschedulable=True, pods=()), HEALTHY, "already_healthy"),
    ("node_cordon_drain", _other_node_down, REFUSED, "too_few_nodes"),
    ("node_cordon_drain", _pod(owner=""), REFUSED, "pod_without_owner"),
    ("node_cordon_drain", _pod(has_local_data=True), REFUSED, "local_data"),
    ("node_cordon_drain", _node(pods=tuple(PodState("a", f"p{n}", f"u{n}", owner="o") for n in range(111))), REFUSED, "plan_out_of_bounds"),
)


@pytest.mark.parametrize(("strategy", "prepare", "status", "reason"), CASES)
def test_what_needs_or_allows_no_healing_is_left_as_it_is(strategy: str, prepare: Prepare, status: OutcomeStatus, reason: str) -> None:
    outcome, sandbox = run(strategy, NODE_1.target if strategy.startswith("node") else WEB_TARGET, prepare)
    assert (outcome.status, outcome.reason) == (status, reason)
    assert not sandbox.cluster.ledger


CHANGES = [("deployment_rollback", BAD_REF), ("deployment_image", UNPULLED_REF), ("deployment_scale", GOOD_REF)]


def _begun(strategy: str, target: str = WEB_TARGET, **changes: object) -> tuple[Sandbox, Call]:
    """Return a world and the only step that a recipe plans in it, read and not yet made."""
    sandbox = Sandbox.for_recipe(strategy)
    order: HealingCommand = command(strategy, target, **changes)
    recipe = sandbox.recipes()[strategy]
    facts = recipe.gather(order)
    steps = recipe.plan(order, facts)
    assert steps
    call = Call(order, facts, steps[-1], "key-1")
    return sandbox, replace(call, pre_image=recipe.pre_image(call))


@pytest.mark.parametrize(("strategy", "image"), CHANGES)
def test_a_deployment_that_somebody_changes_in_the_gap_is_not_changed_over_it(strategy: str, image: str) -> None:
    sandbox, call = _begun(strategy)
    theirs = sandbox.cluster.place(WEB, image)
    theirs.replicas = 5
    before = sandbox.state()

    assert sandbox.recipes()[strategy].act(call).status is StepStatus.FAILED
    assert sandbox.recipes()[strategy].probe(call) is Found.MISSING
    assert sandbox.state() == before


@pytest.mark.parametrize(("strategy", "image"), CHANGES)
def test_what_somebody_has_changed_after_the_act_is_not_taken_back(strategy: str, image: str) -> None:
    sandbox, call = _begun(strategy)
    recipe = sandbox.recipes()[strategy]
    assert recipe.act(call).status is StepStatus.OK
    theirs = sandbox.cluster.place(WEB, f"{image}0")
    theirs.replicas = 5
    before = sandbox.state()

    result = recipe.undo(call)
    assert (result.status, "their change stays" in result.detail) == (StepStatus.FAILED, True)
    assert sandbox.state() == before


@pytest.mark.parametrize("strategy", [row[0] for row in CHANGES] + ["pod_delete"])
def test_a_cluster_that_falls_silent_leaves_a_step_in_doubt_and_is_asked_again(strategy: str) -> None:
    sandbox, call = _begun(strategy)
    recipe = sandbox.recipes()[strategy]
    assert recipe.act(call).status is StepStatus.OK
    sandbox.cluster.is_silent = True
    assert recipe.probe(call) is Found.UNCLEAR
    assert recipe.undo(call).status is (StepStatus.OK if strategy == "pod_delete" else StepStatus.UNCERTAIN)
    assert not recipe.check(call.command, call.facts, "rollout_settled").passed
    sandbox.cluster.is_silent = False
    assert recipe.probe(call) is Found.DONE


@pytest.mark.parametrize(("strategy", "image"), CHANGES[:2])
def test_a_pod_that_is_slow_to_leave_does_not_speak_against_what_was_healed(strategy: str, image: str) -> None:
    sandbox, call = _begun(strategy)
    recipe, workload = sandbox.recipes()[strategy], sandbox.cluster.workloads[WEB]
    slow = replace(workload.pods[0], leaving=True)
    assert recipe.act(call).status is StepStatus.OK
    workload.pods.append(slow)
    assert slow.images == (("app", image),)
    assert [recipe.check(call.command, call.facts, factor).passed for factor in ("pods_ready", "image_is_good")] == [True, True]
    workload.pods.append(replace(slow, leaving=False))
    assert [recipe.check(call.command, call.facts, factor).passed for factor in ("pods_ready", "image_is_good")] == [False, False]


def test_a_service_that_burns_its_budget_gets_half_as_many_again_and_at_most_its_bound() -> None:
    wanted = []
    for replicas in (2, 3, 5, 6):
        sandbox = Sandbox.for_recipe("deployment_scale")
        sandbox.cluster.workloads[WEB].replicas = replicas
        sandbox.cluster.place(WEB, GOOD_REF)
        outcome = sandbox.run(command("deployment_scale", WEB_TARGET, kind=Kind.SLO_BURN), FakeHands())
        wanted.append((sandbox.cluster.workloads[WEB].replicas, outcome.status))
    healed = OutcomeStatus.HEALED
    assert wanted == [(3, healed), (5, healed), (6, healed), (6, REFUSED)]


def test_too_many_replicas_are_brought_back_to_the_most() -> None:
    def is_large(sandbox: Sandbox) -> None:
        sandbox.cluster.workloads[WEB].replicas = 40
        sandbox.cluster.place(WEB, GOOD_REF)

    outcome, sandbox = run("deployment_scale", WEB_TARGET, is_large)
    assert outcome.status is OutcomeStatus.HEALED
    assert sandbox.cluster.workloads[WEB].replicas == 6


def test_a_pod_that_comes_up_by_itself_stays_and_a_share_that_falls_meanwhile_stops_the_act() -> None:
    sandbox, call = _begun("pod_delete")
    recipe, pods = sandbox.recipes()["pod_delete"], sandbox.cluster.workloads[WEB].pods
    stuck = pods[0]
    pods[0] = replace(stuck, ready=True)
    assert recipe.act(call).detail == "it came up by itself: it stays"
    pods[0], pods[1] = stuck, replace(pods[1], ready=False)
    assert recipe.act(call).detail == "too_few_healthy"
    pods[0] = replace(stuck, leaving=True)
    assert recipe.act(call).status is StepStatus.OK
    assert not sandbox.cluster.ledger


def test_a_budget_that_allows_nothing_is_waited_for_and_nothing_is_forced() -> None:
    sandbox, call = _begun("pod_delete")
    sandbox.cluster.budget = 0
    recipe = sandbox.recipes()["pod_delete"]
    assert recipe.act(call).status is StepStatus.PENDING
    assert recipe.probe(call) is Found.MISSING
    sandbox.cluster.budget = 1
    assert recipe.act(call).status is StepStatus.OK
    assert [verb for verb, _ in sandbox.cluster.ledger] == ["evict"]


def test_pods_that_hang_again_end_the_run_without_another_try() -> None:
    def hang_again(sandbox: Sandbox) -> None:
        sandbox.cluster.stays_stuck = True

    outcome, sandbox = run("pod_delete", WEB_TARGET, hang_again)
    assert outcome.status is not OutcomeStatus.HEALED
    assert len(sandbox.cluster.ledger) == 1


def test_a_node_whose_pods_may_not_go_in_time_is_opened_again() -> None:
    def has_no_budget(sandbox: Sandbox) -> None:
        sandbox.cluster.budget = 0

    outcome, sandbox = run("node_cordon_drain", NODE_1.target, has_no_budget)
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert sandbox.cluster.ledger == [("cordon", "node-1"), ("uncordon", "node-1")]


@pytest.mark.parametrize(
    ("ready", "is_unique", "status"),
    [
        pytest.param(False, False, OutcomeStatus.HEALED, id="a silent kubelet: its successor runs elsewhere"),
        pytest.param(False, True, OutcomeStatus.ROLLED_BACK, id="a silent kubelet: no successor before it has ended"),
        pytest.param(True, False, OutcomeStatus.ROLLED_BACK, id="a kubelet that answers says when it has ended"),
    ],
)
def test_a_pod_that_was_told_to_go_is_waited_for_while_that_can_be_known(ready: bool, is_unique: bool, status: OutcomeStatus) -> None:
    def is_slow(sandbox: Sandbox) -> None:
        _pod(leaving=True, is_unique=is_unique)(sandbox)
        _node(ready=ready)(sandbox)

    outcome, sandbox = run("node_cordon_drain", NODE_1.target, is_slow)
    assert outcome.status is status
    assert ("evict", "api-1") not in sandbox.cluster.ledger


def test_a_node_that_is_not_ready_is_emptied_of_what_does_not_end() -> None:
    outcome, sandbox = run("node_cordon_drain", NODE_1.target, _node(ready=False))
    assert outcome.status is OutcomeStatus.HEALED
    assert [pod.leaving for pod in sandbox.cluster.nodes["node-1"].pods] == [False, True]


def test_a_node_that_a_person_opens_while_it_empties_is_left_to_them_and_a_cancel_ends_it() -> None:
    sandbox, call = _begun("node_cordon_drain", NODE_1.target)
    recipe = sandbox.recipes()["node_cordon_drain"]
    sandbox.cluster.budget = 0
    assert recipe.act(replace(call, step="cordon:node-1")).status is StepStatus.OK
    waited = recipe.act(call)
    assert (waited.status, waited.detail.partition(";")[0]) == (StepStatus.PENDING, "1 pods left")
    ended = threading.Event()
    ended.set()
    assert recipe.act(replace(call, cancel=ended)).status is StepStatus.FAILED
    sandbox.cluster.uncordon("node-1", call.key)
    assert recipe.act(replace(call, said=waited.detail)).detail == "somebody has opened it again"
    sandbox.cluster.is_silent = True
    assert recipe.act(call).status is StepStatus.UNCERTAIN
    assert recipe.probe(call) is Found.UNCLEAR
    assert not recipe.check(call.command, call.facts, "node_empty").passed


def test_a_node_that_somebody_else_has_closed_is_emptied_and_stays_closed() -> None:
    def is_closed(sandbox: Sandbox) -> None:
        _node(unschedulable=True)(sandbox)

    outcome, sandbox = run("node_cordon_drain", NODE_1.target, is_closed)
    assert [step.name for step in outcome.steps] == ["drain:node-1"]
    assert outcome.status is OutcomeStatus.HEALED
    recipe = sandbox.recipes()["node_cordon_drain"]
    order = command("node_cordon_drain", NODE_1.target)
    call = Call(order, recipe.gather(order), "cordon:node-1", "another-key", json.dumps({"closed": True, "pods": 0}))
    assert recipe.undo(call).status is StepStatus.OK
    assert sandbox.cluster.nodes["node-1"].unschedulable
