"""Metric samples to detections by rules that are data: a measure of a series stands beyond a bound for a time.

What is measured is a row of ``measures.py``. Everything is judged in event time: samples wait until the watermark of their series
(newest - grace) has passed them, so that they are read in order; a sample behind the watermark is late. Of an idle series that goes on as
``watermark.py`` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.configuration import Configuration
from schemas.events import MetricBatch, Provenance, Sample, weakest
from schemas.ids import from_micros, id_of, micros
from schemas.incidents import Detection, DetectionStatus, EvidenceRef
from schemas.metric_rules import MetricRule
from schemas.outputs import Count, Emit, Late, Observe, Output, Place
from schemas.vocabulary import Kind
from streams.detectors.measures import MEASURES, Memory, Reading
from streams.detectors.shelf import Shelf
from streams.detectors.watermark import GRACE_S, Watermark
from streams.steady_time import was_set_back

MAX_SERIES = 10_000
MAX_WAITING = 64
MAX_BATCHES = 16
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Point:
    """One sample: microseconds and value."""

    at: int
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One rule over one series: what waits, up to when it was read, what its measure remembers, and since when it contradicts belief."""

    waiting: tuple[Point, ...] = ()
    newest_at: int = -1
    read_at: int = -1
    memory: Memory = ()
    since: int | None = None
    firing: bool = False
    ref: EvidenceRef = EvidenceRef("", 0, 0)
    provenance: Provenance = Provenance()
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Batches:
    """Ids of a target's last batches, so that a repeated one is known."""

    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Change:
    firing: bool
    first_at: int
    at: int
    reading: Reading


class MetricThreshold:
    """Keeps one row per target, rule and labels on the shelf ``metric/``."""

    def __init__(self, configuration: Configuration, rules: tuple[MetricRule, ...]) -> None:
        """Start without samples."""
        self._services = configuration.services
        self._rules = {rule.name: rule for rule in rules if rule.measure in MEASURES}
        self._by_metric: dict[str, list[MetricRule]] = {}
        for rule in self._rules.values():
            self._by_metric.setdefault(rule.metric, []).append(rule)
        self.series: Shelf[Series] = Shelf("metric/", Series, MAX_SERIES)
        self.batches: Shelf[Batches] = Shelf("batches/", Batches, MAX_SERIES)
        self._watermark = Watermark("metric-mark/")
        self.mark = self._watermark.mark
        self._waiting: set[str] = set()

    def load(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.series.load(entries)
        self.batches.load(entries)
        self.mark.load(entries)
        self._waiting = {key for key, row in self.series.rows.items() if row.waiting}

    def on_batch(self, batch: MetricBatch, place: Place, now: datetime, traceparent: str) -> Sequence[Output]:
        """Take a batch in; samples that no rule asks for are left."""
        batch_id = id_of(batch)
        seen = self.batches.rows.get(batch.target, Batches())
        if batch_id in seen.ids:
            return ()
        asked = ((rule, sample) for sample in batch.samples for rule in self._by_metric.get(sample.name, ()))
        wanted = [(rule, sample) for rule, sample in asked if rule.is_on(batch.target)]
        if not wanted:
            return ()
        self.batches.put(batch.target, Batches((*seen.ids, batch_id)[-MAX_BATCHES:]))
        ref = EvidenceRef(place.topic, place.partition, place.offset, batch_id)
        self._watermark.came(max(micros(sample.at) for _, sample in wanted), now)
        late, touched = 0, []
        for rule, sample in wanted:
            key = f"{rule.name}|{batch.target}|{_labels(sample)}"
            row = self.series.rows.get(key, Series(provenance=batch.provenance))
            if was_set_back(row.newest_at, micros(sample.at), now):
                # What is remembered has times that come again: it is measured anew; what fires does so until it is seen to be well.
                late += len(row.waiting)
                row = Series(firing=row.firing, provenance=row.provenance)
            if micros(sample.at) <= row.read_at:
                late += 1
                continue
            point = Point(micros(sample.at), sample.value)
            waiting = tuple(sorted({*row.waiting, point}, key=lambda one: (one.at, one.value)))
            newest = max(row.newest_at, point.at)
            known = replace(row, waiting=waiting, newest_at=newest, ref=ref, traceparent=traceparent)
            self.series.put(key, replace(known, provenance=weakest(row.provenance, batch.provenance)))
            touched.append(key)
        outputs = [output for key in dict.fromkeys(touched) for output in self._read(key, 0, now)]
        return [Late(batch, f"{late} samples behind the watermark"), *outputs] if late else outputs

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Let the watermark of idle series go on, so that the last samples are read too."""
        idle = self._watermark.idle_at(now)
        return [output for key in sorted(self._waiting) for output in self._read(key, idle, now)]

    def _read(self, key: str, idle: int, now: datetime) -> Sequence[Output]:
        row = self.series.rows.get(key)
        rule = self._rules.get(key.partition("|")[0])
        if row is None or rule is None:
            self._waiting.discard(key)
            return ()
        watermark = max(row.newest_at - int(GRACE_S * _SECOND), idle)
        # Too many at once are read before the watermark rather than kept.
        ready = [point for number, point in enumerate(row.waiting) if point.at <= watermark or number < len(row.waiting) - MAX_WAITING]
        outputs: list[Output] = []
        for point in ready:
            row, change = _step(row, rule, point)
            if change is not None:
                outputs.extend(self._tell(key, row, rule, change))
                if change.firing:
                    late_s = (micros(now) - change.at) / _SECOND
                    outputs.append(Observe("healstream_detection_latency_seconds", max(late_s, 0.0), trace=row.traceparent))
        if ready:
            row = replace(row, waiting=row.waiting[len(ready) :])
            self.series.put(key, row)
        (self._waiting.add if row.waiting else self._waiting.discard)(key)
        return outputs

    def _tell(self, key: str, row: Series, rule: MetricRule, change: _Change) -> Sequence[Output]:
        target = key.split("|")[1]
        kind = rule.kind if change.firing else Kind.SUCCESS
        detection = Detection(
            status=DetectionStatus.FIRING if change.firing else DetectionStatus.RESOLVED,
            target=target,
            scope=self._services.scope_of(target),
            detector=f"metric:{rule.name}",
            complete=True,
            first_at=from_micros(change.first_at),
            last_at=from_micros(change.at),
            severity=(change.reading.severity or rule.severity) if change.firing else "info",
            evidence=(row.ref,),
            signals=(
                ("kind", kind.value),
                ("metric", rule.metric),
                ("labels", key.split("|", 2)[2][:300]),
                ("measure", rule.measure.value),
                ("value", f"{change.reading.measured or 0.0:.6g}"),
                ("bound", f"{rule.compare} {rule.bound:.6g}"),
                ("why", change.reading.why),
            ),
            provenance=row.provenance,
            traceparent=row.traceparent,
        )
        return (Emit(detection), Count("healstream_detections_total", (("kind", kind.value), ("detector", "metric"))))


def _labels(sample: Sample) -> str:
    return ",".join(f"{name}={text}" for name, text in sorted(sample.labels))


def _step(row: Series, rule: MetricRule, point: Point) -> tuple[Series, _Change | None]:
    reading = MEASURES[rule.measure](rule, row.memory, point.at / _SECOND, point.value)
    beyond = reading.measured is not None and rule.compare.holds(reading.measured, rule.bound)
    read = replace(row, read_at=point.at, memory=reading.memory)
    if beyond is row.firing:
        return replace(read, since=None), None
    since = point.at if row.since is None else row.since
    if point.at - since < rule.for_s * _SECOND:
        return replace(read, since=since), None
    return replace(read, since=None, firing=beyond), _Change(beyond, since, point.at, reading)
