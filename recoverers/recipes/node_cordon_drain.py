"""Close a node that should serve no longer, and move its pods away within their disruption budgets. Heals ``node:*``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.cluster_port import ClusterPort
from recoverers.healable import healable
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.services import Services
from schemas.targets.node import NodeSpec
from schemas.targets.spec import spec_for
from schemas.workloads import NodeState

_GONE = StepResult(StepStatus.FAILED, "target_unknown")
_UNSEEN = StepResult(StepStatus.UNCERTAIN, "the cluster gives no usable answer")
_MOVED = "pods that were moved run elsewhere: to move them back would stop them once more"
# Long enough for a budget to allow the next one.
_AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class NodeCordonDrain:
    """The recipe over the nodes of the catalogue."""

    services: Services
    cluster: ClusterPort
    traits: Traits = Traits("node_cordon_drain", 1, 60.0, keeps=(("drain", _MOVED),))

    def gather(self, command: HealingCommand) -> Facts:
        """Read what runs on it, and whether the others can do without it."""
        spec = healable(self._spec(command))
        if isinstance(spec, Facts):
            return spec
        state = self.cluster.node(spec.name)
        if state is None:
            return Facts(refusal="cluster_unreachable")
        if not state.exists:
            return Facts(refusal="target_gone")
        values = (("closed", json.dumps(state.unschedulable)), ("pods", str(len(state.movable))))
        if state.is_out or not state.faults(spec.bad_conditions):
            return Facts(healthy=True, values=values)
        return Facts(refusal=_why_not(spec, state), values=values)

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Close it unless it is closed, then empty it; nothing when it runs more than the bound allows."""
        name = command.target.partition(":")[2]
        if int(facts.value("pods")) > int(str(dict(command.bounds).get("max_pods", 0))):
            return None
        return (f"drain:{name}",) if facts.value("closed") == "true" else (f"cordon:{name}", f"drain:{name}")

    def pre_image(self, call: Call) -> str:
        """Return whether it is closed, and how many pods are to move."""
        return json.dumps({"closed": call.facts.value("closed") == "true", "pods": int(call.facts.value("pods"))})

    def act(self, call: Call) -> StepResult:
        """Close it, or ask its pods to go until none is left."""
        spec = self._spec(call.command)
        if spec is None:
            return _GONE
        return self.cluster.cordon(spec.name, call.key) if call.step.startswith("cordon:") else self._drain(spec, call)

    def _drain(self, spec: NodeSpec, call: Call) -> StepResult:
        state = self.cluster.node(spec.name)
        if state is None:
            return _UNSEEN
        if call.said and not state.unschedulable:
            # It was closed when this began: whoever opens it meanwhile wants pods on it.
            return StepResult(StepStatus.FAILED, "somebody has opened it again")
        waits = ""
        for pod in state.movable:
            if call.cancel.is_set():
                return StepResult(StepStatus.FAILED, f"ended with {len(state.movable)} pods on it")
            result = StepResult(StepStatus.PENDING) if pod.leaving else self.cluster.evict(pod)
            if result.status in {StepStatus.FAILED, StepStatus.UNCERTAIN}:
                return result
            waits = waits or result.detail
        left = len(state.movable)
        return StepResult(StepStatus.PENDING, f"{left} pods left; {waits}", _AGAIN_S) if left else StepResult(StepStatus.OK)

    def probe(self, call: Call) -> Found:
        """Look whether it is closed, or empty."""
        spec = self._spec(call.command)
        state = self.cluster.node(spec.name) if spec else None
        if state is None:
            return Found.UNCLEAR
        is_done = state.unschedulable if call.step.startswith("cordon:") else state.unschedulable and not state.movable
        return Found.DONE if is_done else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        """Open it again when this step has closed it; what has moved stays where it is."""
        spec = self._spec(call.command)
        if spec is None:
            return _GONE
        return self.cluster.uncordon(spec.name, call.key) if call.step.startswith("cordon:") else StepResult(StepStatus.OK)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:  # noqa: ARG002 - the port's shape; what was before says nothing now
        """Ask the node, or the kubelet by its pods."""
        spec = self._spec(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        state = self.cluster.node(spec.name)
        if state is None or not state.exists:
            return Answer(False, "node", "the cluster does not know it")
        if factor == "node_empty":
            return Answer(not state.movable, "kubelet", f"{len(state.movable)} pods on it")
        return Answer(state.unschedulable, "node", "" if state.unschedulable else "it takes new pods")

    def _spec(self, command: HealingCommand) -> NodeSpec | None:
        return spec_for(command.target, self.services.nodes)


def _why_not(spec: NodeSpec, state: NodeState) -> str:
    """Return why it may not be emptied, empty when it may."""
    others = state.serving - (1 if state.ready and not state.unschedulable else 0)
    if others * 100 < spec.healthy_percent * state.nodes:
        return "too_few_nodes"
    if any(not pod.owner for pod in state.movable):
        return "pod_without_owner"
    return "local_data" if not spec.drops_local_data and any(pod.has_local_data for pod in state.movable) else ""
