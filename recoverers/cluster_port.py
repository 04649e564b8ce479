"""What the recipes for Kubernetes need of a cluster; ``infra/adapters/cluster.py`` fits it over the cluster's API.

A change is made on the very state that was seen, or not at all, and once for its key: asked for twice it has one effect.
"""

from __future__ import annotations

from typing import Protocol

from schemas.attempts import StepResult
from schemas.targets.deployment import DeploymentSpec
from schemas.workloads import Change, DeploymentState, NodeState, PodState


class ClusterPort(Protocol):
    """The Deployments, pods and nodes of one cluster."""

    def deployment(self, spec: DeploymentSpec) -> DeploymentState | None:
        """Return the Deployment as it is now, None when the cluster gives no usable answer."""
        ...

    def roll_to(self, spec: DeploymentSpec, template: str, change: Change) -> StepResult:
        """Roll out the template of a revision that is kept."""
        ...

    def restart(self, spec: DeploymentSpec, change: Change) -> StepResult:
        """Make its pods anew, a few at a time, as its own rules say."""
        ...

    def scale(self, spec: DeploymentSpec, replicas: int, change: Change) -> StepResult:
        """Set how many replicas are wanted."""
        ...

    def set_image(self, spec: DeploymentSpec, image: str, change: Change) -> StepResult:
        """Set the image of the container that the spec names."""
        ...

    def evict(self, pod: PodState) -> StepResult:
        """Tell this very pod to go; pending while its disruption budget does not allow it."""
        ...

    def node(self, name: str) -> NodeState | None:
        """Return the node as it is now, None when the cluster gives no usable answer."""
        ...

    def cordon(self, name: str, key: str) -> StepResult:
        """Let no new pod come to the node; one that is closed already stays as it is, and nobody's key is written on it."""
        ...

    def uncordon(self, name: str, key: str) -> StepResult:
        """Open the node again when it was closed by this key; else leave it."""
        ...
