"""A cluster in memory; it keeps a ledger of what it was made to do, and passes the same checks as the real one.

Its controllers work at once: a rollout's pods are there as soon as it is wanted, well or not as their image is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from schemas.attempts import StepResult, StepStatus
from schemas.targets.deployment import DeploymentSpec
from schemas.workloads import Change, DeploymentState, NodeState, PodState, Revision

_OK = StepResult(StepStatus.OK)


@dataclass
class FakeWorkload:
    """One Deployment: what is wanted of it, and the pods that its controller has made."""

    image: str
    replicas: int = 3
    generation: int = 1
    changed_by: str = ""
    restarted: str = ""
    rollout_age_s: float = 60.0
    paused: bool = False
    leaving: bool = False
    revisions: dict[str, Revision] = field(default_factory=dict)
    pods: list[PodState] = field(default_factory=list)

    @property
    def template(self) -> str:
        """Return the name of the revision that is wanted."""
        return f"{self.image}+{self.restarted}" if self.restarted else self.image


@dataclass
class FakeCluster:
    """Deployments by namespace and name, and nodes by name. ``waits`` are the reasons for which a revision's pods do not run.

    ``budget`` is how many pods may be evicted, None for any number; of pods that ``has_two_budgets`` is true of none may be;
    ``stays_stuck`` makes each new pod as stuck as the last one; ``lying`` takes a change and does nothing.
    """

    workloads: dict[str, FakeWorkload] = field(default_factory=dict)
    nodes: dict[str, NodeState] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)
    ledger: list[tuple[str, str]] = field(default_factory=list)
    budget: int | None = None
    has_two_budgets: bool = False
    stays_stuck: bool = False
    is_silent: bool = False
    lying: bool = False
    made: int = 0

    def place(self, key: str, image: str, replicas: int = 3) -> FakeWorkload:
        """Let somebody deploy an image, as the first or as the next revision."""
        workload = self.workloads.setdefault(key, FakeWorkload(image, replicas))
        workload.image = image
        workload.generation += 1
        self._settle(key)
        return workload

    def deployment(self, spec: DeploymentSpec) -> DeploymentState | None:
        workload = self.workloads.get(f"{spec.namespace}/{spec.name}")
        if workload is None or workload.leaving:
            return None if self.is_silent else DeploymentState(exists=False)
        ready = sum(1 for pod in workload.pods if pod.ready)
        state = DeploymentState(
            exists=True,
            generation=workload.generation,
            changed_by=workload.changed_by,
            replicas=workload.replicas,
            template=workload.template,
            images=(("app", workload.image),),
            settled=ready == workload.replicas == len(workload.pods),
            detail=f"{ready} of {workload.replicas} available",
            paused=workload.paused,
            rollout_age_s=workload.rollout_age_s,
            revisions=tuple(workload.revisions.values()),
            pods=tuple(workload.pods),
        )
        return None if self.is_silent else state

    def roll_to(self, spec: DeploymentSpec, template: str, change: Change) -> StepResult:
        def roll(workload: FakeWorkload) -> StepResult:
            if template not in workload.revisions:
                return StepResult(StepStatus.FAILED, f"the revision {template} is kept no more")
            workload.image, _, workload.restarted = template.partition("+")
            return _OK

        return self._change("roll", spec, change, roll)

    def restart(self, spec: DeploymentSpec, change: Change) -> StepResult:
        def again(workload: FakeWorkload) -> StepResult:
            workload.restarted = change.key
            return _OK

        return self._change("restart", spec, change, again)

    def scale(self, spec: DeploymentSpec, replicas: int, change: Change) -> StepResult:
        def resize(workload: FakeWorkload) -> StepResult:
            workload.replicas = replicas
            return _OK

        return self._change("scale", spec, change, resize)

    def set_image(self, spec: DeploymentSpec, image: str, change: Change) -> StepResult:
        def swap(workload: FakeWorkload) -> StepResult:
            workload.image = image
            return _OK

        return self._change("image", spec, change, swap)

    def evict(self, pod: PodState) -> StepResult:
        if self.has_two_budgets:
            return StepResult(StepStatus.FAILED, f"{pod.name}: more than one disruption budget covers it")
        if any(row.name == pod.name and row.uid != pod.uid for workload in self.workloads.values() for row in workload.pods):
            return StepResult(StepStatus.PENDING, f"{pod.name}: another pod has its name now", 1.0)
        if self.budget == 0:
            return StepResult(StepStatus.PENDING, f"{pod.name}: its disruption budget does not allow it", 1.0)
        for key, workload in self.workloads.items():
            if pod in workload.pods:
                self.budget = None if self.budget is None else self.budget - 1
                self.ledger.append(("evict", pod.name))
                workload.pods.remove(pod)
                workload.pods.append(replace(pod, uid=f"{pod.uid}+", name=f"{pod.name}+") if self.stays_stuck else self._pod(key))
        for name, node in self.nodes.items():
            if pod in node.pods:
                self.ledger.append(("evict", pod.name))
                # A node that is not ready cannot say that a pod has ended.
                left = () if node.ready else (replace(pod, leaving=True),)
                self.nodes[name] = replace(node, pods=(*(row for row in node.pods if row != pod), *left))
        return _OK

    def node(self, name: str) -> NodeState | None:
        return None if self.is_silent else self._node(name)

    def cordon(self, name: str, key: str) -> StepResult:
        node = self._node(name)
        if not node.exists:
            return StepResult(StepStatus.FAILED, "no such node")
        if not node.unschedulable and not self.lying:
            self.ledger.append(("cordon", name))
            self.nodes[name] = replace(node, unschedulable=True, changed_by=key)
        return _OK

    def uncordon(self, name: str, key: str) -> StepResult:
        node = self._node(name)
        if not node.exists:
            return StepResult(StepStatus.FAILED, "no such node")
        if node.unschedulable and node.changed_by == key:
            self.ledger.append(("uncordon", name))
            self.nodes[name] = replace(node, unschedulable=False, changed_by="")
        return _OK

    def _node(self, name: str) -> NodeState:
        node = self.nodes.get(name)
        if node is None:
            return NodeState(exists=False)
        serving = sum(1 for row in self.nodes.values() if row.ready and not row.unschedulable)
        return replace(node, serving=serving, nodes=len(self.nodes))

    def _change(self, verb: str, spec: DeploymentSpec, change: Change, do: Callable[[FakeWorkload], StepResult]) -> StepResult:
        key = f"{spec.namespace}/{spec.name}"
        workload = self.workloads.get(key)
        if workload is None:
            return StepResult(StepStatus.FAILED, "no such deployment")
        if workload.changed_by == change.key or self.lying:
            return _OK
        if workload.leaving or workload.generation != change.generation:
            return StepResult(StepStatus.FAILED, "it changed between diagnosis and act")
        result = do(workload)
        if result.status is StepStatus.OK:
            workload.changed_by = change.key
            workload.generation += 1
            self.ledger.append((verb, key))
            self._settle(key)
        return result

    def _settle(self, key: str) -> None:
        workload = self.workloads[key]
        number = 1 + max((row.number for row in workload.revisions.values()), default=0)
        workload.revisions[workload.template] = Revision(workload.template, number, (("app", workload.image),))
        kept = [pod for pod in workload.pods if pod.template == workload.template][: workload.replicas]
        workload.pods = [*kept, *(self._pod(key) for _ in range(workload.replicas - len(kept)))]

    def _pod(self, key: str) -> PodState:
        workload = self.workloads[key]
        self.made += 1
        namespace, _, name = key.partition("/")
        reason = self.waits.get(workload.template, "")
        return PodState(
            namespace,
            f"{name}-{self.made}",
            f"uid-{self.made}",
            workload.template,
            ready=not reason,
            images=(("app", workload.image),),
            waiting=(reason,) if reason else (),
            unready_s=60.0 if reason else 0.0,
            owner=f"{name}-set",
        )
