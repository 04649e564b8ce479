"""Give a container that was killed for its memory half as much again, up to its cap, and start it. Heals ``container:*``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.container_view import GONE, ContainerView
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand

_OK = StepResult(StepStatus.OK)
_UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class ContainerMemory:
    """The recipe over the containers of the catalogue."""

    container: ContainerView
    traits: Traits = Traits("container_memory", 1, 20.0)

    def gather(self, command: HealingCommand) -> Facts:
        """Read its limits, and the limit that it would get."""
        seen = self.container.seen(command)
        if isinstance(seen, Facts):
            return seen
        spec, state = seen
        raised = state.memory_bytes * int(str(dict(command.bounds).get("raise_percent", 100))) // 100
        wanted = min(raised, spec.memory_cap_bytes)
        # Somebody changed the limit, or we did before: more memory a second time would feed a leak.
        at_declared = state.memory_bytes == spec.memory_bytes
        values = (
            ("memory", str(state.memory_bytes)),
            ("swap", str(state.swap_bytes)),
            ("wanted", str(wanted if at_declared and wanted > state.memory_bytes else 0)),
        )
        return Facts(healthy=self.container.is_well(spec, state), values=values)

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Raise and start; nothing when it is no longer at its declared limit, or its cap gives no more."""
        name = command.target.partition(":")[2]
        return (f"limit:{name}", f"start:{name}") if int(facts.value("wanted")) else None

    def pre_image(self, call: Call) -> str:
        """Return its limits and whether it runs."""
        state = self.container.state(call.command)
        if state is None:
            return "{}"
        return json.dumps({"memory": state.memory_bytes, "swap": state.swap_bytes, "running": state.running})

    def act(self, call: Call) -> StepResult:
        """Set the limit, or start it."""
        spec = self.container.spec(call.command)
        if spec is None:
            return GONE
        if call.step.startswith("start:"):
            return self.container.engine.start(spec.name)
        before, swap, wanted = (int(call.facts.value(name)) for name in ("memory", "swap", "wanted"))
        # Swap counts memory too, so it grows by as much.
        return self.container.engine.limit_memory(spec.name, wanted, swap + wanted - before if swap > 0 else _UNLIMITED)

    def probe(self, call: Call) -> Found:
        """Look at the limit, or whether it runs."""
        state = self.container.state(call.command)
        if state is None:
            return Found.UNCLEAR
        if call.step.startswith("start:"):
            return Found.DONE if state.running else Found.MISSING
        return Found.DONE if state.memory_bytes == int(call.facts.value("wanted")) else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        """Stop it if it had ended before, and give it its old limits."""
        spec = self.container.spec(call.command)
        if spec is None:
            return GONE
        before = json.loads(call.pre_image)
        if call.step.startswith("start:"):
            return _OK if before["running"] else self.container.engine.stop(spec.name, spec.stop_s)
        return self.container.engine.limit_memory(spec.name, int(before["memory"]), int(before["swap"]) or _UNLIMITED)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask one factor; memory is below the limit only when that is the one that was given."""
        state = self.container.state(command) if factor == "memory_below_limit" else None
        if state is not None and state.memory_bytes != int(facts.value("wanted")):
            return Answer(False, "engine", f"its limit is {state.memory_bytes} bytes, not {facts.value('wanted')}", settled=True)
        return self.container.check(command, factor)
