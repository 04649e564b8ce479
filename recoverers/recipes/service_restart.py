"""Start what is down, dependencies first, and validate each before the next. Heals ``service:*``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.ports import Answer, Call, Facts, Found, HealthPort, ProcessPort, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Services, ServiceSpec, start_order
from schemas.vocabulary import Kind

_SOURCES = {"process_alive": "proc", "port_answers": "tcp", "health_answers": "http"}
_KINDS = {"port_answers": ProbeKind.TCP, "health_answers": ProbeKind.HTTP}
_NOT_NOW = "start_forbidden:"
_OK = StepResult(StepStatus.OK)


@dataclass(frozen=True, slots=True)
class ServiceRestart:
    """The recipe over the service catalogue."""

    services: Services
    processes: ProcessPort
    health: HealthPort
    traits: Traits = Traits("service_restart", 1, 15.0, keeps=(("validate", "it only looks"),))

    def gather(self, command: HealingCommand) -> Facts:
        """Find which services of the dependency closure are down."""
        spec = self._spec(command.target.partition(":")[2])
        if spec is None:
            return Facts(refusal="target_unknown")
        order = start_order({row.name: row for row in self.services.services}, spec.name)
        if order is None:
            return Facts(refusal="dependency_ring")
        rows = [row for row in (self._spec(name) for name in order) if row]
        if not all(row.healing for row in rows):
            return Facts(refusal="healing_off")
        down = [row.name for row in rows if not self.processes.is_alive(row)]
        forbidden = _forbidding([row for row in rows if row.name in down], self.health)
        # A cluster that has lost more than it can spare is a person's: a start in the wrong order may lose data.
        if forbidden:
            return Facts(refusal=f"{_NOT_NOW} {forbidden}", for_people=True)
        healthy = not down and self._answers(spec)
        # A restart would not bring back what only its watcher has lost.
        if healthy and command.kind is Kind.HEARTBEAT_MISSING:
            return Facts(refusal="watcher_silent", for_people=True)
        return Facts(healthy=healthy, values=(("down", json.dumps(down)),))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Start and validate each service that is down, in start order."""
        down: list[str] = json.loads(facts.value("down"))
        if len(down) > int(str(dict(command.bounds).get("max_services", 8))):
            return None
        return tuple(step for name in down for step in (f"start:{name}", f"validate:{name}"))

    def pre_image(self, call: Call) -> str:
        """Return whether the service was alive."""
        _, spec = self._step(call)
        return json.dumps({"alive": bool(spec and self.processes.is_alive(spec))})

    def act(self, call: Call) -> StepResult:
        """Start the service once for this key, or wait until it answers."""
        verb, spec = self._step(call)
        if spec is None:
            return StepResult(StepStatus.FAILED, "target_unknown")
        if verb == "start":
            return _OK if self.processes.is_alive(spec) else _start(spec, call.key, self.processes, self.health)
        if not self.processes.is_alive(spec):
            return StepResult(StepStatus.FAILED, f"{spec.name} ended after its start")
        return _OK if self._answers(spec) else StepResult(StepStatus.PENDING, f"{spec.name} does not answer yet")

    def probe(self, call: Call) -> Found:
        """Look for the start by its key; a validation has no effect to look for."""
        verb, spec = self._step(call)
        if spec is None:
            return Found.UNCLEAR
        return Found.DONE if verb == "start" and self.processes.has_started(spec, call.key) else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        """Stop the process that this run started, and no other."""
        verb, spec = self._step(call)
        if spec is None:
            return StepResult(StepStatus.FAILED, "target_unknown")
        return self.processes.stop_started(spec, call.key) if verb == "start" else _OK

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:  # noqa: ARG002 - the port's shape; what was down before says nothing now
        """Ask the operating system, the port, or the service itself; a dead process will not rise by waiting."""
        spec = self._spec(command.target.partition(":")[2])
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        if factor == "process_alive":
            alive = self.processes.is_alive(spec)
            return Answer(alive, "proc", "alive" if alive else "not alive", settled=not alive)
        probes = [probe for probe in spec.probes if probe.kind is _KINDS[factor]]
        # A service without such a probe is asked by its other ones; verify still insists on two different sources.
        passed = all(self.health.passes(probe) for probe in probes)
        source = _SOURCES[factor] if probes else "proc"
        return Answer(passed, source, "" if passed else _names(probes))

    def _answers(self, spec: ServiceSpec) -> bool:
        return all(self.health.passes(probe) for probe in spec.probes if probe.kind in {ProbeKind.TCP, ProbeKind.HTTP})

    def _spec(self, name: str) -> ServiceSpec | None:
        return self.services.service(name)

    def _step(self, call: Call) -> tuple[str, ServiceSpec | None]:
        verb, _, name = call.step.partition(":")
        return verb, self._spec(name)


def _start(spec: ServiceSpec, key: str, processes: ProcessPort, health: HealthPort) -> StepResult:
    # What held when the plan was made may hold no more.
    forbidden = _forbidding([spec], health)
    return StepResult(StepStatus.FAILED, f"{_NOT_NOW} {forbidden}") if forbidden else processes.start(spec, key)


def _forbidding(rows: list[ServiceSpec], health: HealthPort) -> str:
    return ", ".join(probe.name for row in rows for probe in row.start_when if not health.passes(probe))


def _names(probes: list[ProbeSpec]) -> str:
    return "no answer: " + ", ".join(probe.name for probe in probes)
