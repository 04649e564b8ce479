"""The last stop: outcomes and people's feedback become lessons for a challenger model; a person promotes it, nobody else.

Failures that nothing explains are counted and become proposed patterns (``proposals.py``).
Every attempt that acted is told with its strategy, the chance by which that was chosen, and its reward.
A green re-run teaches that the failure was transient, no more; what was refused or escalated teaches nothing; forks teach nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from learning.challenger import MIN_EXAMPLES, Lesson
from schemas.configuration import Configuration
from schemas.decisions import Decision
from schemas.ids import id_of, micros
from schemas.incidents import Incident, IncidentUpdate
from schemas.outputs import Emit, Output, Place
from schemas.oversight import AuditEntry, Feedback, ModelChange, ModelRecord
from schemas.proposals import PatternProposal, ProposalWord
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind
from streams.contest_state import ContestState, GuardCheck
from streams.drift_watch import DriftWatch
from streams.lessons import DAY, NOT_THEIRS, ChanceBook, LessonRow, MarkRow, TeacherBook, lesson_of, to_learn
from streams.proposals import MakeDraft, ProposalBook
from streams.rows import Rows

MAX_ROWS = 50_000
_REWARDS = {OutcomeStatus.HEALED: 1.0, OutcomeStatus.ROLLED_BACK: -1.0, OutcomeStatus.ROLLBACK_FAILED: -1.0}
_OWN = "outcome"
# What a verified success of a strategy proves of the cause; a green re-run, a restart or a restored file prove none.
PROVES = {"disk_cleanup": Kind.DISK_FULL}

LearnEvent = RecoveryOutcome | Decision | Incident | IncidentUpdate | Feedback | ModelRecord | PatternProposal | ProposalWord


@dataclass(frozen=True, slots=True)
class LearnRules:
    """What the stage is given: the champion (JSON), lessons before a proposal, and lessons a day of one person on one source.

    ``guard`` names the splits of the held-out logs that a second model would make worse than the first; without it only the test decides.
    ``draft`` makes a pattern of ripe templates, with its back-test; without it nothing is mined.
    """

    configuration: Configuration
    champion: str
    min_examples: int = MIN_EXAMPLES
    source_cap: int = 25
    bound: int = MAX_ROWS
    guard: GuardCheck | None = None
    draft: MakeDraft | None = None


class Learn:
    """The stage; see ``StageLogic``."""

    def __init__(self, entries: Mapping[str, str], rules: LearnRules) -> None:
        """Begin again from a snapshot's entries."""
        self._rules = rules
        self._lessons = Rows("incident/", LessonRow, rules.bound)
        self._seen = Rows("seen/", MarkRow, rules.bound)
        for rows in (self._lessons, self._seen):
            rows.load(entries)
        self._chances = ChanceBook(entries, rules.bound)
        self._teachers = TeacherBook(entries, rules.configuration.people, rules.source_cap, rules.bound)
        self._contest = ContestState(entries, rules.champion, rules.min_examples, rules.guard)
        self._drift = DriftWatch(entries)
        self._proposals = ProposalBook(entries, rules.configuration.policy, rules.draft)

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
                self._lessons.put(id_of(event), lesson_of(event))
                drifts = self._drift.on_incident(event, self._contest.champion, event.detected_at)
                return [*drifts, *self._proposals.on_incident(event)]
            case IncidentUpdate() | PatternProposal():
                return ()
            case Decision() | RecoveryOutcome():
                return self._on_outcome(event)
            case Feedback():
                return self._on_feedback(event)
            case ModelRecord():
                return self._on_model(event)
            case ProposalWord():
                # A word that comes again says nothing new; its signature tells two of one person apart.
                is_new = self._mark(f"{id_of(event)}/{event.signature}", event.at)
                return self._proposals.on_word(event, self._rules.configuration.people) if is_new else ()

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Let proposals expire."""
        return self._proposals.on_tick(now)

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the entries changed since the last call."""
        changes = {**self._contest.take_changes(), **self._drift.take_changes(), **self._teachers.take_changes()}
        changes.update({**self._proposals.take_changes(), **self._chances.take_changes()})
        for rows in (self._lessons, self._seen):
            changes.update(rows.take_changes())
        return changes

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        entries = {**self._contest.snapshot(), **self._drift.snapshot(), **self._teachers.snapshot(), **self._proposals.snapshot()}
        entries.update(self._chances.snapshot())
        for rows in (self._lessons, self._seen):
            entries.update(rows.snapshot())
        return entries

    def _on_outcome(self, event: Decision | RecoveryOutcome) -> Sequence[Output]:
        outcome = self._chances.note(event) if isinstance(event, Decision) else event
        if outcome is None:
            return ()
        reward = _REWARDS.get(outcome.status)
        row = self._lessons.get(outcome.incident_id)
        # A plan, a rehearsal and a verdict without an act show nothing of the world.
        if reward is None and outcome.final:
            self._chances.forget(outcome)
        if reward is None or outcome.dry_run or row is None or row.is_fork:
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
        if self._seen.get(id_of(lesson)):
            return ()
        chance = self._chances.chance_of(outcome)
        if chance is None:
            return ()
        self._chances.forget(outcome)
        self._mark(id_of(lesson), outcome.finished_at)
        lesson = replace(lesson, propensity=chance)
        proven = PROVES.get(lesson.strategy) if lesson.verified else None
        if proven is None or not row.features:
            return [Emit(lesson)]
        taught = self._teach(to_learn(row, proven, 1.0), _OWN, outcome.incident_id, outcome.finished_at)
        return [Emit(replace(lesson, kind=proven)), *taught]

    def _on_feedback(self, feedback: Feedback) -> Sequence[Output]:
        # Our own lessons come back on the topic; what they prove was learned with their outcome.
        if feedback.source == _OWN:
            return ()
        # Before the word counts as seen: a forged one has the id of the person's own, which must not be kept out by it.
        if not self._teachers.is_theirs(feedback):
            return [Emit(_audit(feedback.by, "lesson.refused", feedback.incident_id, feedback.at, NOT_THEIRS))]
        if not self._mark(id_of(feedback), feedback.at):
            return ()
        row = self._lessons.get(feedback.incident_id)
        kind = feedback.kind or (row.kind if row and feedback.correct else None)
        why = self._teachers.why_not(feedback, row, kind)
        if why or row is None or kind is None:
            return [Emit(_audit(feedback.by, "lesson.refused", feedback.incident_id, feedback.at, why))]
        lesson = to_learn(row, kind, min(feedback.weight, 1.0))
        drifts = self._drift.on_label(kind is not row.kind, feedback.at)
        settled = row.is_sure if lesson.said is not None else self._contest.settles(lesson)
        dissents = settled and self._contest.contradicts(lesson)
        why = self._teachers.why_not_from(row.source, feedback.by, is_settled=settled, is_dissent=dissents)
        if why:
            return [*drifts, Emit(_audit(feedback.by, "lesson.refused", feedback.incident_id, feedback.at, why))]
        return [*drifts, *self._teach(lesson, feedback.by, feedback.incident_id, feedback.at)]

    def _teach(self, lesson: Lesson, by: str, incident_id: str, at: datetime) -> Sequence[Output]:
        outputs = self._contest.learn(lesson, by)
        taught = _audit(by, "lesson.learned", incident_id, at, f"{lesson.kind} at weight {lesson.weight:.2f}")
        return [Emit(taught), *outputs, *self._contest.propose(at)]

    def _on_model(self, record: ModelRecord) -> Sequence[Output]:
        if record.change is not ModelChange.PROMOTED or not self._mark(f"{id_of(record)}/{record.signature}", record.at):
            return ()
        why, sent = self._contest.promote(record, self._rules.configuration.people)
        return [Emit(_audit(record.by, "model.promotion_refused" if why else "model.promoted", record.version, record.at, why)), *sent]

    def _mark(self, name: str, at: datetime) -> bool:
        """Note an event; return whether it is new."""
        if self._seen.get(name):
            return False
        self._seen.put(name, MarkRow(micros(at) // DAY, 1))
        return True


def _audit(actor: str, action: str, subject: str, at: datetime, why: str) -> AuditEntry:
    return AuditEntry(actor, action, subject, at, (("why", why),) if why else ())
