"""When this copy may tell the outside that it is well, and when it keeps still; pure. Asked by ``heartbeat.py``.

What watches from outside notices silence only, so whatever is in doubt is silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from recoverers.lease_guard import CLOCK_SKEW_S, LEASE_FRESH_S
from schemas.oversight import Lease

# A beat that was not taken is repeated sooner than the next one would come: whoever listens gives it a few periods at most.
RETRY_S = 10.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The processes that are not ready, and the newest lease of the door with the monotonic second of its receipt."""

    not_ready: Sequence[str] = ()
    lease: Lease | None = None
    heard_s: float = 0.0


def why_silent(seen: Seen, now: datetime, monotonic_s: float) -> str:
    """Return why no beat may go out, empty when all is well; the lease is judged as an executor judges it."""
    if seen.not_ready:
        return f"not ready: {', '.join(seen.not_ready)}"
    if seen.lease is None:
        return "no lease was heard yet"
    # A switch over the whole fleet stops the lease too: nothing is healed then, and that is what the outside is there to notice.
    if monotonic_s - seen.heard_s >= LEASE_FRESH_S:
        return "the lease is old"
    if abs((now - seen.lease.at).total_seconds()) >= CLOCK_SKEW_S:
        return "the lease is of another time"
    return ""


@dataclass(frozen=True, slots=True)
class Pulse:
    """The second of the next beat, on a monotonic clock that begins anywhere."""

    every_s: float
    next_s: float | None = None

    def is_due(self, now_s: float) -> bool:
        """Tell whether a beat is due; what is well for the first time, or again, beats at once."""
        return self.next_s is None or now_s >= self.next_s

    def after(self, now_s: float, *, taken: bool) -> Pulse:
        """Return the pulse after a beat that was taken or not."""
        return replace(self, next_s=now_s + (self.every_s if taken else min(self.every_s, RETRY_S)))
