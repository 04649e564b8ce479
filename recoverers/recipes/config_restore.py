"""Put a drifted configuration file back to its pinned commit and let its service read it again. Heals ``config:*``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.ports import Answer, Call, ConfigFilePort, Facts, Found, HealthPort, ProcessPort, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.probes import ProbeKind
from schemas.services import ConfigSpec, Services, ServiceSpec

_DEFAULT_BYTES = 1_048_576
_OK = StepResult(StepStatus.OK)


@dataclass(frozen=True, slots=True)
class ConfigRestore:
    """The recipe over the configuration files of the service catalogue."""

    services: Services
    files: ConfigFilePort
    processes: ProcessPort
    health: HealthPort
    traits: Traits = Traits("config_restore", 1, 15.0, keeps=(("reload", "the service reads again what the file holds then"),))

    def gather(self, command: HealingCommand) -> Facts:
        """Read the hash of the file as it is and as it is pinned."""
        spec = self._config(command)
        if spec is None:
            return Facts(refusal="target_unknown")
        owner = self._owner(spec)
        if owner and not owner.healing:
            return Facts(refusal="healing_off")
        pinned = self.files.pinned_hash(spec, int(str(dict(command.bounds).get("max_bytes", _DEFAULT_BYTES))))
        live = self.files.live_hash(spec)
        return Facts(healthy=bool(pinned) and live == pinned, values=(("drifted", live), ("pinned", pinned)))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Write, then reload; without a pinned content inside the size cap there is no plan."""
        spec = self._config(command)
        return (f"write:{spec.name}", f"reload:{spec.service}") if spec and facts.value("pinned") else None

    def pre_image(self, call: Call) -> str:
        """Return the drifted file's hash; its copy is kept by the write itself, under the same key."""
        return json.dumps({"hash": call.facts.value("drifted")})

    def act(self, call: Call) -> StepResult:
        """Compare and set the file, or signal its service."""
        spec = self._config(call.command)
        if spec is None:
            return StepResult(StepStatus.FAILED, "target_unknown")
        if call.step.startswith("write:"):
            return self.files.restore(spec, call.facts.value("drifted"), call.key)
        return self._reload(spec)

    def probe(self, call: Call) -> Found:
        """Compare the file with both hashes; anything else was written by somebody else. A reload may be repeated."""
        spec = self._config(call.command)
        if spec is None:
            return Found.UNCLEAR
        if call.step.startswith("reload:"):
            return Found.MISSING
        known = {call.facts.value("pinned"): Found.DONE, call.facts.value("drifted"): Found.MISSING}
        return known.get(self.files.live_hash(spec), Found.UNCLEAR)

    def undo(self, call: Call) -> StepResult:
        """Put the drifted copy back byte for byte and let the service read it; a reload has nothing to take back."""
        spec = self._config(call.command)
        if spec is None:
            return StepResult(StepStatus.FAILED, "target_unknown")
        if call.step.startswith("reload:"):
            return _OK
        back = self.files.put_back(spec, str(json.loads(call.pre_image)["hash"]), call.key)
        return self._reload(spec) if back.status is StepStatus.OK else back

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the file's bytes, or the service that reads it."""
        spec = self._config(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        if factor == "hash_equals_commit":
            live = self.files.live_hash(spec)
            return Answer(live == facts.value("pinned"), "file", f"sha256 {live[:12]}")
        owner = self._owner(spec)
        probes = [probe for probe in owner.probes if probe.kind is ProbeKind.HTTP] if owner else []
        passed = bool(probes) and all(self.health.passes(probe) for probe in probes)
        return Answer(passed, "http", "" if passed else f"{spec.service} does not answer well")

    def _reload(self, spec: ConfigSpec) -> StepResult:
        owner = self._owner(spec)
        return self.processes.reload(owner) if owner else _OK

    def _owner(self, spec: ConfigSpec) -> ServiceSpec | None:
        return self.services.service(spec.service)

    def _config(self, command: HealingCommand) -> ConfigSpec | None:
        # ``config:<name>``, or ``config:<service>:<path>`` as the records name it.
        first, _, path = command.target.partition(":")[2].partition(":")
        named = self.services.config(first)
        return named or next((row for row in self.services.configs if path and row.service == first and row.path == path), None)
