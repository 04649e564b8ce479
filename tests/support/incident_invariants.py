"""I1 and I2: each failure has one incident, each incident one final outcome, each command one outcome. Pure; read by ``invariants.py``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from schemas.decisions import Mode
from schemas.events import JobFinished
from schemas.ids import id_of
from schemas.incidents import Detection, DetectionStatus, Incident
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import FAILED_RESULTS
from tests.support.history import History

# A target that turned and turned back while classify still gathered its scope was never a failure (records.md: gathers 2 s).
FLAP = timedelta(seconds=10)
_DID_NOT_ACT = frozenset({OutcomeStatus.REFUSED, OutcomeStatus.OBSERVED, OutcomeStatus.EXPIRED, OutcomeStatus.SELF_HEALED})


def check_i1(history: History) -> list[str]:
    """Check that each accepted failure event belongs to exactly one incident, and that each incident has exactly one final outcome."""
    return [*_jobs_without_one_incident(history), *_firings_without_incident(history), *_incidents_without_one_end(history)]


def check_i2(history: History) -> list[str]:
    """Check that a run or correlation key has one incident, and that commands and outcomes are one to one."""
    return [*_twin_incidents_of_runs(history), *_overlaps_in_scopes(history), *_commands_without_one_outcome(history)]


def _owners(history: History, detections: list[Detection]) -> tuple[set[str], set[str]]:
    """Return the incidents that these detections opened, and those that they were told to."""
    names = {id_of(one) for one in detections}
    evidence = {ref.id for one in detections for ref in one.evidence}
    opened = {name for name, incident in history.incidents.items() if evidence & {ref.id for ref in incident.evidence}}
    return opened, {one.incident_id for one in history.updates if one.detection_id in names}


def _jobs_without_one_incident(history: History) -> Iterator[str]:
    places: defaultdict[str, set[tuple[str, int, int]]] = defaultdict(set)
    for found in history.events:
        if isinstance(found.record, JobFinished) and found.record.result in FAILED_RESULTS:
            places[id_of(found.record)].add((found.topic, found.partition, found.offset))
    seen: defaultdict[str, list[Detection]] = defaultdict(list)
    for detection in history.detections:
        for ref in detection.evidence:
            seen[ref.id].append(detection)
    for name, where in places.items():
        opened, told = _owners(history, seen[name])
        if len(opened | told) != 1 and not (where & history.dead_places or name in history.side):
            yield f"I1: the failed job {name} at {sorted(where)} belongs to {len(opened | told)} incidents"


def _firings_without_incident(history: History) -> Iterator[str]:
    ends = {one.incident_id for one in history.outcomes if one.final}
    for detection in history.detections:
        if detection.status is not DetectionStatus.FIRING or detection.run is not None:
            continue
        opened, told = _owners(history, [detection])
        # Told to one incident and still there at its end, it opens the next one.
        closed = (opened | told) - ends
        if len(opened) > 1 or len(closed) > 1:
            yield f"I1: {detection.target} firing at {detection.last_at} belongs to several incidents: {sorted(opened | told)}"
        elif not (opened | told) and not _was_taken_back(history, detection):
            yield f"I1: {detection.target} firing at {detection.last_at} belongs to no incident"


def _was_taken_back(history: History, firing: Detection) -> bool:
    probe = dict(firing.signals).get("probe")
    # By the order of the topic, since a clock that was set back in between puts the end before the begin.
    later = history.detections[history.detections.index(firing) + 1 :]
    return any(
        one.status is DetectionStatus.RESOLVED
        and one.target == firing.target
        and dict(one.signals).get("probe") == probe
        and one.last_at <= firing.last_at + FLAP
        for one in later
    )


def _incidents_without_one_end(history: History) -> Iterator[str]:
    finals: defaultdict[str, dict[str, set[OutcomeStatus]]] = defaultdict(lambda: defaultdict(set))
    for outcome in history.outcomes:
        if outcome.final:
            finals[outcome.incident_id][id_of(outcome)].add(outcome.status)
    incidents = history.incidents
    for name in incidents.keys() | finals.keys():
        ends = finals.get(name, {})
        statuses = [status for said in ends.values() for status in said]
        if name not in incidents:
            yield f"I1: a final outcome speaks of incident {name}, which was never opened"
        elif len(ends) != 1 or len(statuses) != 1:
            yield f"I1: incident {name} on {incidents[name].target} ended {len(ends)} times, as {sorted(statuses)}"
        elif statuses == [OutcomeStatus.PLANNED]:
            yield f"I1: incident {name} ended as planned, which is no end"


def _twin_incidents_of_runs(history: History) -> Iterator[str]:
    by_job: defaultdict[tuple[str, ...], list[Incident]] = defaultdict(list)
    for incident in history.incidents.values():
        if incident.run and not incident.reopens:
            run = incident.run
            by_job[run.source, run.project, run.run_id, run.job].append(incident)
    acted = Counter(one.incident_id for one in history.outcomes if one.command_id and one.status not in _DID_NOT_ACT)
    for job, incidents in by_job.items():
        ordered = sorted(incidents, key=lambda one: one.run.attempt if one.run else 0)
        for before, after in pairwise(ordered):
            caused_up_to = (before.run.attempt if before.run else 0) + acted[id_of(before)]
            if after.run and after.run.attempt <= caused_up_to:
                yield f"I2: {'/'.join(job)} attempt {after.run.attempt} was of incident {id_of(before)}, yet opened {id_of(after)}"


def _overlaps_in_scopes(history: History) -> Iterator[str]:
    ended = {one.incident_id: one.finished_at for one in history.outcomes if one.final}
    by_scope: defaultdict[str, list[Incident]] = defaultdict(list)
    for incident in history.incidents.values():
        if incident.run is None and not incident.reopens:
            by_scope[incident.scope].append(incident)
    for scope, incidents in by_scope.items():
        for before, after in pairwise(sorted(incidents, key=lambda one: one.detected_at)):
            end = ended.get(id_of(before))
            if end is None or after.detected_at < end:
                yield f"I2: {scope} has incident {id_of(after)} while {id_of(before)} is open"


def _commands_without_one_outcome(history: History) -> Iterator[str]:
    commands = history.commands
    answers: defaultdict[str, dict[str, RecoveryOutcome]] = defaultdict(dict)
    for outcome in history.outcomes:
        if outcome.command_id:
            answers[outcome.command_id][id_of(outcome)] = outcome
    for name in commands.keys() | answers.keys():
        if name not in commands:
            yield f"I2: an outcome answers command {name}, which was never given"
        elif len(answers[name]) != 1:
            yield f"I2: command {name} ({commands[name].mode}) on {commands[name].target} has {len(answers[name])} outcomes"
    per_decision = Counter(one.decision_id for one in commands.values() if one.mode is not Mode.PLAN)
    yield from (f"I2: decision {name} has {count} commands" for name, count in per_decision.items() if count > 1)
