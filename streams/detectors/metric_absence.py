"""Series that stop as events: a rule's metric of which no sample comes, judged by a watermark that goes on when everything is silent.

A series is known from its first sample on; ``absence.py`` does the same for health checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from schemas.configuration import Configuration
from schemas.events import MetricBatch
from schemas.ids import from_micros, id_of, micros
from schemas.incidents import Detection, DetectionStatus, EvidenceRef
from schemas.metric_rules import Measure, MetricRule
from schemas.outputs import Count, Emit, Output, Place
from schemas.vocabulary import Kind
from streams.detectors.absence import FORGET_S, Heartbeat
from streams.detectors.shelf import Shelf
from streams.detectors.watermark import Watermark
from streams.steady_time import was_set_back

MAX_SERIES = 10_000
_SECOND = 1_000_000


class MetricAbsence:
    """Keeps the last sample of each rule and target on the shelf ``unheard/``, and the newest event time on ``heard/``."""

    def __init__(self, configuration: Configuration, rules: tuple[MetricRule, ...]) -> None:
        """Start without a known series."""
        self._services = configuration.services
        self._rules = {rule.name: rule for rule in rules if rule.measure is Measure.ABSENCE}
        self.beats: Shelf[Heartbeat] = Shelf("unheard/", Heartbeat, MAX_SERIES)
        self._watermark = Watermark("heard/")
        self.mark = self._watermark.mark

    def load(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.beats.load(entries)
        self.mark.load(entries)

    def on_batch(self, batch: MetricBatch, place: Place, now: datetime, traceparent: str) -> Sequence[Output]:
        """Take the newest sample of each rule in; it ends a silence that was told."""
        outputs: list[Output] = []
        for rule in self._rules.values():
            times = [micros(sample.at) for sample in batch.samples if sample.name == rule.metric] if rule.is_on(batch.target) else []
            if times:
                ref = EvidenceRef(place.topic, place.partition, place.offset, id_of(batch))
                outputs += self._heard(rule, batch.target, Heartbeat(max(times), ref, batch.provenance, traceparent=traceparent), now)
        return outputs

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Tell the silences that have become too long; forget series that are gone, and those of rules that are."""
        watermark = self._watermark.at(now)
        outputs: list[Output] = []
        for key, beat in list(self.beats.rows.items()):
            name, _, target = key.partition("|")
            rule = self._rules.get(name)
            silent_s = (watermark - beat.last_at) / _SECOND
            if rule is None or silent_s > max(FORGET_S, 2 * rule.bound):
                self.beats.drop(key)
            elif not beat.missing and rule.compare.holds(silent_s, rule.bound):
                self.beats.put(key, replace(beat, missing=True))
                outputs += self._tell(rule, target, beat, watermark, DetectionStatus.FIRING)
        return outputs

    def _heard(self, rule: MetricRule, target: str, beat: Heartbeat, now: datetime) -> Sequence[Output]:
        self._watermark.came(beat.last_at, now)
        key = f"{rule.name}|{target}"
        known = self.beats.rows.get(key)
        if known is not None and beat.last_at <= known.last_at and not was_set_back(known.last_at, beat.last_at, now):
            return ()
        self.beats.put(key, beat)
        was_missing = known is not None and known.missing
        return self._tell(rule, target, beat, beat.last_at, DetectionStatus.RESOLVED) if was_missing else ()

    def _tell(self, rule: MetricRule, target: str, beat: Heartbeat, at: int, status: DetectionStatus) -> Sequence[Output]:
        kind = rule.kind if status is DetectionStatus.FIRING else Kind.SUCCESS
        detection = Detection(
            status=status,
            target=target,
            scope=self._services.scope_of(target),
            detector=f"metric:{rule.name}",
            complete=True,
            first_at=from_micros(beat.last_at),
            last_at=from_micros(max(at, beat.last_at)),
            severity=rule.severity if status is DetectionStatus.FIRING else "info",
            evidence=(beat.ref,),
            signals=(
                ("kind", kind.value),
                ("metric", rule.metric),
                ("measure", rule.measure.value),
                ("value", f"{max(at - beat.last_at, 0) / _SECOND:.0f}"),
                ("bound", f"{rule.compare} {rule.bound:.6g}"),
            ),
            provenance=beat.provenance,
            traceparent=beat.traceparent,
        )
        return (Emit(detection), Count("healstream_detections_total", (("kind", kind.value), ("detector", "metric"))))
