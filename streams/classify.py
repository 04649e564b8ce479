"""The fourth stop: detections become one incident each failure, with kind, confidence and reasons; the next is ``streams/decide.py``.

An incident is classified once. What comes later in its scope or run, and all that a command of ours caused, are its updates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from schemas.configuration import Configuration
from schemas.control_words import why_not_counted
from schemas.decisions import Admission
from schemas.ids import id_of
from schemas.incidents import WORKFLOW, Detection, DetectionStatus, Incident
from schemas.matters import matter_of
from schemas.outputs import Emit, Output, Place
from schemas.oversight import AuditEntry, Control
from schemas.recoveries import RecoveryOutcome
from schemas.vocabulary import Kind
from streams.classified import ClassifyHits
from streams.green_watch import GreenWatch
from streams.incident_book import MAX_ROWS, IncidentBook
from streams.later_attempts import LaterAttempts
from streams.line_watch import LineWatch
from streams.opening import Stamp, enter_incident, overridden_incident, reopen_incident
from streams.owners import Owners
from streams.rows import Rows
from streams.run_incidents import on_run_failed, on_run_passed
from streams.runtime_incidents import RuntimeIncidents
from streams.storms import Storms
from streams.workflows_running import WorkflowsRunning

ClassifyEvent = Detection | Admission | RecoveryOutcome | Control


@dataclass(frozen=True, slots=True)
class ClassifyRules:
    """What the stage is given: the configuration, the classifier of run detections, and the versions stamped on incidents."""

    configuration: Configuration
    classify_hits: ClassifyHits
    model_version: str = ""
    catalogue_version: str = ""
    bound: int = MAX_ROWS


@dataclass(frozen=True, slots=True)
class SeenRow:
    """One detection that was applied."""

    at: datetime


class Classify:
    """The stage; see ``StageLogic``."""

    def __init__(self, entries: Mapping[str, str], rules: ClassifyRules) -> None:
        """Begin again from a snapshot's entries."""
        self._rules = rules
        self._book = IncidentBook(entries, rules.bound)
        self._storms = Storms(entries, rules.configuration)
        self._runtime = RuntimeIncidents(entries, self._book, self._storms, rules.configuration)
        self._greens = GreenWatch(entries, rules.configuration)
        self._later = LaterAttempts(entries)
        self._lines = LineWatch(entries, rules.configuration)
        self._workflows, self._owners = WorkflowsRunning(entries), Owners(rules.configuration.services)
        self._seen = Rows("seen/", SeenRow, rules.bound)
        self._seen.load(entries)

    @classmethod
    def from_state(cls, entries: Mapping[str, str], rules: ClassifyRules) -> Self:
        """Begin again from a snapshot."""
        return cls(entries, rules)

    def on_event(self, event: ClassifyEvent, place: Place, now: datetime) -> Sequence[Output]:
        """Take one event in."""
        del place
        return _with_deployments(self._take(event, now), self._workflows, self._owners, now)

    def _take(self, event: ClassifyEvent, now: datetime) -> Sequence[Output]:
        match event:
            case Detection():
                return self._on_detection(event, _stamp(self._rules, now))
            case Admission():
                self._book.admit(event)
                return self._judge_later(_stamp(self._rules, now))
            case RecoveryOutcome():
                self._storms.note_end(event)
                settled = self._book.settle(event, now)
                self._runtime.expect_end(settled.remaining, now)
                anew = [output for detection in settled.beyond for output in self._runtime.on_outlived(detection, _stamp(self._rules, now))]
                return [*anew, *self._judge_later(_stamp(self._rules, now))]
            case Control():
                return self._on_control(event, _stamp(self._rules, now))

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Open what has been gathered long enough."""
        self._workflows.forget_old(now)
        due = [*self._runtime.open_due(_stamp(self._rules, now)), *self._judge_later(_stamp(self._rules, now))]
        opened = _with_deployments(due, self._workflows, self._owners, now)
        return [*opened, *(Emit(update) for update in self._storms.tell_due(now))]

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the entries changed since the last call."""
        mine = {**self._book.rows.take_changes(), **self._runtime.gathered.take_changes(), **self._workflows.rows.take_changes()}
        # Last: a mark that is durable without what was made of its detection would lose the detection when it comes again.
        told = {**self._storms.rows.take_changes(), **self._greens.take_changes(), **self._lines.rows.take_changes()}
        # What waited goes after what was made of it, for the same reason.
        return {**mine, **told, **self._later.rows.take_changes(), **self._seen.take_changes()}

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        mine = {**self._book.rows.snapshot(), **self._seen.snapshot(), **self._workflows.rows.snapshot()}
        told = {**self._storms.rows.snapshot(), **self._greens.snapshot(), **self._later.rows.snapshot()}
        return {**mine, **self._runtime.gathered.snapshot(), **self._lines.rows.snapshot(), **told}

    def _on_detection(self, detection: Detection, stamp: Stamp) -> Sequence[Output]:
        firing = detection.status is DetectionStatus.FIRING
        # A workflow's run is no failure, and yet what fails while somebody deploys is judged by that.
        if detection.detector == WORKFLOW:
            self._workflows.note(detection, stamp.now)
            return ()
        # A success of a runtime target is a denominator only: its end of a failure is a resolved detection.
        if detection.status is DetectionStatus.SUMMARY and detection.run is None:
            return ()
        name = id_of(detection)
        if self._seen.get(name):
            return ()
        self._seen.put(name, SeenRow(detection.last_at))
        if detection.run is None:
            return self._runtime.on_failed(detection, stamp) if firing else self._runtime.on_resolved(detection, stamp)
        if not firing:
            passed = [*on_run_passed(self._book, detection, detection.run), *self._greens.on_passed(detection)]
            return [*passed, *self._lines.on_passed(self._book, detection, stamp)]
        return () if self._later.keep(self._book, detection) else self._on_run_failed(detection, stamp)

    def _judge_later(self, stamp: Stamp) -> Sequence[Output]:
        """Judge the attempts that waited for what has come now."""
        return [output for detection in self._later.take_due(self._book) for output in self._on_run_failed(detection, stamp)]

    def _on_run_failed(self, detection: Detection, stamp: Stamp) -> Sequence[Output]:
        judged = self._greens.shadowed(detection)
        classified = self._rules.classify_hits(judged)
        known = self._rules.configuration.services.upstream_of_host(classified.host) if classified.host else None
        named = replace(classified, upstream=known.name) if known else classified
        opened = on_run_failed(self._book, judged, named, stamp, self._storms)
        kind = Kind.UNKNOWN if named.abstained else named.kind
        return (*opened, *self._lines.on_failed(self._book, judged, kind, stamp))

    def _on_control(self, control: Control, stamp: Stamp) -> Sequence[Output]:
        override = control.override
        row = self._book.rows.get(overridden_incident(control)) if override else None
        if row and override and override.mark_healed and _why_not(self._rules.configuration, control, row.incident) is None:
            self._storms.note_marked_healed(overridden_incident(control))
        # Only a wish to act opens a closed incident again; what concerns a waiting one is admit's.
        if row is None or row.is_open or override is None or not (override.run or override.force_verdict):
            return ()
        incident = reopen_incident(row.incident, control, stamp)
        if self._book.rows.get(id_of(incident)):
            return ()
        if _why_not(self._rules.configuration, control, row.incident):
            details = (("by", control.by), ("why", "no right to override, or the signature is not theirs"))
            return [Emit(AuditEntry("classify", "override.refused", overridden_incident(control), control.at, details))]
        return enter_incident(self._book, incident, (), stamp)


def _stamp(rules: ClassifyRules, now: datetime) -> Stamp:
    return Stamp(rules.model_version, rules.catalogue_version, now)


def _why_not(known: Configuration, control: Control, incident: Incident) -> str | None:
    return why_not_counted(control, known.people, matter_of(incident.target, known.services))


def _with_deployments(outputs: Sequence[Output], workflows: WorkflowsRunning, owners: Owners, now: datetime) -> Sequence[Output]:
    """Tell each incident that is opened how many deployments run on its target."""
    return [_with_count(output, workflows, owners, now) for output in outputs] if outputs and len(workflows.rows) else outputs


def _with_count(output: Output, workflows: WorkflowsRunning, owners: Owners, now: datetime) -> Output:
    if not isinstance(output, Emit) or not isinstance(output.record, Incident):
        return output
    incident = output.record
    subject = owners.subject_of(incident.target, incident.scope)
    return Emit(replace(incident, deployments=workflows.deployments(now, subject)))
