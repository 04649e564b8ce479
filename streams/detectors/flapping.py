"""Health that does not settle: a target whose looks contradict one another again and again, each time too briefly to be believed.

The measure is the weighted share of changes among the last 21 checks that Nagios judges by ("Detection and Handling of State
Flapping" in its manual): newer changes weigh more, and the share that ends it lies far below the one that begins it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from schemas.configuration import Configuration
from schemas.events import HealthCheck, HealthStatus
from schemas.ids import from_micros, id_of, micros
from schemas.incidents import Detection, DetectionStatus, EvidenceRef
from schemas.outputs import Count, Emit, Output, Place
from schemas.vocabulary import Kind
from streams.detectors.shelf import Shelf
from streams.steady_time import was_set_back

MAX_TARGETS = 10_000
CHECKS = 21
BEGINS_AT, ENDS_BELOW = 0.35, 0.2
# The newest change weighs half as much again as the oldest.
_WEIGHTS = tuple(0.8 + 0.4 * place / (CHECKS - 2) for place in range(CHECKS - 1))
_LETTERS = {HealthStatus.PASS: "p", HealthStatus.DEGRADED: "d", HealthStatus.FAIL: "f"}


@dataclass(frozen=True, slots=True)
class Looks:
    """The last checks of one target by one probe, a letter each, the time of the newest and of the first since they were steady."""

    letters: str = ""
    last_at: int = -1
    since: int = 0
    flapping: bool = False


class Flapping:
    """Keeps the last checks of what is not steady on the shelf ``flap/``: a target that only ever passes has no row."""

    def __init__(self, configuration: Configuration) -> None:
        """Start with every target steady."""
        self._services = configuration.services
        self.seen: Shelf[Looks] = Shelf("flap/", Looks, MAX_TARGETS)

    def load(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.seen.load(entries)

    def on_check(self, check: HealthCheck, place: Place, now: datetime, traceparent: str) -> Sequence[Output]:
        """Take one check in; one that is not newer changes nothing, and ``health.py`` says that it is late."""
        key, at, letter = f"{check.target}|{check.probe}", micros(check.at), _LETTERS[check.status]
        known = self.seen.rows.get(key)
        if known is None:
            if check.status is not HealthStatus.PASS:
                self.seen.put(key, Looks("p" * (CHECKS - 1) + letter, at, at))
            return ()
        if at <= known.last_at and not was_set_back(known.last_at, at, now):
            return ()
        letters = (known.letters + letter)[-CHECKS:]
        share = share_of_changes(letters)
        if not share:
            self.seen.drop(key)
        else:
            self.seen.put(key, replace(known, letters=letters, last_at=at, flapping=_is_flapping(known.flapping, share)))
        if _is_flapping(known.flapping, share) is known.flapping:
            return ()
        return self._tell(check, replace(known, letters=letters, flapping=not known.flapping), share, place, traceparent)

    def _tell(self, check: HealthCheck, looks: Looks, share: float, place: Place, traceparent: str) -> Sequence[Output]:
        kind = Kind.SERVICE_DEGRADED if looks.flapping else Kind.SUCCESS
        detection = Detection(
            status=DetectionStatus.FIRING if looks.flapping else DetectionStatus.RESOLVED,
            target=check.target,
            scope=self._services.scope_of(check.target),
            detector=f"flapping:{check.probe}",
            complete=True,
            first_at=from_micros(looks.since) if looks.flapping else check.at,
            last_at=check.at,
            severity="warning" if looks.flapping else "info",
            evidence=(EvidenceRef(place.topic, place.partition, place.offset, id_of(check)),),
            signals=(("kind", kind.value), ("probes", "flapping"), ("changes", f"{share:.2f}"), ("checks", looks.letters)),
            provenance=check.provenance,
            traceparent=traceparent,
        )
        return (Emit(detection), Count("healstream_detections_total", (("kind", kind.value), ("detector", "flapping"))))


def share_of_changes(letters: str) -> float:
    """Return the weighted share of checks that differ from the one before, 0 to 1; what is not yet known was steady."""
    full = letters.rjust(CHECKS, letters[:1])
    changed = (weight for weight, (before, after) in zip(_WEIGHTS, pairwise(full), strict=True) if before != after)
    return sum(changed) / sum(_WEIGHTS)


def _is_flapping(now: bool, share: float) -> bool:
    return share > (ENDS_BELOW if now else BEGINS_AT)
