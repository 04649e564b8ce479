"""The last stop: outcomes and people's feedback become lessons for a challenger model; a person promotes it, nobody else.

A green re-run teaches that the failure was transient, no more; what was refused or escalated teaches nothing; forks teach nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from learning.challenger import Lesson
from learning.teachers import SourceRow, why_not_teach
from schemas.configuration import Configuration
from schemas.events import Trust
from schemas.ids import id_of, micros
from schemas.incidents import Feature, Incident, IncidentUpdate
from schemas.outputs import Emit, Output, Place
from schemas.oversight import AuditEntry, Feedback, ModelChange, ModelRecord
from schemas.people import Right
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind
from streams.contest_state import ContestState, GuardCheck
from streams.drift_watch import DriftWatch
from streams.rows import Rows

MAX_ROWS = 50_000
MAX_SOURCES = 2_000
_DAY = 24 * 3600 * 1_000_000
_REWARDS = {OutcomeStatus.HEALED: 1.0, OutcomeStatus.ROLLED_BACK: -1.0, OutcomeStatus.ROLLBACK_FAILED: -1.0}
_OWN = "outcome"
# What a verified success of a strategy proves of the cause; a green re-run, a restart or a restored file prove none.
PROVES = {"disk_cleanup": Kind.DISK_FULL}
# An incident at least this sure of its kind is settled: a label that contradicts it counts against its teacher.
_SURE = 0.8

LearnEvent = RecoveryOutcome | Incident | IncidentUpdate | Feedback | ModelRecord


@dataclass(frozen=True, slots=True)
class LearnRules:
    """What the stage is given: the champion (JSON), lessons before a proposal, and lessons a day of one person on one source.

    ``guard`` names the splits of the held-out logs that a second model would make worse than the first; without it only the test decides.
    """

    configuration: Configuration
    champion: str
    min_examples: int = 100
    source_cap: int = 25
    bound: int = MAX_ROWS
    guard: GuardCheck | None = None


@dataclass(frozen=True, slots=True)
class LessonRow:
    """What an incident could teach: ``source`` is where it came from, ``said`` what patterns named, ``is_sure`` whether they were sure."""

    kind: Kind
    source: str
    is_fork: bool
    features: tuple[Feature, ...]
    said: Kind | None = None
    is_sure: bool = False


@dataclass(frozen=True, slots=True)
class MarkRow:
    """An event that was applied (n = 1), or how many lessons a source gave on one day."""

    day: int
    n: int


class Learn:
    """The stage; see ``StageLogic``."""

    def __init__(self, entries: Mapping[str, str], rules: LearnRules) -> None:
        """Begin again from a snapshot's entries."""
        self._rules = rules
        self._lessons = Rows("incident/", LessonRow, rules.bound)
        self._seen = Rows("seen/", MarkRow, rules.bound)
        self._caps = Rows("cap/", MarkRow, rules.bound)
        self._sources = Rows("source/", SourceRow, MAX_SOURCES)
        for rows in (self._lessons, self._seen, self._caps, self._sources):
            rows.load(entries)
        self._contest = ContestState(entries, rules.champion, rules.min_examples, rules.guard)
        self._drift = DriftWatch(entries)

    @classmethod
    def from_state(cls, entries: Mapping[str, str], rules: LearnRules) -> Self:
        """Begin again from a snapshot."""
        return cls(entries, rules)

    def on_event(self, event: LearnEvent, place: Place, now: datetime) -> Sequence[Output]:
        """Take one event in; times are the events' own."""
        del place, now
        match event:
            case Incident():
                if self._lessons.get(id_of(event)):
                    return ()
                self._lessons.put(id_of(event), _lesson_of(event))
                return self._drift.on_incident(event, self._contest.champion, event.detected_at)
            case IncidentUpdate():
                return ()
            case RecoveryOutcome():
                return self._on_outcome(event)
            case Feedback():
                return self._on_feedback(event)
            case ModelRecord():
                return self._on_model(event)

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Nothing here waits for time."""
        del now
        return ()

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the entries changed since the last call."""
        changes = {**self._contest.take_changes(), **self._drift.take_changes()}
        for rows in (self._lessons, self._seen, self._caps, self._sources):
            changes.update(rows.take_changes())
        return changes

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        entries = {**self._contest.snapshot(), **self._drift.snapshot()}
        for rows in (self._lessons, self._seen, self._caps, self._sources):
            entries.update(rows.snapshot())
        return entries

    def _on_outcome(self, outcome: RecoveryOutcome) -> Sequence[Output]:
        reward = _REWARDS.get(outcome.status)
        row = self._lessons.get(outcome.incident_id)
        # A plan, a rehearsal and a verdict without an act show nothing of the world.
        if reward is None or not outcome.final or outcome.dry_run or row is None or row.is_fork:
            return ()
        healed = outcome.status is OutcomeStatus.HEALED
        lesson = Feedback(
            incident_id=outcome.incident_id,
            source=_OWN,
            by="healstream",
            at=outcome.finished_at,
            transient=True if healed and outcome.strategy == "rerun_job" else None,
            strategy=outcome.strategy or "",
            reward=reward,
            verified=healed and bool(outcome.verification) and all(factor.passed for factor in outcome.verification),
        )
        if not self._mark(id_of(lesson), outcome.finished_at):
            return ()
        proven = PROVES.get(lesson.strategy) if lesson.verified else None
        if proven is None or not row.features:
            return [Emit(lesson)]
        taught = self._teach(_to_learn(row, proven, 1.0), _OWN, outcome.incident_id, outcome.finished_at)
        return [Emit(replace(lesson, kind=proven)), *taught]

    def _on_feedback(self, feedback: Feedback) -> Sequence[Output]:
        # Our own lessons come back on the topic; what they prove was learned with their outcome.
        if feedback.source == _OWN or not self._mark(id_of(feedback), feedback.at):
            return ()
        row = self._lessons.get(feedback.incident_id)
        kind = feedback.kind or (row.kind if row and feedback.correct else None)
        why = self._why_not(feedback, row, kind)
        if why or row is None or kind is None:
            return [Emit(_audit(feedback.by, "lesson.refused", feedback.incident_id, feedback.at, why))]
        lesson = _to_learn(row, kind, min(feedback.weight, 1.0))
        drifts = self._drift.on_label(kind is not row.kind, feedback.at)
        why = self._why_not_from(f"from/{row.source}", f"by/{feedback.by}", lesson, is_sure=row.is_sure)
        if why:
            return [*drifts, Emit(_audit(feedback.by, "lesson.refused", feedback.incident_id, feedback.at, why))]
        return [*drifts, *self._teach(lesson, feedback.by, feedback.incident_id, feedback.at)]

    def _teach(self, lesson: Lesson, by: str, incident_id: str, at: datetime) -> Sequence[Output]:
        outputs = self._contest.learn(lesson, by)
        taught = _audit(by, "lesson.learned", incident_id, at, f"{lesson.kind} at weight {lesson.weight:.2f}")
        return [Emit(taught), *outputs, *self._contest.propose(at)]

    def _why_not_from(self, source: str, person: str, lesson: Lesson, *, is_sure: bool) -> str:
        """Count a label of a project's incident by a person, and return why neither, or one of them, may teach it."""
        settled = is_sure if lesson.said is not None else self._contest.settles(lesson)
        is_dissent = settled and self._contest.contradicts(lesson)
        why = next((said for name in (source, person) if (said := why_not_teach(name, self._rows_beside(name)))), "")
        for name in (source, person):
            row = self._sources.get(name) or SourceRow()
            count = row.with_refusal if why else row.with_lesson
            self._sources.put(name, count(is_settled=settled, is_dissent=is_dissent))
        return why

    def _rows_beside(self, name: str) -> Mapping[str, SourceRow]:
        """Return the sources of the same sort: projects are compared with projects, people with people."""
        sort = name.partition("/")[0] + "/"
        return {key: row for key, row in self._sources.items() if key.startswith(sort)}

    def _why_not(self, feedback: Feedback, row: LessonRow | None, kind: Kind | None) -> str:
        people = self._rules.configuration.people
        if not (people.may(feedback.by, Right.OVERRIDE) or people.may(feedback.by, Right.APPROVE)):
            return "only operators and approvers teach"
        if row is None or not row.features:
            return "nothing is known of the incident's evidence"
        if row.is_fork:
            return "a fork's evidence teaches nobody"
        if kind is None or kind is Kind.UNKNOWN or feedback.weight <= 0:
            return "the feedback names no kind"
        # One person on one source cannot bend the model in a day.
        day = micros(feedback.at) // _DAY
        below = _is_below_cap(self._caps, f"{feedback.by}|{row.source}", day, self._rules.source_cap)
        return "" if below else "the source has taught enough for one day"

    def _on_model(self, record: ModelRecord) -> Sequence[Output]:
        if record.change is not ModelChange.PROMOTED or not self._mark(f"{id_of(record)}/{record.signature}", record.at):
            return ()
        why, sent = self._contest.promote(record, self._rules.configuration.people)
        return [Emit(_audit(record.by, "model.promotion_refused" if why else "model.promoted", record.version, record.at, why)), *sent]

    def _mark(self, name: str, at: datetime) -> bool:
        """Note an event; return whether it is new."""
        if self._seen.get(name):
            return False
        self._seen.put(name, MarkRow(micros(at) // _DAY, 1))
        return True


def _lesson_of(incident: Incident) -> LessonRow:
    run = incident.run
    source = f"{run.source}/{run.project}" if run else incident.scope
    # A kind that no hit speaks for was named by a model alone.
    spoken = not incident.abstained and any(hit.kind is incident.kind for hit in incident.hits)
    is_sure = spoken and incident.may_act and incident.confidence >= _SURE
    is_fork = incident.provenance.trust is Trust.FORK
    return LessonRow(incident.kind, source, is_fork, incident.features, incident.kind if spoken else None, is_sure)


def _to_learn(row: LessonRow, kind: Kind, weight: float) -> Lesson:
    return Lesson({feature.index: feature.weight for feature in row.features}, kind, row.said, weight)


def _is_below_cap(caps: Rows[MarkRow], key: str, day: int, cap: int) -> bool:
    """Count one more lesson of a source on a day; return whether it may still teach."""
    row = caps.get(key)
    n = row.n if row and row.day == day else 0
    if n >= cap:
        return False
    caps.put(key, MarkRow(day, n + 1))
    return True


def _audit(actor: str, action: str, subject: str, at: datetime, why: str) -> AuditEntry:
    return AuditEntry(actor, action, subject, at, (("why", why),) if why else ())
