"""TCP, HTTP and cluster probes of a service: fits ``HealthPort``. Explicit time-outs, no redirects, a bounded answer."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import httpx

from infra.adapters.asked_wait import asked_wait_s
from infra.adapters.authorities import trusted
from infra.adapters.in_sync import why_out_of_sync
from schemas.attempts import Asked
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
        return probe.kind is ProbeKind.HTTP and _answers(probe).passes

    def ask(self, probe: ProbeSpec) -> Asked:
        """Run a probe once; only a page can say how long it wants to be left alone."""
        return _answers(probe) if probe.kind is ProbeKind.HTTP else Asked(self.passes(probe))


def _connects(probe: ProbeSpec) -> bool:
    host, _, port = probe.address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=probe.timeout_s):
            return True
    except (OSError, ValueError):
        return False


def _answers(probe: ProbeSpec) -> Asked:
    try:
        with (
            httpx.Client(timeout=probe.timeout_s, follow_redirects=False, trust_env=False, verify=trusted()) as client,
            client.stream("GET", probe.address) as answer,
        ):
            passed = answer.status_code in probe.statuses if probe.statuses else answer.is_success
            return Asked(passed, 0.0 if passed else asked_wait_s(answer))
    except (httpx.HTTPError, httpx.InvalidURL):
        return Asked(passes=False)
