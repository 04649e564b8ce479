"""Health checks to detections: a target turns only after consecutive samples say so, judged in event time per target and probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from schemas.configuration import Configuration
from schemas.events import HealthCheck, HealthStatus
from schemas.ids import from_micros, id_of, micros
from schemas.incidents import Detection, DetectionStatus, EvidenceRef
from schemas.outputs import Count, Emit, Late, Observe, Output, Place
from schemas.vocabulary import Kind
from streams.detectors.shelf import Shelf
from streams.probing import Seen, Turned, observe
from streams.runtime_kinds import EXACT_KINDS
from streams.steady_time import was_set_back

MAX_TARGETS = 10_000
_SEVERITY = {HealthStatus.FAIL: "critical", HealthStatus.DEGRADED: "warning", HealthStatus.PASS: "info"}


class Health:
    """Keeps what is believed of each target by each probe on the shelf ``health/``."""

    def __init__(self, configuration: Configuration) -> None:
        """Start with every target believed well."""
        self._services = configuration.services
        policy = configuration.policy
        self._needed: Mapping[HealthStatus, int] = {
            HealthStatus.FAIL: policy.fail_after,
            HealthStatus.DEGRADED: policy.fail_after,
            HealthStatus.PASS: policy.pass_after,
        }
        self.seen: Shelf[Seen] = Shelf("health/", Seen, MAX_TARGETS)

    def load(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.seen.load(entries)

    def on_check(self, check: HealthCheck, place: Place, now: datetime, traceparent: str) -> Sequence[Output]:
        """Take one sample in; a repeated one changes nothing, one older than the newest is late, unless the prober's clock was set back."""
        key = f"{check.target}|{check.probe}"
        seen = self.seen.rows.get(key, Seen())
        at = micros(check.at)
        if at == seen.last_at:
            return ()
        if at < seen.last_at and not was_set_back(seen.last_at, at, now):
            return (Late(check, "older than the newest sample of its probe"),)
        ref = EvidenceRef(place.topic, place.partition, place.offset, id_of(check))
        after, turned = observe(seen, check.status, at, ref, self._needed)
        self.seen.put(key, after)
        if turned is None:
            return ()
        detection = self._detection(check, turned, traceparent)
        return (
            Emit(detection),
            Count("healstream_detections_total", (("kind", self._kind_of(check, turned.level).value), ("detector", detection.detector))),
            Observe("healstream_detection_latency_seconds", max((now - check.at).total_seconds(), 0.0), trace=traceparent),
        )

    def _detection(self, check: HealthCheck, turned: Turned, traceparent: str) -> Detection:
        well = turned.level is HealthStatus.PASS
        return Detection(
            status=DetectionStatus.RESOLVED if well else DetectionStatus.FIRING,
            target=check.target,
            scope=self._services.scope_of(check.target),
            detector="config_hash" if check.target.startswith("config:") else "health",
            complete=True,
            first_at=from_micros(turned.first_at),
            last_at=check.at,
            severity=_SEVERITY[turned.level],
            evidence=turned.evidence,
            signals=(
                ("probe", check.probe),
                ("detail", check.detail[:500]),
                ("status", turned.level.value),
                ("kind", self._kind_of(check, turned.level).value),
            ),
            provenance=check.provenance,
            traceparent=traceparent,
        )

    def _kind_of(self, check: HealthCheck, level: HealthStatus) -> Kind:
        if level is HealthStatus.PASS:
            return Kind.SUCCESS
        if check.target.startswith("config:"):
            return Kind.CONFIG_DRIFT
        probe = self._services.probe_kinds(check.target).get(check.probe)
        usual = Kind.SERVICE_DOWN if level is HealthStatus.FAIL else Kind.SERVICE_DEGRADED
        return EXACT_KINDS.get(probe, usual) if probe else usual
