"""Events to detections: hands each event to its detector in ``detectors/`` and joins their states; next: ``classify.py``.

One instance a partition of the run topics (``ci.*``) and one a partition of the target topics (``infra.*``); the class is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from schemas.configuration import Configuration
from schemas.events import Alert, Event, HealthCheck, JobFinished, JobStarted, LogChunk, MetricBatch, WorkflowFinished
from schemas.metric_rules import METRIC_RULES, MetricRule, rules_in_force
from schemas.outputs import Count, Late, Output, Place
from streams.detectors.absence import Absence
from streams.detectors.alerts import Alerts
from streams.detectors.flapping import Flapping
from streams.detectors.health import Health
from streams.detectors.job_log import FeaturesOf, JobLog, LogRules
from streams.detectors.metric_absence import MetricAbsence
from streams.detectors.metric_threshold import MetricThreshold
from streams.detectors.run_evidence import LogMatcher
from streams.detectors.shelf import AnyShelf
from streams.detectors.workflow import Workflows


@dataclass(frozen=True, slots=True)
class DetectRules:
    """What detect goes by: the configuration, the compiled patterns, and how hits and the log's tail become features."""

    configuration: Configuration
    matcher: LogMatcher
    features_of: FeaturesOf
    metric_rules: tuple[MetricRule, ...] = METRIC_RULES


class Detect:
    """The stage: pure, and the same after a restart from its entries."""

    def __init__(self, rules: DetectRules) -> None:
        """Make the detectors; start empty."""
        configuration = rules.configuration
        policy = configuration.policy
        self._runs = JobLog(LogRules(rules.matcher, rules.features_of, policy.incomplete_wait_s, policy.secrets))
        self._health = Health(configuration)
        self._absence = Absence(configuration)
        metric_rules = rules_in_force(rules.metric_rules, configuration.services.metric_rules)
        self._metrics = MetricThreshold(configuration, metric_rules)
        self._silences = MetricAbsence(configuration, metric_rules)
        self._flaps = Flapping(configuration)
        self._alerts = Alerts(configuration)
        self._workflows = Workflows(configuration)
        self._timed = (self._runs, self._absence, self._metrics, self._silences, self._workflows)

    @classmethod
    def from_state(cls, entries: Mapping[str, str], rules: DetectRules) -> Self:
        """Begin again from the entries of a snapshot."""
        stage = cls(rules)
        runs, targets = (stage._runs, stage._workflows), (stage._health, stage._absence, stage._flaps)
        for detector in (*runs, *targets, stage._metrics, stage._silences, stage._alerts):
            detector.load(entries)
        return stage

    def on_event(self, event: Event, place: Place, now: datetime, traceparent: str = "") -> Sequence[Output]:
        """Take one event in; an event seen before changes nothing and says nothing."""
        outputs = self._taken(event, place, now, traceparent)
        late = sum(isinstance(output, Late) for output in outputs)
        return (
            [*outputs, Count("healstream_events_rejected_total", (("source", place.topic), ("reason", "late")), late)] if late else outputs
        )

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Let time pass: incomplete runs, silent targets, idle series."""
        return [output for found in self._timed for output in found.on_tick(now)]

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the entries changed since the last call (None: removed)."""
        changed: dict[str, str | None] = {}
        for shelf in self._shelves():
            changed.update(shelf.take_changes())
        return changed

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        return {name: text for shelf in self._shelves() for name, text in shelf.snapshot().items()}

    def _taken(self, event: Event, place: Place, now: datetime, traceparent: str) -> Sequence[Output]:
        match event:
            case LogChunk():
                return self._runs.on_chunk(event, place, now, traceparent)
            case JobFinished():
                # The end of a re-run by hand is told before what came of it.
                return [*self._workflows.on_finished(event, place, now), *self._runs.on_finished(event, place, now, traceparent)]
            case HealthCheck():
                beats = self._absence.on_check(event, place, now, traceparent)
                flaps = self._flaps.on_check(event, place, now, traceparent)
                return [*self._health.on_check(event, place, now, traceparent), *flaps, *beats]
            case MetricBatch():
                beats = self._silences.on_batch(event, place, now, traceparent)
                return [*self._metrics.on_batch(event, place, now, traceparent), *beats]
            case Alert():
                return self._alerts.on_alert(event, place, now, traceparent)
            case JobStarted():
                return self._workflows.on_started(event, place, now)
            case WorkflowFinished():
                return self._workflows.on_workflow_finished(event, place, now)

    def _shelves(self) -> Sequence[AnyShelf]:
        return (
            self._runs.runs,
            self._runs.done,
            self._health.seen,
            self._absence.beats,
            self._absence.mark,
            self._metrics.series,
            self._metrics.batches,
            self._metrics.mark,
            self._silences.beats,
            self._silences.mark,
            self._flaps.seen,
            self._alerts.told,
            self._workflows.seen,
        )
