"""Whose a target is, found at once: thousands of decisions may be asked about at each tick; used by ``admit`` and ``classify``."""

from __future__ import annotations

from schemas.services import Services, ServiceSpec
from schemas.windows import Subject


class Owners:
    """The services of a catalogue by the targets that are theirs."""

    def __init__(self, services: Services) -> None:
        """Index the catalogue."""
        self._services = {f"service:{spec.name}": spec for spec in services.services}
        self._configs = {f"config:{row.name}": self._services.get(f"service:{row.service}") for row in services.configs}

    def of(self, target: str) -> ServiceSpec | None:
        """Return the service that a target is or whose configuration it is, as ``Services.owner_of`` does."""
        kind, _, name = target.partition(":")
        return self._configs.get(f"config:{name.partition(':')[0]}") if kind == "config" else self._services.get(target)

    def subject_of(self, target: str, scope: str, strategy: str = "") -> Subject:
        """Return what an action on a target is about, as windows, freezes and workflows name it."""
        spec = self.of(target)
        team, environment = (spec.team, spec.environment.value) if spec else ("", "")
        return Subject(target, scope, team, environment, strategy)
