"""TCP, HTTP and cluster probes of a service: fits ``HealthPort``. Explicit time-outs, no redirects, a bounded answer."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import httpx

from infra.adapters.authorities import trusted
from infra.adapters.in_sync import why_out_of_sync
from schemas.probes import ProbeKind, ProbeSpec


@dataclass(frozen=True, slots=True)
class Checks:
    """The real adapter."""

    def passes(self, probe: ProbeSpec) -> bool:
        """Run a probe over the network once; other kinds are asked elsewhere and do not pass here."""
        if probe.kind is ProbeKind.TCP:
            return _connects(probe)
        if probe.kind is ProbeKind.IN_SYNC:
            return not why_out_of_sync(probe.address, probe.timeout_s)
        return probe.kind is ProbeKind.HTTP and _answers(probe)


def _connects(probe: ProbeSpec) -> bool:
    host, _, port = probe.address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=probe.timeout_s):
            return True
    except (OSError, ValueError):
        return False


def _answers(probe: ProbeSpec) -> bool:
    try:
        with (
            httpx.Client(timeout=probe.timeout_s, follow_redirects=False, trust_env=False, verify=trusted()) as client,
            client.stream("GET", probe.address) as answer,
        ):
            return answer.status_code in probe.statuses if probe.statuses else answer.is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
