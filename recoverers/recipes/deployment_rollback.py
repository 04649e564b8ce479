"""Take back a rollout whose pods crash, or restart pods that crash long after it. Heals ``deployment:*``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.cluster_view import CHANGED, GONE, UNSEEN, ClusterView, before, change_back, change_of
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.targets.deployment import DeploymentSpec
from schemas.workloads import DeploymentState

_ROLLBACK, _RESTART = "rollback", "restart"
_SAME = "nothing of what is wanted has changed, only the pods were made anew"


@dataclass(frozen=True, slots=True)
class DeploymentRollback:
    """The recipe over the Deployments of the catalogue."""

    view: ClusterView
    traits: Traits = Traits("deployment_rollback", 1, 120.0, keeps=((_RESTART, _SAME),))

    def gather(self, command: HealingCommand) -> Facts:
        """Read which revision is wanted, for how long, and which one was before it."""
        seen = self.view.seen(command)
        if isinstance(seen, Facts):
            return seen
        spec, state = seen
        within = float(str(dict(command.bounds).get("rollout_within_s", 0)))
        is_young = state.rollout_age_s <= within
        values = (
            ("generation", str(state.generation)),
            ("template", state.template),
            ("wanted", _former(spec, state) if is_young else ""),
            ("young", json.dumps(is_young)),
        )
        return Facts(healthy=self.view.is_well(spec, state), values=values)

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Roll back a young rollout, else restart; nothing when a young one has no former revision that may come back."""
        name = command.target.partition(":")[2]
        if facts.value("young") != "true":
            return (f"{_RESTART}:{name}",)
        return (f"{_ROLLBACK}:{name}",) if facts.value("wanted") else None

    def pre_image(self, call: Call) -> str:
        """Return the revision that is wanted."""
        return json.dumps({"template": call.facts.value("template")})

    def act(self, call: Call) -> StepResult:
        """Roll out the former revision, or make the pods anew."""
        spec = self.view.spec(call.command)
        if spec is None:
            return GONE
        if call.step.startswith(f"{_RESTART}:"):
            return self.view.cluster.restart(spec, change_of(call))
        return self.view.cluster.roll_to(spec, call.facts.value("wanted"), change_of(call))

    def probe(self, call: Call) -> Found:
        """Look for the step's own mark."""
        return self.view.has_done(call)

    def undo(self, call: Call) -> StepResult:
        """Roll out the revision that was taken back, unless somebody has rolled out another one since."""
        spec, state = self.view.spec(call.command), self.view.state(call.command)
        if spec is None:
            return GONE
        if call.step.startswith(f"{_RESTART}:"):
            return StepResult(StepStatus.OK)
        if state is None:
            return UNSEEN
        if state.template == before(call, "template"):
            return StepResult(StepStatus.OK)
        if state.template != call.facts.value("wanted"):
            return CHANGED
        return self.view.cluster.roll_to(spec, before(call, "template"), change_back(call, state))

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:  # noqa: ARG002 - the port's shape; what was before says nothing now
        """Ask one factor."""
        return self.view.check(command, factor)


def _former(spec: DeploymentSpec, state: DeploymentState) -> str:
    """Return the newest revision beside the one that is wanted, empty when it has images that may not come back."""
    others = [row for row in state.revisions if row.template != state.template]
    newest = max(others, key=lambda row: row.number, default=None)
    return newest.template if newest and all(spec.allows(image) for _, image in newest.images) else ""
