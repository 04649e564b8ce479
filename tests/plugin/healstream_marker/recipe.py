"""The strategy's code: entry point ``healstream.recipes``. It imports ``schemas`` and ``recoverers.ports``, and nothing else of ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from recoverers.ports import Answer, Call, Facts, Found, HealthPort, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.probes import ProbeKind
from schemas.services import Services, ServiceSpec

MARKER = "stale.marker"
_OK = StepResult(StepStatus.OK)
_UNKNOWN = StepResult(StepStatus.FAILED, "target_unknown")


class World(Protocol):
    """What of the executor's world this strategy uses."""

    @property
    def services(self) -> Services:
        """The service catalogue."""
        ...

    @property
    def health(self) -> HealthPort:
        """Probes over the network."""
        ...


@dataclass(frozen=True, slots=True)
class MarkerClear:
    """The recipe over the services of the catalogue."""

    services: Services
    health: HealthPort
    traits: Traits = Traits("marker_clear", 1, 10.0)

    def gather(self, command: HealingCommand) -> Facts:
        """Look for the marker and its size."""
        spec = self._spec(command)
        if spec is None:
            return Facts(refusal="target_unknown")
        marker = _marker(spec)
        size = marker.stat().st_size if marker.is_file() and not marker.is_symlink() else -1
        return Facts(healthy=size < 0, values=(("bytes", str(size)),))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Clear it; a large one is no marker."""
        spec = self._spec(command)
        size, most = int(facts.value("bytes") or -1), int(str(dict(command.bounds).get("max_bytes", 4096)))
        return (f"clear:{spec.name}",) if spec and 0 <= size <= most else None

    def pre_image(self, call: Call) -> str:
        """Return its size."""
        return json.dumps({"bytes": call.facts.value("bytes")})

    def act(self, call: Call) -> StepResult:
        """Rename it once for this key."""
        spec = self._spec(call.command)
        if spec is None:
            return _UNKNOWN
        if self.probe(call) is Found.MISSING:
            _marker(spec).rename(_aside(spec, call.key))
        return _OK

    def probe(self, call: Call) -> Found:
        """Look for the renamed file."""
        spec = self._spec(call.command)
        if spec is None:
            return Found.UNCLEAR
        return Found.DONE if _aside(spec, call.key).exists() else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        """Rename it back."""
        spec = self._spec(call.command)
        if spec is None:
            return _UNKNOWN
        if self.probe(call) is Found.DONE:
            _aside(spec, call.key).rename(_marker(spec))
        return _OK

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:  # noqa: ARG002 - the port's shape
        """Ask the file system, or the service."""
        spec = self._spec(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        if factor == "marker_gone":
            return Answer(not _marker(spec).exists(), "file")
        probes = [probe for probe in spec.probes if probe.kind is ProbeKind.HTTP]
        return Answer(bool(probes) and all(self.health.passes(probe) for probe in probes), "http")

    def _spec(self, command: HealingCommand) -> ServiceSpec | None:
        kind, _, name = command.target.partition(":")
        return self.services.service(name) if kind == "service" else None


def make(world: World) -> MarkerClear:
    """Return the recipe; called once by the executor."""
    return MarkerClear(world.services, world.health)


def _marker(spec: ServiceSpec) -> Path:
    return Path(spec.cwd) / MARKER


def _aside(spec: ServiceSpec, key: str) -> Path:
    return Path(spec.cwd) / f"{MARKER}.{key}"
