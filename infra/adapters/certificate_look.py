"""How long the certificate of a TLS port is still valid; nothing is sent beyond the handshake. Called by ``probes.py``."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from typing import cast

from cryptography import x509

from infra.adapters.allowed_hosts import may_ask
from infra.adapters.look import Figure, Look
from schemas.events import HealthStatus
from schemas.probes import ProbeSpec

METRIC = "probe_certificate_left_seconds"


async def look_at_certificate(allowed: frozenset[str], probe: ProbeSpec) -> Look:
    """Return whether the certificate that ``host:port`` shows is valid today, and for how many seconds it still is."""
    host, _, port = probe.address.rpartition(":")
    if not may_ask(host, allowed) or not port.isdecimal():
        return Look(HealthStatus.FAIL, "not a port of loopback or of an allowed host")
    # Who signed it is not asked: of one that has expired, or that nobody here knows, the dates are wanted all the same.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = host.strip("[]")
    try:
        _, writer = await asyncio.open_connection(name, int(port), ssl=context, server_hostname=name)
        shown = cast("ssl.SSLObject", writer.get_extra_info("ssl_object")).getpeercert(binary_form=True)
        writer.transport.abort()
    except (OSError, OverflowError) as error:
        # Nothing can be said of the certificate: that the port is silent another probe tells.
        return Look(HealthStatus.DEGRADED, f"{probe.address}: {error}"[:300])
    return _judge(shown or b"", datetime.now(UTC))


def _judge(shown: bytes, now: datetime) -> Look:
    try:
        certificate = x509.load_der_x509_certificate(shown)
    except ValueError as error:
        return Look(HealthStatus.DEGRADED, f"no certificate can be read: {error}"[:300])
    left_s = (certificate.not_valid_after_utc - now).total_seconds()
    until = f"valid until {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if now < certificate.not_valid_before_utc:
        return Look(HealthStatus.FAIL, f"valid only from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on")
    return Look(HealthStatus.PASS if left_s > 0 else HealthStatus.FAIL, until, (Figure(METRIC, "s", left_s),))
