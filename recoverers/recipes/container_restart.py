"""Start a container that has ended, or restart one that runs and does not answer. Heals ``container:*``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.container_view import GONE, ContainerView
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand


@dataclass(frozen=True, slots=True)
class ContainerRestart:
    """The recipe over the containers of the catalogue."""

    container: ContainerView
    traits: Traits = Traits("container_restart", 1, 20.0)

    def gather(self, command: HealingCommand) -> Facts:
        """Read whether it runs, and since when."""
        seen = self.container.seen(command)
        if isinstance(seen, Facts):
            return seen
        spec, state = seen
        return Facts(
            healthy=self.container.is_well(spec, state), values=(("running", json.dumps(state.running)), ("started_at", state.started_at))
        )

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Start or restart it, whichever it needs."""
        name = command.target.partition(":")[2]
        return (f"restart:{name}",) if facts.value("running") == "true" else (f"start:{name}",)

    def pre_image(self, call: Call) -> str:
        """Return whether it runs, and since when."""
        state = self.container.state(call.command)
        return json.dumps({"running": bool(state and state.running), "started_at": state.started_at if state else ""})

    def act(self, call: Call) -> StepResult:
        """Start it, or restart the very start that was seen."""
        spec = self.container.spec(call.command)
        if spec is None:
            return GONE
        if call.step.startswith("start:"):
            return self.container.engine.start(spec.name)
        return self.container.engine.restart(spec.name, spec.stop_s, str(json.loads(call.pre_image)["started_at"]))

    def probe(self, call: Call) -> Found:
        """Compare the time of its start with the one before."""
        state = self.container.state(call.command)
        if state is None:
            return Found.UNCLEAR
        before = str(json.loads(call.pre_image)["started_at"])
        return Found.DONE if state.running and state.started_at != before else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        """Stop it again when it had ended before; one that ran before goes on running."""
        spec = self.container.spec(call.command)
        if spec is None:
            return GONE
        was_running = bool(json.loads(call.pre_image)["running"])
        return StepResult(StepStatus.OK) if was_running else self.container.engine.stop(spec.name, spec.stop_s)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:  # noqa: ARG002 - the port's shape; what was before says nothing now
        """Ask one factor."""
        return self.container.check(command, factor)
