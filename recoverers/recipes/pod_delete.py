"""Remove pods that are stuck, within the disruption budget, so that others are made. Heals ``deployment:*``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.cluster_view import GONE, UNSEEN, ClusterView
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.targets.deployment import DeploymentSpec
from schemas.workloads import DeploymentState, PodState

TOO_FEW = "too_few_healthy"
_NO_WAY_BACK = "a pod that has gone does not come back: its Deployment makes another"


@dataclass(frozen=True, slots=True)
class PodDelete:
    """The recipe over the Deployments of the catalogue."""

    view: ClusterView
    traits: Traits = Traits("pod_delete", 1, 120.0, undoable=False, keeps=(("delete", _NO_WAY_BACK),))

    def gather(self, command: HealingCommand) -> Facts:
        """Read which pods are stuck; the choice is kept, so that the act removes no other."""
        seen = self.view.seen(command)
        if isinstance(seen, Facts):
            return seen
        spec, state = seen
        stuck = [(pod.name, pod.uid) for pod in sorted(state.pods, key=lambda pod: pod.name) if _is_stuck(spec, pod)]
        healthy = self.view.is_well(spec, state)
        refusal = "" if healthy or _serves_enough(spec, state) else TOO_FEW
        return Facts(healthy=healthy, refusal=refusal, values=(("stuck", json.dumps(stuck)),))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Remove each stuck pod; nothing when none is, or more are than the bound allows."""
        stuck = json.loads(facts.value("stuck"))
        allowed = int(str(dict(command.bounds).get("max_pods", 0)))
        return tuple(f"delete:{name}" for name, _ in stuck) if 0 < len(stuck) <= allowed else None

    def pre_image(self, call: Call) -> str:
        """Return which pod it is."""
        return json.dumps({"uid": _uid_of(call)})

    def act(self, call: Call) -> StepResult:
        """Ask the very pod to go, while enough others serve."""
        spec, state = self.view.spec(call.command), self.view.state(call.command)
        if spec is None:
            return GONE
        if state is None:
            return UNSEEN
        pod = _find(state, call)
        if pod is None or pod.leaving:
            return StepResult(StepStatus.OK)
        if not _is_stuck(spec, pod):
            return StepResult(StepStatus.OK, "it came up by itself: it stays")
        return self.view.cluster.evict(pod) if _serves_enough(spec, state) else StepResult(StepStatus.FAILED, TOO_FEW)

    def probe(self, call: Call) -> Found:
        """Look whether the pod is there still."""
        state = self.view.state(call.command)
        if state is None:
            return Found.UNCLEAR
        pod = _find(state, call)
        return Found.DONE if pod is None or pod.leaving else Found.MISSING

    def undo(self, call: Call) -> StepResult:  # noqa: ARG002 - the port's shape; ``keeps`` says why
        """Do nothing: there is no way back."""
        return StepResult(StepStatus.OK)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:  # noqa: ARG002 - the port's shape; what was before says nothing now
        """Ask one factor."""
        return self.view.check(command, factor)


def _is_stuck(spec: DeploymentSpec, pod: PodState) -> bool:
    # One without an owner has no successor.
    return bool(pod.owner) and pod.is_stuck(spec.stuck_s)


def _serves_enough(spec: DeploymentSpec, state: DeploymentState) -> bool:
    return state.ready * 100 >= spec.healthy_percent * state.replicas


def _uid_of(call: Call) -> str:
    wanted = call.step.partition(":")[2]
    return next((str(uid) for name, uid in json.loads(call.facts.value("stuck")) if name == wanted), "")


def _find(state: DeploymentState, call: Call) -> PodState | None:
    uid = _uid_of(call)
    return next((pod for pod in state.pods if pod.uid == uid), None)
