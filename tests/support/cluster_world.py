"""A cluster of one Deployment and three nodes in memory, and how each recipe finds it broken."""

from __future__ import annotations

from dataclasses import replace

from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Services
from schemas.targets.deployment import DeploymentSpec
from schemas.targets.node import NodeSpec
from schemas.workloads import NodeState, PodState
from tests.support.fake_cluster import FakeCluster
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import MemoryWorld
from tests.support.story import begin

_REPOSITORY = "registry.example/shop/web"
GOOD_REF, BAD_REF, UNPULLED_REF = (f"{_REPOSITORY}@sha256:{letter * 64}" for letter in "abc")
WEB = "shop/web"
SHOP_DEPLOYMENT = DeploymentSpec(
    "shop", "web", "shop", "app", GOOD_REF, (_REPOSITORY,), 1, 6, answers=(ProbeSpec("deployed-tcp", ProbeKind.TCP, "web"),), every_s=1.0
)
NODE_1 = NodeSpec("node-1", every_s=1.0)


def well_cluster() -> FakeCluster:
    """Return a cluster that is well: three pods of the good image, three nodes that serve."""
    cluster = FakeCluster(waits={BAD_REF: "CrashLoopBackOff", UNPULLED_REF: "ImagePullBackOff"})
    cluster.place(WEB, GOOD_REF)
    for number in (1, 2, 3):
        pods = (_pod_on(number, "api"), _pod_on(number, "agent", is_bound=True))
        cluster.nodes[f"node-{number}"] = NodeState(exists=True, ready=True, pods=pods)
    return cluster


def break_node(cluster: FakeCluster, condition: str = "KernelDeadlock") -> None:
    """Let one node come into a condition that it should not serve in."""
    cluster.nodes["node-1"] = replace(cluster.nodes["node-1"], holding=(condition,))


def stick_pods(cluster: FakeCluster, count: int = 1) -> None:
    """Let some pods hang for ten minutes."""
    pods = cluster.workloads[WEB].pods
    pods[:count] = [replace(pod, ready=False, unready_s=600.0) for pod in pods[:count]]


def cluster_for(strategy: str) -> FakeCluster:
    """Return a cluster in which the recipe has something to heal."""
    cluster = well_cluster()
    if strategy in {"deployment_rollback", "deployment_image"}:
        cluster.place(WEB, BAD_REF if strategy == "deployment_rollback" else UNPULLED_REF)
    if strategy == "deployment_scale":
        cluster.workloads[WEB].replicas = 0
        cluster.workloads[WEB].pods.clear()
    if strategy == "pod_delete":
        stick_pods(cluster)
    if strategy == "node_cordon_drain":
        break_node(cluster)
    return cluster


def begin_with_cluster() -> MemoryFlow:
    """Return a flow whose cluster is well."""

    def place(world: MemoryWorld) -> None:
        world.cluster = well_cluster()

    return begin(services=Services(deployments=(SHOP_DEPLOYMENT,), nodes=(NODE_1,)), prepare=place)


def cluster_state(cluster: FakeCluster) -> tuple[object, ...]:
    """Return what is wanted of the cluster, and what runs where."""
    workloads = tuple((key, row.replicas, row.template, tuple(pod.ready for pod in row.pods)) for key, row in cluster.workloads.items())
    nodes = tuple((name, row.unschedulable, tuple(pod.uid for pod in row.pods)) for name, row in cluster.nodes.items())
    return workloads, nodes


def _pod_on(number: int, name: str, *, is_bound: bool = False) -> PodState:
    return PodState("shop", f"{name}-{number}", f"{name}-uid-{number}", ready=True, owner=f"{name}-set", is_bound=is_bound)
