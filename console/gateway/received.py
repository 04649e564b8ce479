"""One request as a value: everything that a translator or a proof may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
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


def digest_of(received: Received, needs: tuple[str, ...]) -> str:
    """Return a digest of everything that a translator reads: two requests with the same one become the same records."""
    # A binary CloudEvent keeps its attributes in its headers.
    read = sorted((name, value) for name, value in received.headers.items() if name in needs or name.startswith("ce-"))
    told = repr((received.media_type, read, sorted(received.query.items()))).encode()
    return blake2b(told + received.body, digest_size=16).hexdigest()
