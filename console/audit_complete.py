"""Is everything that came in accounted for? What has no incident, no end, no dead letter or no audit record, as sentences. Pure.

``healstream audit verify --complete`` asks it of the topics, the chaos tests (I1, I7) of theirs after the faults have stopped.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from console.audit_stored import Stored
from infra.kafka import Located
from schemas.avro_codec import Undecodable
from schemas.decisions import Mode
from schemas.events import Alert, AlertStatus, JobFinished
from schemas.ids import id_of
from schemas.incidents import FLAP, Detection, DetectionStatus, Incident
from schemas.oversight import AuditEntry, AuditRecord
from schemas.recoveries import JournalKind, JournalRecord, OutcomeStatus
from schemas.vocabulary import FAILED_RESULTS


@dataclass(frozen=True, slots=True)
class Window:
    """What is judged: nothing of before ``since``, of which topics may have lost a part, and nothing of which more is still to come."""

    since: datetime = datetime.min.replace(tzinfo=UTC)
    until: datetime = datetime.max.replace(tzinfo=UTC)

    def holds(self, at: datetime) -> bool:
        """Tell whether something of that time is judged."""
        return self.since <= at < self.until


ALWAYS = Window()
# An incident's begin and the end of the one before are stamped by two processes.
_CLOCKS_APART = timedelta(seconds=1)


class _Owners:
    """Which incidents a detection opened or was told to, looked up instead of searched for."""

    def __init__(self, stored: Stored) -> None:
        self._opened: defaultdict[str, set[str]] = defaultdict(set)
        self._told: defaultdict[str, set[str]] = defaultdict(set)
        for name, incident in stored.incidents.items():
            for ref in incident.evidence:
                self._opened[ref.id].add(name)
        for update in stored.updates:
            self._told[update.detection_id].add(update.incident_id)

    def opened_by(self, detection: Detection) -> set[str]:
        """Return the incidents whose evidence this detection's is."""
        return {name for ref in detection.evidence for name in self._opened.get(ref.id, ())}

    def told_of(self, detection: Detection) -> set[str]:
        """Return the incidents that were told of it."""
        return self._told.get(id_of(detection), set())


def without_one_incident(stored: Stored, window: Window = ALWAYS) -> list[str]:
    """Return each accepted failure that does not belong to exactly one incident, and each incident without exactly one final outcome."""
    owners = _Owners(stored)
    return [
        *_jobs_without_one_incident(stored, owners, window),
        *_firings_without_incident(stored, owners, window),
        *_incidents_without_one_end(stored, window),
    ]


def unread(stored: Stored, window: Window = ALWAYS) -> list[str]:
    """Return each event that could not be read and has no dead letter, and each alert that fired and was told to nobody."""
    dead, seen = stored.dead_places, {ref.id for one in stored.detections for ref in one.evidence}
    events = [event for event in stored.events if (event.topic, event.partition, event.offset) not in dead]
    broken = [
        f"I1: {_at(event)} cannot be read ({event.record.why}) and has no dead letter"
        for event in events
        if isinstance(event.record, Undecodable)
    ]
    alerts = [(event, event.record) for event in events if isinstance(event.record, Alert) and window.holds(event.record.starts_at)]
    # An end that overtook its start has the last word, and the start is told no more.
    firing = [
        (event, {id_of(alert), id_of(replace(alert, status=AlertStatus.RESOLVED))})
        for event, alert in alerts
        if alert.status is AlertStatus.FIRING
    ]
    known = seen | stored.side
    return [*broken, *(f"I1: the alert at {_at(event)} was told to nobody" for event, names in firing if not names & known)]


def _at(event: Located) -> str:
    return f"{event.topic}/{event.partition} offset {event.offset}"


def _jobs_without_one_incident(stored: Stored, owners: _Owners, window: Window) -> Iterator[str]:
    places: defaultdict[str, set[tuple[str, int, int]]] = defaultdict(set)
    for found in stored.events:
        job = found.record
        if isinstance(job, JobFinished) and job.result in FAILED_RESULTS and window.holds(job.finished_at):
            places[id_of(job)].add((found.topic, found.partition, found.offset))
    seen: defaultdict[str, list[Detection]] = defaultdict(list)
    for detection in stored.detections:
        for ref in detection.evidence:
            seen[ref.id].append(detection)
    dead = stored.dead_places
    for name, where in places.items():
        found_in = {owner for one in seen.get(name, ()) for owner in owners.opened_by(one) | owners.told_of(one)}
        if len(found_in) != 1 and not (where & dead or name in stored.side):
            yield f"I1: the failed job {name} at {sorted(where)} belongs to {len(found_in)} incidents"


def _firings_without_incident(stored: Stored, owners: _Owners, window: Window) -> Iterator[str]:
    ends = {one.incident_id: one.finished_at for one in stored.outcomes if one.final}
    # By the order of the topic, since a clock that was set back in between puts the end before the begin.
    resolved: defaultdict[tuple[str, str | None], list[tuple[int, datetime]]] = defaultdict(list)
    for number, one in enumerate(stored.detections):
        if one.status is DetectionStatus.RESOLVED:
            resolved[_probed(one)].append((number, one.last_at))
    for number, detection in enumerate(stored.detections):
        if detection.status is not DetectionStatus.FIRING or detection.run is not None or not window.holds(detection.last_at):
            continue
        opened, told = owners.opened_by(detection), owners.told_of(detection)
        # Told to one incident and still there at its end, it opens the next one.
        still_open = (opened | told) - ends.keys()
        if len(still_open) > 1 or not _follow_each_other([stored.incidents[name] for name in opened], ends):
            yield f"I1: {detection.target} firing at {detection.last_at} belongs to several incidents: {sorted(opened | told)}"
        elif not (opened | told) and not any(
            later > number and at <= detection.last_at + FLAP for later, at in resolved[_probed(detection)]
        ):
            yield f"I1: {detection.target} firing at {detection.last_at} belongs to no incident"


def _follow_each_other(incidents: Iterable[Incident], ends: Mapping[str, datetime]) -> bool:
    """Tell whether each incident was opened once the one before had ended: a symptom may outlive the cause that it was told to."""
    ordered = sorted(incidents, key=lambda incident: incident.opened_at)
    return all(ends.get(id_of(one), later.opened_at) <= later.opened_at + _CLOCKS_APART for one, later in pairwise(ordered))


def _probed(detection: Detection) -> tuple[str, str | None]:
    probe = dict(detection.signals).get("probe")
    return detection.target, None if probe is None else str(probe)


def _incidents_without_one_end(stored: Stored, window: Window) -> Iterator[str]:
    finals: defaultdict[str, dict[str, set[OutcomeStatus]]] = defaultdict(lambda: defaultdict(set))
    # Of an older incident the outcome may be the younger record, kept where the incident is not.
    for outcome in stored.outcomes:
        if outcome.final and window.holds(outcome.opened_at):
            finals[outcome.incident_id][id_of(outcome)].add(outcome.status)
    incidents, due = stored.incidents, _due(stored)
    yield from (f"I1: a final outcome speaks of incident {name}, which was never opened" for name in finals.keys() - incidents.keys())
    for name, incident in incidents.items():
        ends = finals.get(name, {})
        # It may still wait for a person, or run.
        is_open = not ends and due[name] >= window.until
        if window.holds(incident.opened_at) and not is_open:
            yield from _faults_of_end(name, incident, ends)


def _faults_of_end(name: str, incident: Incident, ends: Mapping[str, set[OutcomeStatus]]) -> Iterator[str]:
    statuses = [status for said in ends.values() for status in said]
    if len(ends) != 1 or len(statuses) != 1:
        yield f"I1: incident {name} on {incident.target} ended {len(ends)} times, as {sorted(statuses)}"
    elif statuses == [OutcomeStatus.PLANNED]:
        yield f"I1: incident {name} ended as planned, which is no end"


def _due(stored: Stored) -> Mapping[str, datetime]:
    """Return by when each incident has ended at the latest: its decisions and commands expire by themselves."""
    due = {name: incident.opened_at for name, incident in stored.incidents.items()}
    for decision in stored.decisions.values():
        due[decision.incident_id] = max(due.get(decision.incident_id, decision.expires_at), decision.expires_at)
    for command in stored.commands.values():
        ends = command.not_after + timedelta(seconds=command.deadline_s)
        due[command.incident_id] = max(due.get(command.incident_id, ends), ends)
    return due


def unwritten(stored: Stored, window: Window = ALWAYS) -> list[str]:
    """Return each incident, decision, command and effect that has no record in the chain."""
    said = {(record.entry.action.split(".")[0], record.entry.subject) for record in stored.audit}
    details = {(record.entry.action, name, value) for record in stored.audit for name, value in record.entry.details}
    return [
        *_without_opening(stored, window, said),
        *_without_decision(stored, window, details),
        *_without_admission(stored, window, details),
        *_effects_without_record(stored, window, details),
    ]


Details = set[tuple[str, str, str]]


def _without_opening(stored: Stored, window: Window, said: set[tuple[str, str]]) -> Iterator[str]:
    for name, incident in stored.incidents.items():
        if ("incident", name) not in said and window.holds(incident.opened_at):
            yield f"I7: incident {name} has no record of its opening"


def _without_decision(stored: Stored, window: Window, details: Details) -> Iterator[str]:
    for name, decision in stored.decisions.items():
        if (f"decision.{decision.verdict}", "decision_id", name) not in details and window.holds(decision.decided_at):
            yield f"I7: decision {name} has no record"


def _without_admission(stored: Stored, window: Window, details: Details) -> Iterator[str]:
    for name, command in stored.commands.items():
        is_written = command.mode is Mode.PLAN or ("command.admitted", "command", name) in details
        if not is_written and window.holds(command.issued_at):
            yield f"I7: command {name} has no record"


def _effects_without_record(stored: Stored, window: Window, details: Details) -> Iterator[str]:
    keys = {(action.split(".")[1], value) for action, name, value in details if name == "idempotency_key"}
    ended = {one.command_id for one in stored.journal if one.kind is JournalKind.CONCLUDED}
    words = {JournalKind.DONE: "step", JournalKind.PROBED: "step", JournalKind.UNDONE: "undo"}
    for record in stored.journal:
        happened = record.kind in words and _status_in(record) in {"ok", "done"} and window.holds(record.at)
        if happened and record.command_id in ended and (words[record.kind], record.idempotency_key) not in keys:
            yield f"I7: {words[record.kind]} {record.step} of {record.command_id} has no record"


def _status_in(record: JournalRecord) -> object:
    return json.loads(record.result).get("status") if record.result else None


def unchained(entries: Mapping[int, AuditEntry], records: Iterable[AuditRecord]) -> list[str]:
    """Return each audit entry that the chain passes over, and each record whose entry is not the one at its place.

    Of an entry that a producer's retry wrote twice the first is chained; what lies after the last chained one is still to come.
    """
    chained = {record.entry_offset: record.entry for record in records}
    if not chained or not entries:
        return []
    known, last, low = {id_of(entry) for entry in chained.values()}, max(chained), min(entries)
    passed = [
        f"I7: the entry at offset {offset} is not in the chain"
        for offset, entry in entries.items()
        if min(chained) <= offset <= last and id_of(entry) not in known
    ]
    other = [
        f"I7: the chain has another entry than lies at offset {offset}"
        for offset, entry in chained.items()
        if offset >= low and entries.get(offset) != entry
    ]
    return [*passed, *other]
