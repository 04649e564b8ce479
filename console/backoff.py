"""When a process that ended is started again: exponential backoff with jitter, forgiven after a while of good service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

FIRST_S = 0.25
MOST_S = 30.0
FORGIVEN_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often in a row a process ended soon, and from when (monotonic seconds) it may start again."""

    failures: int = 0
    not_before_s: float = 0.0

    def after_end(self, alive_s: float, now_s: float, draw: Callable[[], float]) -> Backoff:
        """Return the backoff after an end; ``draw`` gives a number in 0..1."""
        failures = 1 if alive_s >= FORGIVEN_AFTER_S else self.failures + 1
        # Half of the wait is jitter, so that processes that died together do not come back together.
        wait_s = min(FIRST_S * 2.0 ** min(failures - 1, 16), MOST_S) * (0.5 + draw() / 2)
        return replace(self, failures=failures, not_before_s=now_s + wait_s)

    def may_start(self, now_s: float) -> bool:
        """Tell whether the wait is over."""
        return now_s >= self.not_before_s
