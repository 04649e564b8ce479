"""Silence as an event: a target whose health checks stop coming, judged by a watermark that goes on when everything is silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.configuration import Configuration
from schemas.events import HealthCheck, Provenance
from schemas.ids import from_micros, id_of, micros
from schemas.incidents import Detection, DetectionStatus, EvidenceRef
from schemas.outputs import Count, Emit, Observe, Output, Place
from schemas.vocabulary import Kind
from streams.detectors.shelf import Shelf
from streams.detectors.watermark import Watermark
from streams.steady_time import was_set_back

MAX_TARGETS = 10_000
HEARTBEAT_S = 30.0
# A target that has been silent that long has been taken away rather than gone down.
FORGET_S = 6 * 3600.0
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The newest health check of a target (microseconds) and whether its silence has been told."""

    last_at: int
    ref: EvidenceRef
    provenance: Provenance
    missing: bool = False
    traceparent: str = ""


class Absence:
    """Keeps each target's last sign of life on the shelf ``absence/``, and the watermark on ``mark/``."""

    def __init__(self, configuration: Configuration) -> None:
        """Start without a known target."""
        self._services = configuration.services
        self.beats: Shelf[Heartbeat] = Shelf("absence/", Heartbeat, MAX_TARGETS)
        self._watermark = Watermark("mark/")
        self.mark = self._watermark.mark

    def load(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.beats.load(entries)
        self.mark.load(entries)

    def on_check(self, check: HealthCheck, place: Place, now: datetime, traceparent: str) -> Sequence[Output]:
        """Take a sign of life in; it ends a silence that was told."""
        at = micros(check.at)
        self._watermark.came(at, now)
        known = self.beats.rows.get(check.target)
        if known is not None and at <= known.last_at and not was_set_back(known.last_at, at, now):
            return ()
        ref = EvidenceRef(place.topic, place.partition, place.offset, id_of(check))
        beat = Heartbeat(at, ref, check.provenance, traceparent=traceparent)
        self.beats.put(check.target, beat)
        return self._tell(check.target, beat, DetectionStatus.RESOLVED, at) if known is not None and known.missing else ()

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Tell the silences that have become too long; forget targets that are gone."""
        watermark = self._watermark.at(now)
        outputs: list[Output] = []
        for target, beat in list(self.beats.rows.items()):
            silent_s = (watermark - beat.last_at) / _SECOND
            if silent_s > FORGET_S:
                self.beats.drop(target)
            elif not beat.missing and silent_s > self._allowed_s(target):
                self.beats.put(target, replace(beat, missing=True))
                outputs.extend(self._tell(target, beat, DetectionStatus.FIRING, watermark))
                late_s = (micros(now) - beat.last_at) / _SECOND - self._allowed_s(target)
                outputs.append(Observe("healstream_detection_latency_seconds", max(late_s, 0.0), trace=beat.traceparent))
        return outputs

    def _allowed_s(self, target: str) -> float:
        kind, _, name = target.partition(":")
        spec = self._services.service(name) if kind == "service" else None
        # A slow probe is not silent between two of its looks.
        return max([HEARTBEAT_S, *(3 * probe.every_s for probe in (spec.probes if spec else ()))])

    def _tell(self, target: str, beat: Heartbeat, status: DetectionStatus, at: int) -> Sequence[Output]:
        missing = status is DetectionStatus.FIRING
        kind = Kind.HEARTBEAT_MISSING if missing else Kind.SUCCESS
        detection = Detection(
            status=status,
            target=target,
            scope=self._services.scope_of(target),
            detector="absence",
            complete=True,
            first_at=from_micros(beat.last_at),
            last_at=from_micros(max(at, beat.last_at)),
            severity="warning" if missing else "info",
            evidence=(beat.ref,),
            signals=(("kind", kind.value), ("silent_s", f"{max(at - beat.last_at, 0) / _SECOND:.0f}")),
            provenance=beat.provenance,
            traceparent=beat.traceparent,
        )
        return (Emit(detection), Count("healstream_detections_total", (("kind", kind.value), ("detector", "absence"))))
