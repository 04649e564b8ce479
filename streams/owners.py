"""Whose a target is, found at once: thousands of decisions may wait at the door and be asked at each tick; used by ``admit``."""

from __future__ import annotations

from schemas.services import Services, ServiceSpec


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
