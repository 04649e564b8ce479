"""One request as a value: everything that a translator or a proof may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from console.gateway.answers import KnownRuns

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Received:
    """A request: the raw body, the time by our clock, headers by their lower-case names, and what is known of runs."""

    body: bytes
    at: datetime
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    query: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    runs: KnownRuns = field(default_factory=lambda: MappingProxyType({}))

    @property
    def media_type(self) -> str:
        """Return the body's media type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()
