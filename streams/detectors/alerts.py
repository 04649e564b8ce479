"""Alerts of other systems to detections: an alert that fires, and the same alert resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.configuration import Configuration
from schemas.events import Alert, AlertStatus
from schemas.ids import id_of, micros
from schemas.incidents import Detection, DetectionStatus, EvidenceRef
from schemas.outputs import Count, Emit, Late, Observe, Output, Place
from schemas.vocabulary import Kind
from streams.detectors.shelf import Shelf

MAX_ALERTS = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """The newest start of an alert that was told (microseconds), and whether its end was."""

    starts_at: int
    resolved: bool


class Alerts:
    """Keeps what was told of each fingerprint on the shelf ``alert/``."""

    def __init__(self, configuration: Configuration) -> None:
        """Start with nothing told."""
        self._services = configuration.services
        self.told: Shelf[Told] = Shelf("alert/", Told, MAX_ALERTS)

    def load(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.told.load(entries)

    def on_alert(self, alert: Alert, place: Place, now: datetime, traceparent: str) -> Sequence[Output]:
        """Tell an alert's start and end once each; an end that overtook its start has the last word."""
        key = f"{alert.target}|{alert.fingerprint}"
        known, starts_at = self.told.rows.get(key), micros(alert.starts_at)
        resolved = alert.status is AlertStatus.RESOLVED
        if known is not None and starts_at < known.starts_at:
            return (Late(alert, "a later start of this alert is known"),)
        if known is not None and starts_at == known.starts_at and (known.resolved or not resolved):
            return ()
        self.told.put(key, Told(starts_at, resolved))
        kind = Kind.SUCCESS if resolved else Kind.SLO_BURN if "burn" in alert.name.lower() else Kind.METRIC_ANOMALY
        ended = alert.ends_at or now
        detection = Detection(
            status=DetectionStatus.RESOLVED if resolved else DetectionStatus.FIRING,
            target=alert.target,
            scope=self._services.scope_of(alert.target),
            detector="alert",
            complete=True,
            first_at=alert.starts_at,
            last_at=max(ended, alert.starts_at) if resolved else alert.starts_at,
            severity="info" if resolved else alert.severity or "warning",
            evidence=(EvidenceRef(place.topic, place.partition, place.offset, id_of(alert)),),
            signals=(("kind", kind.value), ("alert", alert.name[:200]), ("fingerprint", alert.fingerprint[:100])),
            provenance=alert.provenance,
            traceparent=traceparent,
        )
        found: tuple[Output, ...] = (Emit(detection), Count("healstream_detections_total", (("kind", kind.value), ("detector", "alert"))))
        late_s = max((now - alert.starts_at).total_seconds(), 0.0)
        return found if resolved else (*found, Observe("healstream_detection_latency_seconds", late_s, trace=traceparent))
