"""What a Kubernetes cluster says of a workload, its pods and its nodes: values between a port and what fits it; they cross no topic."""

from __future__ import annotations

from dataclasses import dataclass

# What the kubelet writes while a container crashes again and again, or its image does not come.
CRASHING = frozenset({"CrashLoopBackOff"})
NOT_PULLED = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})


@dataclass(frozen=True, slots=True)
class PodState:
    """One pod as the kubelet reports it; ``waiting`` are the reasons of containers that do not run, ``unready_s`` how long it is not ready.

    ``owner`` is the name of its controller, empty for a pod that nothing makes anew; ``is_bound`` says that it belongs to its node (a
    DaemonSet's, or a static one), ``is_unique`` that its successor comes only once it has certainly ended (a StatefulSet's).
    """

    namespace: str
    name: str
    uid: str
    template: str = ""
    ready: bool = False
    images: tuple[tuple[str, str], ...] = ()
    waiting: tuple[str, ...] = ()
    unready_s: float = 0.0
    leaving: bool = False
    owner: str = ""
    is_bound: bool = False
    is_unique: bool = False
    has_local_data: bool = False

    def waits_for(self, reasons: frozenset[str]) -> bool:
        """Tell whether one of its containers waits for one of these reasons; one that is leaving waits for nothing any more."""
        return not self.leaving and any(reason in reasons for reason in self.waiting)

    def is_stuck(self, after_s: float) -> bool:
        """Tell whether it has not become ready in time; one that is leaving goes on its own."""
        return not self.ready and not self.leaving and self.unready_s >= after_s


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision that a Deployment keeps, by the hash of its pods' template: its number changes when it is taken up again."""

    template: str
    number: int
    images: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """A Deployment and its pods as the cluster has them. ``generation`` rises with each change of what is wanted, not of what is.

    ``changed_by`` is the key of the last change that was made from here. ``template`` is the revision that is wanted now, rolled out for
    ``rollout_age_s`` (a revision is as old as its making); ``settled`` says that its controller has brought it about.
    """

    exists: bool
    generation: int = 0
    changed_by: str = ""
    replicas: int = 0
    template: str = ""
    images: tuple[tuple[str, str], ...] = ()
    settled: bool = False
    detail: str = ""
    paused: bool = False
    rollout_age_s: float = 0.0
    revisions: tuple[Revision, ...] = ()
    pods: tuple[PodState, ...] = ()

    @property
    def ready(self) -> int:
        """Return how many of its pods are ready and stay."""
        return sum(1 for pod in self.pods if pod.ready and not pod.leaving)

    def pods_of(self, template: str) -> tuple[PodState, ...]:
        """Return the pods of one revision."""
        return tuple(pod for pod in self.pods if pod.template == template)


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node and the pods on it; ``holding`` are its conditions that are true, ``serving`` and ``nodes`` count those of the cluster."""

    exists: bool
    changed_by: str = ""
    unschedulable: bool = False
    ready: bool = False
    holding: tuple[str, ...] = ()
    pods: tuple[PodState, ...] = ()
    serving: int = 0
    nodes: int = 0

    @property
    def is_out(self) -> bool:
        """Tell whether it has been taken out of service: then what is wrong with it harms nobody."""
        return self.unschedulable and not self.movable

    def faults(self, bad_conditions: tuple[str, ...]) -> tuple[str, ...]:
        """Return what is wrong with it."""
        return (*(() if self.ready else ("not ready",)), *(name for name in self.holding if name in bad_conditions))

    @property
    def movable(self) -> tuple[PodState, ...]:
        """Return the pods that a drain moves away; those that belong to the node stay.

        On a node that is not ready nobody says that a pod has ended: one that was told to go has a successor elsewhere all the same.
        """
        return tuple(pod for pod in self.pods if not pod.is_bound and (self.ready or pod.is_unique or not pod.leaving))


@dataclass(frozen=True, slots=True)
class Change:
    """Which change of a Deployment is meant: made only while that is of the ``generation`` that was seen, and once for its ``key``."""

    key: str
    generation: int
