"""Whom a look over the network may ask: loopback, and the hosts that the operator lists in ``HEALSTREAM_PROBE_HOSTS``."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

VARIABLE = "HEALSTREAM_PROBE_HOSTS"


def allowed_in(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the listed hosts."""
    return frozenset(name.strip().lower() for name in environ.get(VARIABLE, "").split(",") if name.strip())


def may_ask(host: str, allowed: frozenset[str]) -> bool:
    """Tell whether a host is loopback or one of the allowed."""
    name = host.strip("[]").lower()
    if name == "localhost" or name in allowed:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
