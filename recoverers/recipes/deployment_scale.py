"""Bring a Deployment's replicas back between its bounds, or give more to one that is too slow. Heals ``deployment:*``."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from recoverers.cluster_view import CHANGED, GONE, UNSEEN, ClusterView, before, change_back, change_of
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.targets.deployment import DeploymentSpec
from schemas.vocabulary import Kind


@dataclass(frozen=True, slots=True)
class DeploymentScale:
    """The recipe over the Deployments of the catalogue."""

    view: ClusterView
    traits: Traits = Traits("deployment_scale", 1, 120.0)

    def gather(self, command: HealingCommand) -> Facts:
        """Read how many replicas are wanted, and say how many should be."""
        seen = self.view.seen(command)
        if isinstance(seen, Facts):
            return seen
        spec, state = seen
        if not spec.most_replicas:
            return Facts(refusal="no_bounds")
        wanted = _wanted(command, spec, state.replicas)
        values = (("generation", str(state.generation)), ("replicas", str(state.replicas)), ("wanted", str(wanted)))
        is_within = spec.least_replicas <= state.replicas <= spec.most_replicas
        # More is a person's to allow.
        if command.kind is Kind.SLO_BURN and wanted == state.replicas:
            return Facts(refusal="scaled_to_the_most")
        # One that burns its budget has replicas enough by its bounds, and yet is not well.
        return Facts(healthy=command.kind is not Kind.SLO_BURN and is_within, values=values)

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Scale; nothing when it has all that it may have."""
        name = command.target.partition(":")[2]
        return (f"scale:{name}",) if facts.value("wanted") != facts.value("replicas") else None

    def pre_image(self, call: Call) -> str:
        """Return how many replicas are wanted."""
        return json.dumps({"replicas": int(call.facts.value("replicas"))})

    def act(self, call: Call) -> StepResult:
        """Set how many are wanted."""
        spec = self.view.spec(call.command)
        return self.view.cluster.scale(spec, int(call.facts.value("wanted")), change_of(call)) if spec else GONE

    def probe(self, call: Call) -> Found:
        """Look for the step's own mark."""
        return self.view.has_done(call)

    def undo(self, call: Call) -> StepResult:
        """Set the old number, unless somebody has set another one since."""
        spec, state = self.view.spec(call.command), self.view.state(call.command)
        if spec is None:
            return GONE
        if state is None:
            return UNSEEN
        replicas = int(before(call, "replicas"))
        if state.replicas == replicas:
            return StepResult(StepStatus.OK)
        if state.replicas != int(call.facts.value("wanted")):
            return CHANGED
        return self.view.cluster.scale(spec, replicas, change_back(call, state))

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:  # noqa: ARG002 - the port's shape; what was before says nothing now
        """Ask one factor."""
        return self.view.check(command, factor)


def _wanted(command: HealingCommand, spec: DeploymentSpec, replicas: int) -> int:
    percent = int(str(dict(command.bounds).get("raise_percent", 100)))
    more = math.ceil(replicas * percent / 100) if command.kind is Kind.SLO_BURN else replicas
    return min(max(more, spec.least_replicas), spec.most_replicas)
