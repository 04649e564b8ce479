"""When to probe and when to believe it: a schedule without drift, and hysteresis over what probes saw.

Called by ``streams/prober.py`` (schedule) and ``streams/detectors/health.py`` (hysteresis).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from schemas.events import HealthStatus
from schemas.incidents import EvidenceRef
from schemas.watches import Watch

MIN_EVERY_S = 0.1
MAX_STREAK = 10


class Schedule:
    """When each watch is due: the n-th time is start + offset + n * every_s on a monotonic clock, whatever the probes take."""

    def __init__(self, watches: Sequence[Watch], start_s: float) -> None:
        """Spread the first probes over their period, so that they do not all start at once."""
        spread = max(len(watches), 1)
        self._start = {watch: start_s + number * min(_every(watch), 1.0) / spread for number, watch in enumerate(watches)}
        self._next: dict[Watch, float] = dict(self._start)

    def due(self, now_s: float) -> list[Watch]:
        """Return what is due; a period slept through is skipped, never made up for."""
        found = [watch for watch, at in self._next.items() if at <= now_s]
        for watch in found:
            passed = math.floor((now_s - self._start[watch]) / _every(watch) + 1e-9)
            self._next[watch] = self._start[watch] + (passed + 1) * _every(watch)
        return found

    def wait_s(self, now_s: float, most_s: float = 0.5) -> float:
        """Return how long nothing is due, at most ``most_s``."""
        return max(0.0, min([most_s, *(at - now_s for at in self._next.values())]))


def _every(watch: Watch) -> float:
    return max(watch.probe.every_s, MIN_EVERY_S)


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
