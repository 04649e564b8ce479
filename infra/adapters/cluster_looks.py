"""What one look at a Deployment or a node says. Called by ``probes``."""

from __future__ import annotations

from infra.adapters.cluster import Cluster
from infra.adapters.look import Look
from schemas.events import HealthStatus
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Services
from schemas.targets.deployment import DeploymentSpec
from schemas.targets.node import NodeSpec
from schemas.targets.spec import spec_for
from schemas.workloads import CRASHING, NOT_PULLED, DeploymentState, NodeState, PodState

IN_CLUSTER = frozenset(
    {
        *(ProbeKind.DEPLOYMENT_CRASHES, ProbeKind.DEPLOYMENT_IMAGE, ProbeKind.DEPLOYMENT_PODS, ProbeKind.DEPLOYMENT_SCALE),
        ProbeKind.NODE_CONDITION,
    }
)
# A cluster that is silent says nothing of what it runs: somebody has to look, nothing is to be changed.
_SILENT = Look(HealthStatus.DEGRADED, "the cluster does not answer")


def look_in_cluster(cluster: Cluster, services: Services, probe: ProbeSpec) -> Look:
    """Look once at the Deployment or the node that the probe's address names."""
    node = spec_for(probe.address, services.nodes)
    if node:
        found = cluster.node(node.name)
        return judge_node(node, found) if found else _SILENT
    spec = spec_for(probe.address, services.deployments)
    if spec is None:
        return Look(HealthStatus.FAIL, f"the catalogue has neither a deployment nor a node {probe.address!r}")
    state = cluster.deployment(spec)
    return judge_deployment(spec, state, probe.kind) if state else _SILENT


def judge_deployment(spec: DeploymentSpec, state: DeploymentState, kind: ProbeKind) -> Look:
    """Return what one look says: that its pods do not crash, that their image comes, that none is stuck, or that its bounds hold."""
    if not state.exists:
        status = HealthStatus.FAIL if kind is ProbeKind.DEPLOYMENT_PODS else HealthStatus.PASS
        return Look(status, "there is no such deployment")
    if kind is ProbeKind.DEPLOYMENT_SCALE:
        is_within = spec.least_replicas <= state.replicas <= spec.most_replicas
        said = f"{state.replicas} wanted, the bounds are {spec.least_replicas} to {spec.most_replicas}"
        return Look(HealthStatus.PASS if is_within else HealthStatus.FAIL, said)
    found = [pod for pod in state.pods if _fails(spec, pod, kind)]
    return (
        Look(HealthStatus.FAIL, f"{len(found)} of {len(state.pods)} pods, the first is {found[0].name}")
        if found
        else Look(HealthStatus.PASS)
    )


def _fails(spec: DeploymentSpec, pod: PodState, kind: ProbeKind) -> bool:
    if kind is ProbeKind.DEPLOYMENT_CRASHES:
        return pod.waits_for(CRASHING)
    if kind is ProbeKind.DEPLOYMENT_IMAGE:
        return pod.waits_for(NOT_PULLED)
    # What has a name of its own is not called stuck.
    return pod.is_stuck(spec.stuck_s) and not pod.waits_for(CRASHING | NOT_PULLED)


def judge_node(spec: NodeSpec, state: NodeState) -> Look:
    """Return what one look says: that it serves, or has been taken out of service, so that what is wrong with it harms nobody."""
    if not state.exists:
        return Look(HealthStatus.FAIL, "there is no such node")
    said = ", ".join(state.faults(spec.bad_conditions))
    if not said:
        return Look(HealthStatus.PASS)
    return Look(HealthStatus.PASS, f"out of service: {said}") if state.is_out else Look(HealthStatus.FAIL, said)
