"""From topics, or from stored logs, to what the pattern audit goes by: the runs that were hit and the words on what was said of them.

Pure; used by ``console/cli/pattern_audit.py``. What a fork wrote says nothing of a pattern, and a person's word counts when it is signed by
one who may teach.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from learning.classification import Recognizer, classify_read
from learning.green_hits import ACTING, SHADOW, from_signals, has_log
from learning.pattern_audit import RunSeen, Word
from learning.reading import read_log
from learning.stored_logs import StoredLog
from schemas.events import Trust
from schemas.ids import Record, id_of
from schemas.incidents import Detection, DetectionStatus, Incident, RunRef
from schemas.oversight import Feedback
from schemas.people import People, Right
from schemas.signing import is_said_by
from schemas.vocabulary import Kind, Result

TOPICS_READ = ("heal.detections", "heal.incidents", "learning.feedback")
# The name under which learn writes what an outcome proved.
_OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the patterns."""

    runs: tuple[RunSeen, ...]
    words: tuple[Word, ...]


def evidence_of_logs(logs: Sequence[StoredLog], recognizer: Recognizer) -> Evidence:
    """Return what the patterns do to stored logs whose cause is known."""
    runs, words = [], []
    for log in logs:
        read = read_log(log.text, recognizer.matcher)
        lines: dict[str, set[int]] = {}
        for hit in read.hits:
            lines.setdefault(hit.pattern, set()).add(hit.line)
        runs.append(RunSeen(log.id, log.kind, {name: frozenset(found) for name, found in lines.items()}))
        said = classify_read(read, log.result, recognizer)
        if said.pattern and log.kind is not Kind.UNKNOWN:
            words.append(Word(said.pattern, said.kind is log.kind))
    return Evidence(tuple(runs), tuple(words))


def evidence_of_topics(records: Iterable[Record], people: People, since: datetime | None = None) -> Evidence:
    """Return what the topics tell of runs that ended since then."""
    heard = _Heard()
    for record in records:
        heard.note(record, since)
    runs, words = heard.runs, []
    for name, incident in heard.incidents.items():
        run = runs.get(_name(incident.run)) if incident.run else None
        if run is None:
            continue
        verdict = _verdict(incident, heard.told.get(name, ()), people)
        runs[run.id] = replace(run, kind=verdict.kind)
        if _is_spoken(incident) and (verdict.is_right, verdict.is_healed) != (None, None):
            words.append(Word(incident.hits[0].pattern, verdict.is_right, verdict.is_healed))
    return Evidence(tuple(runs.values()), tuple(words))


@dataclass(slots=True)
class _Heard:
    """Runs, incidents and what was said of them, by name; of several records with one name the first counts."""

    runs: dict[str, RunSeen] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    told: dict[str, list[Feedback]] = field(default_factory=dict)

    def note(self, record: Record, since: datetime | None) -> None:
        """Take a record in; what a fork wrote, and runs that ended earlier, are left out."""
        match record:
            case Detection() if record.run and _is_ours(record):
                if since is None or record.last_at >= since:
                    self.runs.setdefault(_name(record.run), _run_of(record, record.run))
            case Incident() if record.run and _is_ours(record) and not record.reopens:
                self.incidents.setdefault(id_of(record), record)
            case Feedback():
                self.told.setdefault(record.incident_id, []).append(record)
            case _:
                return


def _is_ours(record: Detection | Incident) -> bool:
    return record.provenance.trust is not Trust.FORK


def _name(run: RunRef) -> str:
    return f"{run.source}/{run.project}/{run.run_id}/{run.attempt}/{run.job}"


def _run_of(detection: Detection, run: RunRef) -> RunSeen:
    if detection.status is DetectionStatus.FIRING:
        lines: dict[str, set[int]] = {}
        for hit in detection.hits:
            lines.setdefault(hit.pattern, set()).add(hit.line)
        return RunSeen(_name(run), Kind.UNKNOWN, {name: frozenset(found) for name, found in lines.items()})
    signals = dict(detection.signals)
    hit_names = {*from_signals(signals, ACTING), *from_signals(signals, SHADOW)}
    # A run that was skipped or given up is no success, and one whose log nobody read shows nothing.
    kind = Kind.SUCCESS if detection.result is Result.SUCCESS and has_log(signals) else Kind.UNKNOWN
    return RunSeen(_name(run), kind, dict.fromkeys(hit_names, frozenset({0})))


@dataclass(frozen=True, slots=True)
class _Verdict:
    kind: Kind
    is_right: bool | None
    is_healed: bool | None


def _verdict(incident: Incident, told: Sequence[Feedback], people: People) -> _Verdict:
    """Return what an incident turned out to be: what a person said last of it, else what an outcome proved, else as it was judged."""
    said = sorted((word for word in told if _judges(word, people)), key=lambda word: word.at)
    outcomes = [word for word in told if word.source == _OUTCOME]
    last = (said or [word for word in outcomes if word.kind])[-1:]
    is_healed = next((word.reward > 0 for word in reversed(outcomes) if word.reward), None)
    if not last:
        return _Verdict(incident.kind, None, is_healed)
    kind = last[0].kind or (incident.kind if last[0].correct else Kind.UNKNOWN)
    return _Verdict(kind, kind is incident.kind, is_healed)


def _judges(word: Feedback, people: People) -> bool:
    has_said = word.source != _OUTCOME and word.weight > 0 and (word.kind is not None or word.correct is not None)
    may_teach = people.may_somewhere(word.by, Right.OVERRIDE) or people.may_somewhere(word.by, Right.APPROVE)
    return has_said and may_teach and is_said_by(word, word.by, people)


def _is_spoken(incident: Incident) -> bool:
    # What no hit speaks for was named by a model alone, or not at all.
    return bool(incident.hits) and incident.hits[0].kind is incident.kind and not incident.abstained
