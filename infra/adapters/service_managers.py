"""Who keeps a service: systemd where the catalogue names its unit, else its pid file; fits ``ProcessPort``. Built by the worker."""

from __future__ import annotations

from dataclasses import dataclass

from infra.adapters.processes import Processes
from infra.adapters.units import Units
from schemas.attempts import StepResult
from schemas.services import ServiceSpec


@dataclass(frozen=True, slots=True)
class ServiceManagers:
    """Both adapters as one."""

    processes: Processes
    units: Units

    def is_alive(self, service: ServiceSpec) -> bool:
        """Ask its manager whether it runs."""
        return self._of(service).is_alive(service)

    def start(self, service: ServiceSpec, key: str) -> StepResult:
        """Let its manager start it once for this key."""
        return self._of(service).start(service, key)

    def has_started(self, service: ServiceSpec, key: str) -> bool:
        """Ask its manager whether a start with this key took effect."""
        return self._of(service).has_started(service, key)

    def stop_started(self, service: ServiceSpec, key: str) -> StepResult:
        """Let its manager stop what was started with this key."""
        return self._of(service).stop_started(service, key)

    def reload(self, service: ServiceSpec) -> StepResult:
        """Let its manager reload it."""
        return self._of(service).reload(service)

    def _of(self, service: ServiceSpec) -> Processes | Units:
        return self.units if service.unit else self.processes
