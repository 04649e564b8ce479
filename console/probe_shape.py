"""The shape of one probe, wherever it stands in ``services.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from console.shape import Name, Seconds, Shape
from schemas.probes import ProbeKind, ProbeSpec


class ProbeRow(Shape):
    """One probe of a service."""

    name: Name
    kind: ProbeKind
    address: str = ""
    every_s: Seconds = 10.0
    timeout_s: Seconds = 2.0
    statuses: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(max_length=20)] = ()

    def record(self) -> ProbeSpec:
        """Return the record."""
        return ProbeSpec(self.name, self.kind, self.address, self.every_s, self.timeout_s, self.statuses)
