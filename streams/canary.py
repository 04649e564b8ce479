"""Which incidents a strategy at level ``canary`` heals by itself: a fixed share, chosen by a hash, so that every restart chooses alike."""

from __future__ import annotations

from hashlib import blake2b

_SPAN = 1 << 64


def canary_point(incident_id: str, strategy: str) -> float:
    """Return where the incident falls in 0..1; below the strategy's share it is the canary's, and a larger share keeps what it had."""
    digest = blake2b(f"canary\0{strategy}\0{incident_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _SPAN
