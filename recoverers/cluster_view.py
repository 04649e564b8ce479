"""What the recipes for Deployments share: the spec of a target, its facts, and the factors that any of them may ask."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.cluster_port import ClusterPort
from recoverers.healable import healable
from recoverers.ports import Answer, Call, Facts, Found, HealthPort
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.services import Services
from schemas.targets.deployment import DeploymentSpec
from schemas.targets.spec import spec_for
from schemas.workloads import CRASHING, NOT_PULLED, Change, DeploymentState

# What a step answers when the target has left the catalogue.
GONE = StepResult(StepStatus.FAILED, "target_unknown")
UNSEEN = StepResult(StepStatus.UNCERTAIN, "the cluster gives no usable answer")
CHANGED = StepResult(StepStatus.FAILED, "somebody has changed it since: their change stays")


@dataclass(frozen=True, slots=True)
class ClusterView:
    """The Deployments of the catalogue and the cluster that runs them."""

    services: Services
    cluster: ClusterPort
    health: HealthPort

    def spec(self, command: HealingCommand) -> DeploymentSpec | None:
        """Return the target's spec."""
        return spec_for(command.target, self.services.deployments)

    def state(self, command: HealingCommand) -> DeploymentState | None:
        """Return the target as its cluster has it now, None when that cannot be told."""
        spec = self.spec(command)
        return self.cluster.deployment(spec) if spec else None

    def seen(self, command: HealingCommand) -> tuple[DeploymentSpec, DeploymentState] | Facts:
        """Return the spec and the Deployment as it is, or why it may not be touched."""
        spec = healable(self.spec(command))
        if isinstance(spec, Facts):
            return spec
        state = self.cluster.deployment(spec)
        if state is None:
            return Facts(refusal="cluster_unreachable")
        if not state.exists:
            return Facts(refusal="target_gone")
        # Somebody holds its rollout, to look or to go on by hand.
        return Facts(refusal="rollout_paused") if state.paused else (spec, state)

    def is_well(self, spec: DeploymentSpec, state: DeploymentState) -> bool:
        """Tell whether all of its pods serve."""
        return state.settled and _are_ready(state) and all(self.health.passes(probe) for probe in spec.answers)

    def has_done(self, call: Call) -> Found:
        """Say whether the last change that was made from here is this step's."""
        state = self.state(call.command)
        if state is None:
            return Found.UNCLEAR
        return Found.DONE if state.changed_by == call.key else Found.MISSING

    def check(self, command: HealingCommand, factor: str) -> Answer:
        """Ask the Deployment's controller, the kubelets by its pods, or what it serves."""
        spec = self.spec(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        if factor == "deployment_answers":
            silent = [probe.name for probe in spec.answers if not self.health.passes(probe)]
            # One that serves nothing is asked by its controller and by the kubelets; those are two sources.
            return Answer(not silent, "network" if spec.answers else "kubelet", f"no answer: {', '.join(silent)}" if silent else "")
        state = self.cluster.deployment(spec)
        if state is None or not state.exists:
            return Answer(False, "controller", "the cluster does not know it")
        if factor == "pods_ready":
            return Answer(_are_ready(state), "kubelet", f"{_ready_now(state)} of {state.replicas} are ready")
        if factor == "image_is_good":
            # A pod that takes its time to go was told to: it says nothing of what is to stay.
            staying = [pod for pod in state.pods if not pod.leaving]
            others = sorted({image for pod in staying for name, image in pod.images if name == spec.container and image != spec.image})
            return Answer(bool(staying) and not others, "kubelet", ", ".join(others))
        if factor == "replicas_in_bounds":
            return Answer(spec.least_replicas <= state.replicas <= spec.most_replicas, "controller", f"{state.replicas} are wanted")
        return Answer(state.settled, "controller", state.detail)


def change_of(call: Call) -> Change:
    """Return the step's change of what was seen."""
    return Change(call.key, int(call.facts.value("generation")))


def change_back(call: Call, state: DeploymentState) -> Change:
    """Return the change that takes the step back, of what is there now."""
    return Change(f"{call.key}/undo", state.generation)


def before(call: Call, name: str) -> str:
    """Return one value of the step's pre-image."""
    return str(json.loads(call.pre_image)[name])


def _ready_now(state: DeploymentState) -> int:
    return sum(1 for pod in state.pods_of(state.template) if pod.ready and not pod.leaving)


def _are_ready(state: DeploymentState) -> bool:
    failing = any(pod.waits_for(CRASHING | NOT_PULLED) for pod in state.pods)
    return _ready_now(state) >= state.replicas and not failing
