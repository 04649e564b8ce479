"""The row ``heartbeat`` of ``healstream.yaml``: whom this copy tells that it is well, and how often; read by ``configuration.py``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from console.shape import Shape
from infra.adapters.allowed_hosts import may_ask

# Printable ASCII without a login, a fragment, or what two readers of URLs would take for different hosts.
_URL = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?([/?][!\"$-;=?A-\[\]-~]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class HeartbeatRule:
    """One of ``url`` and ``url_file``, and the seconds from beat to beat."""

    url: str
    url_file: str
    every_s: float


def why_no_url(text: str) -> str:
    """Return why a text may not be called, empty when it may; the text itself is never part of it, for it is a secret."""
    if not _URL.fullmatch(text):
        return "this is no URL to call; write https://host/path in small letters, without a login and without #"
    try:
        parts = urlsplit(text)
        is_port = parts.port != 0
    except ValueError:
        return "its address or its port is none; write https://host:port/path with a port of 1 to 65535"
    if not is_port:
        return "nobody listens on port 0; write one of 1 to 65535, or none"
    if parts.scheme == "http" and not may_ask(parts.hostname or "", frozenset()):
        return "over plain http others could read it; write https, or a host of loopback"
    return ""


def _check_url(text: str) -> str:
    if text and (why := why_no_url(text)):
        raise ValueError(why)
    return text


class HeartbeatRow(Shape):
    """Whoever knows such a URL can fake a beat, so it may stand in a file of mode 600 that ``url_file`` names."""

    url: Annotated[str, Field(max_length=2000), AfterValidator(_check_url)] = ""
    url_file: Annotated[str, Field(pattern=r"^/[^\x00-\x1f]*$|^$", max_length=1000)] = ""
    every_s: Annotated[float, Field(ge=10, le=3600)] = 60.0

    @model_validator(mode="after")
    def _has_one_url(self) -> Self:
        if bool(self.url) == bool(self.url_file):
            raise ValueError("give either url or url_file")
        return self

    def record(self) -> HeartbeatRule:
        """Return the record."""
        return HeartbeatRule(self.url, self.url_file, self.every_s)
