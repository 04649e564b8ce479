"""What the container recipes share: the spec of a target, its facts, and the factors that any of them may ask."""

from __future__ import annotations

from dataclasses import dataclass

from recoverers.container_port import ContainerPort
from recoverers.healable import healable
from recoverers.ports import Answer, Facts, HealthPort
from schemas.attempts import ContainerState, StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Services
from schemas.targets.container import ContainerSpec
from schemas.targets.spec import spec_for

# What a step answers when the target has left the catalogue.
GONE = StepResult(StepStatus.FAILED, "target_unknown")
# Above this share of its limit a container is on its way to the next kill.
_MOST_OF_LIMIT = 0.9


@dataclass(frozen=True, slots=True)
class ContainerView:
    """The containers of the catalogue and the engine that runs them."""

    services: Services
    engine: ContainerPort
    health: HealthPort

    def spec(self, command: HealingCommand) -> ContainerSpec | None:
        """Return the target's spec."""
        return spec_for(command.target, self.services.containers)

    def state(self, command: HealingCommand) -> ContainerState | None:
        """Return the target as its engine sees it now, None when that cannot be told."""
        spec = self.spec(command)
        return self.engine.state(spec.name) if spec else None

    def seen(self, command: HealingCommand) -> tuple[ContainerSpec, ContainerState] | Facts:
        """Return the spec and the container as it is, or why it may not be touched."""
        spec = healable(self.spec(command))
        if isinstance(spec, Facts):
            return spec
        state = self.engine.state(spec.name)
        if state is None:
            return Facts(refusal="engine_unreachable")
        return (spec, state) if state.exists else Facts(refusal="target_gone")

    def is_well(self, spec: ContainerSpec, state: ContainerState) -> bool:
        """Tell whether it runs and answers."""
        return state.running and all(self.health.passes(probe) for probe in _served(spec))

    def check(self, command: HealingCommand, factor: str) -> Answer:
        """Ask the engine, the operating system, or what the container serves."""
        spec = self.spec(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        if factor == "container_process":
            return Answer(self.engine.is_process_alive(spec.name), "proc")
        if factor == "container_answers":
            served = _served(spec)
            silent = [probe.name for probe in served if not self.health.passes(probe)]
            # One that serves nothing is asked by the engine and by the operating system; those are two sources.
            return Answer(not silent, "network" if served else "proc", f"no answer: {', '.join(silent)}" if silent else "")
        state = self.engine.state(spec.name)
        if state is None or not state.exists:
            return Answer(False, "engine", "the engine does not know it")
        if factor == "image_is_pinned":
            return Answer(state.image == spec.image, "engine", state.image)
        if factor == "memory_below_limit":
            below = state.memory_bytes == 0 or state.used_bytes < _MOST_OF_LIMIT * state.memory_bytes
            return Answer(state.running and below, "engine", f"{state.used_bytes} of {state.memory_bytes} bytes")
        return Answer(state.running, "engine", "" if state.running else f"ended with {state.exit_code}")


def _served(spec: ContainerSpec) -> list[ProbeSpec]:
    return [probe for probe in spec.answers if probe.kind in {ProbeKind.TCP, ProbeKind.HTTP}]
