"""When to probe and when to believe it: a schedule without drift, and hysteresis over what probes saw.

Called by ``streams/prober.py`` (schedule) and ``streams/detectors/health.py`` (hysteresis).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Generic, TypeVar

from schemas.events import HealthStatus
from schemas.incidents import EvidenceRef

T = TypeVar("T")
MIN_EVERY_S = 0.1
MAX_STREAK = 10


class Schedule(Generic[T]):
    """When each item is due: soon after the start, then every period at a phase of its own, on a monotonic clock, whatever looks take.

    The phase is drawn by chance, so that neither a thousand targets nor many probers look in the same moment.
    """

    def __init__(self, periods: Iterable[tuple[T, float]], start_s: float, chance: Callable[[], float]) -> None:
        """Spread the first looks over a moment, the later ones over their whole period; ``chance`` gives 0 to 1."""
        rows = [(item, max(every_s, MIN_EVERY_S)) for item, every_s in periods]
        self._every = dict(rows)
        self._phase = {item: start_s + chance() * every_s for item, every_s in rows}
        # The number keeps items out of comparisons.
        firsts = ((start_s + number * min(every_s, 1.0) / len(rows), number, item) for number, (item, every_s) in enumerate(rows))
        self._queue: list[tuple[float, int, T]] = sorted(firsts, key=lambda row: row[:2])

    def due(self, now_s: float) -> list[T]:
        """Return what is due; a period slept through is skipped, never made up for."""
        found = []
        while self._queue and self._queue[0][0] <= now_s:
            _, number, item = heappop(self._queue)
            found.append(item)
            passed = math.floor((now_s - self._phase[item]) / self._every[item] + 1e-9)
            heappush(self._queue, (self._phase[item] + (passed + 1) * self._every[item], number, item))
        return found

    def wait_s(self, now_s: float, most_s: float = 0.5) -> float:
        """Return how long nothing is due, at most ``most_s``."""
        return max(0.0, min(most_s, self._queue[0][0] - now_s)) if self._queue else most_s


@dataclass(frozen=True, slots=True)
class Seen:
    """What is believed of one target by one probe, and the streak that speaks against it; times in microseconds."""

    level: HealthStatus = HealthStatus.PASS
    last_at: int = -1
    count: int = 0
    first_at: int = 0
    streak: tuple[EvidenceRef, ...] = ()
    opened_at: int = 0
    toward: HealthStatus = HealthStatus.PASS


@dataclass(frozen=True, slots=True)
class Turned:
    """The belief changed: to what, since when, and by which records."""

    level: HealthStatus
    first_at: int
    evidence: tuple[EvidenceRef, ...]


def observe(seen: Seen, status: HealthStatus, at: int, ref: EvidenceRef, needed: Mapping[HealthStatus, int]) -> tuple[Seen, Turned | None]:
    """Take one sample in; the belief turns after ``needed`` consecutive samples that speak against it."""
    if not _contradicts(seen.level, status):
        return replace(seen, last_at=at, count=0, streak=()), None
    # While a target is bad, samples that pull it different ways (well, worse) do not add up.
    goes_on = seen.count > 0 and (seen.level is HealthStatus.PASS or seen.toward is status)
    first_at = seen.first_at if goes_on else at
    streak = (*seen.streak, ref)[-MAX_STREAK:] if goes_on else (ref,)
    count = seen.count + 1 if goes_on else 1
    if count < needed[status]:
        return replace(seen, last_at=at, count=count, first_at=first_at, streak=streak, toward=status), None
    # A target that gets worse while it is bad was bad since it first turned.
    opened = first_at if seen.level is HealthStatus.PASS else seen.opened_at
    turned = Turned(status, opened if status is not HealthStatus.PASS else first_at, streak)
    return Seen(level=status, last_at=at, opened_at=opened), turned


def _contradicts(level: HealthStatus, status: HealthStatus) -> bool:
    if level is HealthStatus.PASS:
        return status is not HealthStatus.PASS
    # Degraded to failing is worse and is said; failing to degraded is not yet well.
    return status is HealthStatus.PASS or (level is HealthStatus.DEGRADED and status is HealthStatus.FAIL)
