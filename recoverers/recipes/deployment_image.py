"""Give a Deployment whose image cannot be pulled its last good image back, all else as it is. Heals ``deployment:*``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.cluster_view import CHANGED, GONE, UNSEEN, ClusterView, before, change_back, change_of
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand


@dataclass(frozen=True, slots=True)
class DeploymentImage:
    """The recipe over the Deployments of the catalogue."""

    view: ClusterView
    traits: Traits = Traits("deployment_image", 1, 120.0)

    def gather(self, command: HealingCommand) -> Facts:
        """Read which image is wanted."""
        seen = self.view.seen(command)
        if isinstance(seen, Facts):
            return seen
        spec, state = seen
        image = dict(state.images).get(spec.container, "")
        if not image:
            return Facts(refusal="container_unknown")
        values = (("generation", str(state.generation)), ("image", image), ("wanted", spec.image))
        return Facts(healthy=self.view.is_well(spec, state), values=values)

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Set the good image; nothing when there is none, or it is the one that cannot be pulled."""
        wanted = facts.value("wanted")
        return (f"image:{command.target.partition(':')[2]}",) if wanted and wanted != facts.value("image") else None

    def pre_image(self, call: Call) -> str:
        """Return the image that is wanted."""
        return json.dumps({"image": call.facts.value("image")})

    def act(self, call: Call) -> StepResult:
        """Set the good image."""
        spec = self.view.spec(call.command)
        return self.view.cluster.set_image(spec, call.facts.value("wanted"), change_of(call)) if spec else GONE

    def probe(self, call: Call) -> Found:
        """Look for the step's own mark."""
        return self.view.has_done(call)

    def undo(self, call: Call) -> StepResult:
        """Set the old image, unless somebody has set another one since."""
        spec, state = self.view.spec(call.command), self.view.state(call.command)
        if spec is None:
            return GONE
        if state is None:
            return UNSEEN
        image = dict(state.images).get(spec.container, "")
        if image == before(call, "image"):
            return StepResult(StepStatus.OK)
        if image != call.facts.value("wanted"):
            return CHANGED
        return self.view.cluster.set_image(spec, before(call, "image"), change_back(call, state))

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:  # noqa: ARG002 - the port's shape; what was before says nothing now
        """Ask one factor."""
        return self.view.check(command, factor)
