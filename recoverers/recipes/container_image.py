"""Run a container whose new image does not run with its last good image, all else as it was. Heals ``container:*``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.container_view import GONE, ContainerView
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult
from schemas.decisions import HealingCommand


@dataclass(frozen=True, slots=True)
class ContainerImage:
    """The recipe over the containers of the catalogue."""

    container: ContainerView
    traits: Traits = Traits("container_image", 1, 30.0)

    def gather(self, command: HealingCommand) -> Facts:
        """Read which image it runs from."""
        seen = self.container.seen(command)
        if isinstance(seen, Facts):
            return seen
        spec, state = seen
        return Facts(
            healthy=self.container.is_well(spec, state),
            values=(("image", state.image), ("wanted", spec.image), ("running", json.dumps(state.running))),
        )

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Swap; nothing when there is no good image, or it runs from that already."""
        wanted = facts.value("wanted")
        return (f"swap:{command.target.partition(':')[2]}",) if wanted and wanted != facts.value("image") else None

    def pre_image(self, call: Call) -> str:
        """Return the image that it runs from, and whether it runs."""
        return json.dumps({"image": call.facts.value("image"), "running": call.facts.value("running") == "true"})

    def act(self, call: Call) -> StepResult:
        """Keep the container aside and run another from the good image."""
        spec = self.container.spec(call.command)
        return self.container.engine.swap_image(spec.name, call.facts.value("wanted"), call.key) if spec else GONE

    def probe(self, call: Call) -> Found:
        """Look whether it runs from the good image; a swap that stopped half-way is taken up again by its key."""
        state = self.container.state(call.command)
        if state is None:
            return Found.UNCLEAR
        return Found.DONE if state.running and state.image == call.facts.value("wanted") else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        """Put the kept container back."""
        spec = self.container.spec(call.command)
        was_running = bool(json.loads(call.pre_image)["running"])
        return self.container.engine.swap_back(spec.name, call.key, was_running=was_running) if spec else GONE

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:  # noqa: ARG002 - the port's shape; what was before says nothing now
        """Ask one factor."""
        return self.container.check(command, factor)
