"""What an incident could teach, who may teach it, and by which chance it was acted on: rows of state; used by ``streams/learn.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from learning.challenger import Lesson
from learning.teachers import SourceRow, why_not_teach
from schemas.decisions import Decision, Verdict
from schemas.events import Trust
from schemas.ids import id_of, micros
from schemas.incidents import Feature, Incident
from schemas.oversight import Feedback
from schemas.people import People, Right
from schemas.recoveries import RecoveryOutcome
from schemas.signing import is_said_by
from schemas.vocabulary import Kind
from streams.rows import Rows

NOT_THEIRS = "the signature is not theirs"
DAY = 24 * 3600 * 1_000_000
MAX_SOURCES = 2_000
# An incident at least this sure of its kind is settled: a label that contradicts it counts against its teacher.
_SURE = 0.8


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


def lesson_of(incident: Incident) -> LessonRow:
    """Return what an incident could teach."""
    run = incident.run
    source = f"{run.source}/{run.project}" if run else incident.scope
    # A kind that no hit speaks for was named by a model alone.
    spoken = not incident.abstained and any(hit.kind is incident.kind for hit in incident.hits)
    is_sure = spoken and incident.may_act and incident.confidence >= _SURE
    is_fork = incident.provenance.trust is Trust.FORK
    return LessonRow(incident.kind, source, is_fork, incident.features, incident.kind if spoken else None, is_sure)


def to_learn(row: LessonRow, kind: Kind, weight: float) -> Lesson:
    """Return the lesson of a row and its label."""
    return Lesson({feature.index: feature.weight for feature in row.features}, kind, row.said, weight)


@dataclass(frozen=True, slots=True)
class ChanceRow:
    """The chance with which a decision's strategy was chosen."""

    propensity: float


class ChanceBook:
    """The chances of decisions whose outcome is not known yet, and the outcomes whose decision was not read yet.

    The two come on topics of their own, in no order; both are rare, and the oldest goes when there are too many.
    """

    def __init__(self, entries: Mapping[str, str], bound: int) -> None:
        """Begin again from a snapshot's entries."""
        self._chances = Rows("chance/", ChanceRow, bound)
        self._early = Rows("early/", RecoveryOutcome, MAX_SOURCES)
        self._chances.load(entries)
        self._early.load(entries)

    def note(self, decision: Decision) -> RecoveryOutcome | None:
        """Keep the chance of a decision that acts; return its outcome if that was here first."""
        if decision.verdict not in {Verdict.HEAL, Verdict.ASK} or decision.dry_run:
            return None
        name = id_of(decision)
        chance = next((row.propensity for row in decision.candidates if row.strategy == decision.strategy), 1.0)
        self._chances.put(name, ChanceRow(chance))
        early = self._early.get(name)
        self._early.drop(name)
        return early

    def chance_of(self, outcome: RecoveryOutcome) -> float | None:
        """Return the chance with which what led to the outcome was chosen; without its decision the outcome waits for it."""
        row = self._chances.get(outcome.decision_id)
        if row is None:
            self._early.put(outcome.decision_id, outcome)
            return None
        return row.propensity

    def forget(self, outcome: RecoveryOutcome) -> None:
        """Forget a decision whose outcome has taught."""
        self._chances.drop(outcome.decision_id)

    def take_changes(self) -> dict[str, str | None]:
        """Return the entries changed since the last call."""
        return {**self._chances.take_changes(), **self._early.take_changes()}

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        return {**self._chances.snapshot(), **self._early.snapshot()}


class TeacherBook:
    """How many lessons each source gave, in a day and in all, and how often it contradicted what is settled."""

    def __init__(self, entries: Mapping[str, str], people: People, cap: int, bound: int) -> None:
        """Begin again from a snapshot's entries; ``cap`` is how many lessons a day one person may give on one source."""
        self._people, self._cap = people, cap
        self._caps = Rows("cap/", MarkRow, bound)
        self._sources = Rows("source/", SourceRow, MAX_SOURCES)
        self._caps.load(entries)
        self._sources.load(entries)

    def why_not(self, feedback: Feedback, row: LessonRow | None, kind: Kind | None) -> str:
        """Return why a word of a person teaches nothing, or nothing; one that passes counts for its day."""
        if not (self._people.may_somewhere(feedback.by, Right.OVERRIDE) or self._people.may_somewhere(feedback.by, Right.APPROVE)):
            return "only operators and approvers teach"
        if row is None or not row.features:
            return "nothing is known of the incident's evidence"
        if row.is_fork:
            return "a fork's evidence teaches nobody"
        if kind is None or kind is Kind.UNKNOWN or feedback.weight <= 0:
            return "the feedback names no kind"
        # One person on one source cannot bend the model in a day.
        key, day = f"{feedback.by}|{row.source}", micros(feedback.at) // DAY
        given = self._caps.get(key)
        n = given.n if given and given.day == day else 0
        if n >= self._cap:
            return "the source has taught enough for one day"
        self._caps.put(key, MarkRow(day, n + 1))
        return ""

    def is_theirs(self, feedback: Feedback) -> bool:
        """Tell whether the person in whose name a word is said has signed it."""
        return is_said_by(feedback, feedback.by, self._people)

    def why_not_from(self, source: str, person: str, *, is_settled: bool, is_dissent: bool) -> str:
        """Count a label of a source's incident by a person, and return why one of them may not teach, or nothing."""
        names = (f"from/{source}", f"by/{person}")
        why = next((said for name in names if (said := why_not_teach(name, self._beside(name)))), "")
        for name in names:
            row = self._sources.get(name) or SourceRow()
            count = row.with_refusal if why else row.with_lesson
            self._sources.put(name, count(is_settled=is_settled, is_dissent=is_dissent))
        return why

    def _beside(self, name: str) -> Mapping[str, SourceRow]:
        """Return the sources of the same sort: projects are compared with projects, people with people."""
        sort = name.partition("/")[0] + "/"
        return {key: row for key, row in self._sources.items() if key.startswith(sort)}

    def take_changes(self) -> dict[str, str | None]:
        """Return the entries changed since the last call."""
        return {**self._caps.take_changes(), **self._sources.take_changes()}

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        return {**self._caps.snapshot(), **self._sources.snapshot()}
