"""The contest, the proposal that waits for a person, and the versions that acted before; a promotion is checked here.

Used by ``streams/learn.py``. A proposal needs evidence that it is better *and* that it makes no split of the guard set worse.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import cast

from learning.challenger import (
    Lesson,
    Prequential,
    Promotion,
    PromotionProposal,
    begin_contest,
    promote,
    propose_promotion,
)
from learning.classifier import Classifier, Snapshot
from learning.learned_guess import careful_namings, guess_kind, likeliest
from schemas.ids import from_micros, micros
from schemas.outputs import Emit, Gauge, Output
from schemas.oversight import AuditEntry, ModelChange, ModelRecord
from schemas.people import People
from schemas.promotions import AUTHOR, KEPT_VERSIONS, ModelName, Standing, why_not_promoted
from streams.contest_entries import (
    CHAMPION,
    body_of,
    challenger_entry,
    classifier_of,
    counts_entry,
    lesson_entries,
    lesson_entry,
    load_contest,
)

PROPOSAL_VALID = timedelta(days=30)
_WINDOW = 100
# Of a guess this sure a contradicting label counts against its teacher.
_SETTLED = 0.8
# After the guard said no, so many lessons are awaited before it is asked again: it reads every stored log.
_NEXT_TRY = 25
_STATE, _PENDING, _KEPT = "model/state", "model/proposal", "model/kept/"

GuardCheck = Callable[[Classifier, Classifier], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Pending:
    """A proposal, who its author is, and since when it waits."""

    proposal: PromotionProposal
    author: str
    at: datetime


class ContestState:
    """The two models, at most one proposal that waits for a person, and the versions to go back to."""

    def __init__(self, entries: Mapping[str, str], champion: str, min_examples: int, guard: GuardCheck | None = None) -> None:
        """Begin again from a snapshot's entries, or with a challenger equal to the champion."""
        self._min_examples = min_examples
        self._guard = guard
        self._contest = load_contest(entries, champion)
        known = json.loads(entries.get(_STATE, "{}"))
        self._teachers: set[str] = set(known.get("teachers", ()))
        self._next_try: int = known.get("next_try", 0)
        self._recent: list[list[int]] = known.get("recent", [])
        self._promoted_at = from_micros(known["promoted_at"]) if "promoted_at" in known else None
        self._kept = [entries[f"{_KEPT}{number}"] for number in range(KEPT_VERSIONS) if f"{_KEPT}{number}" in entries]
        self._pending = _pending_from(entries.get(_PENDING))
        # Texts are made when they are asked for: a shell asks once an event.
        self._slots: set[int] = set()
        self._has_learned = self._has_changed = False

    @property
    def champion(self) -> Classifier:
        """The model that acts."""
        return self._contest.champion

    def settles(self, lesson: Lesson) -> bool:
        """Tell whether the challenger is so sure of a failure that no pattern explains that a teacher may be judged by it."""
        model = self._contest.challenger
        guess = guess_kind(model.naming, model.predict(lesson.features), model.familiarity(lesson.features))
        return guess is not None and guess.confidence >= _SETTLED

    def contradicts(self, lesson: Lesson) -> bool:
        """Tell whether a label is another kind than the patterns, or else the challenger, say."""
        return lesson.kind is not (lesson.said or likeliest(self._contest.challenger.predict(lesson.features), 1.0)[0])

    def learn(self, lesson: Lesson, teacher: str) -> Sequence[Output]:
        """Score both models, teach the challenger, and show how right each has been."""
        before = self._contest.counts
        self._contest.learn(lesson)
        counts = self._contest.counts
        hits = [counts.champion_right - before.champion_right, counts.challenger_right - before.challenger_right]
        self._recent = [*self._recent, hits][-_WINDOW:]
        self._teachers.add(teacher)
        self._has_learned = True
        self._slots.add((self._contest.taught - 1) % len(self._contest.memory))
        return _gauges(counts, self._recent)

    def propose(self, now: datetime) -> Sequence[Output]:
        """Propose the challenger once it is better and makes no split worse; one proposal waits at a time, and not for ever."""
        if self._pending and now - self._pending.at < PROPOSAL_VALID:
            return ()
        best = propose_promotion(self._contest, self._min_examples) if self._contest.taught >= self._next_try else None
        if best is None:
            return ()
        passed = _boldest_that_passes(self._contest.champion, best.snapshot, self._guard)
        if isinstance(passed, Classifier):
            return self._wait_for_person(replace(best, snapshot=passed.snapshot()), now)
        self._next_try = self._contest.taught + _NEXT_TRY
        details = (("splits", ", ".join(passed)), ("why", "it would make these splits of the guard set worse"))
        return [Emit(AuditEntry("learn", "model.held_back", best.snapshot["checksum"], now, details))]

    def _wait_for_person(self, proposal: PromotionProposal, now: datetime) -> Sequence[Output]:
        version = proposal.snapshot["checksum"]
        # Whoever taught it alone is its author, and so is not the one to promote it.
        author = next(iter(self._teachers)) if len(self._teachers) == 1 else AUTHOR
        self._pending = Pending(proposal, author, now)
        self._has_changed = True
        digest = sha256(body_of(proposal.snapshot).encode()).hexdigest()
        return [
            _snapshot_record(body_of(proposal.snapshot), author, now),
            Emit(ModelRecord(version, ModelChange.PROPOSED, proposal.reason, digest, author, now)),
            Emit(AuditEntry("learn", "model.proposed", version, now, (("author", author), ("why", proposal.reason)))),
        ]

    def promote(self, record: ModelRecord, people: People) -> tuple[str, Sequence[Output]]:
        """Let the proposal, or a version that acted before, take over by a person's signed word.

        Return why not, or nothing, and what is sent: the outgoing version, so that the way back is always published.
        """
        outgoing = body_of(self._contest.champion.snapshot())
        standing = Standing(_name_of(outgoing), _proposed(self._pending), tuple(map(_name_of, self._kept)), self._promoted_at)
        why = why_not_promoted(record, standing, people)
        if why:
            return why, ()
        pending = self._pending
        is_proposed = pending is not None and record.version == pending.proposal.snapshot["checksum"]
        worse = _worse_splits(self._contest.champion, pending.proposal.snapshot, self._guard) if pending and is_proposed else ()
        if worse:
            # What the guard holds may have grown since the proposal; the next lessons bring another one.
            self._pending, self._next_try, self._has_changed = None, self._contest.taught + _NEXT_TRY, True
            return f"it would make these splits of the guard set worse: {', '.join(worse)}", ()
        if pending and is_proposed:
            self._contest = promote(self._contest, pending.proposal, Promotion(record.version, record.by, record.at, accepted=True))
        else:
            # What led astray is not handed on: the version begins with an empty memory.
            body = next(kept for kept in self._kept if _name_of(kept).version == record.version)
            self._contest = begin_contest(cast("Snapshot", json.loads(body)))
        acting = body_of(self._contest.champion.snapshot())
        self._kept = [outgoing, *(kept for kept in self._kept if kept not in {acting, outgoing})][:KEPT_VERSIONS]
        self._promoted_at = record.at
        self._pending, self._teachers, self._next_try, self._recent = None, set(), 0, []
        self._has_changed = True
        acts = ModelRecord(record.version, ModelChange.ACTING, f"promoted by {record.by}", record.sha256, AUTHOR, record.at)
        return "", (Emit(acts), _snapshot_record(outgoing, AUTHOR, record.at))

    def _state(self) -> dict[str, str]:
        known: dict[str, object] = {"teachers": sorted(self._teachers), "next_try": self._next_try, "recent": self._recent}
        return {_STATE: json.dumps(known | ({"promoted_at": micros(self._promoted_at)} if self._promoted_at else {}))}

    def take_changes(self) -> dict[str, str | None]:
        """Return the entries that changed since the last call: after a lesson the little that it changed, after a promotion all."""
        slots, self._slots = sorted(self._slots), set()
        changed, self._has_changed = self._has_changed, False
        learned, self._has_learned = self._has_learned, False
        changes: dict[str, str | None] = {}
        if changed:
            changes = {_PENDING: None, **lesson_entries(self._contest), **self.snapshot()}
        elif learned:
            changes.update(counts_entry(self._contest) | challenger_entry(self._contest) | self._state())
            for slot in slots:
                changes.update(lesson_entry(self._contest, slot))
        return changes

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        contest = self._contest
        entries = {CHAMPION: body_of(contest.champion.snapshot()), **counts_entry(contest), **challenger_entry(contest), **self._state()}
        entries.update({name: text for name, text in lesson_entries(contest).items() if text is not None})
        entries.update({f"{_KEPT}{number}": body for number, body in enumerate(self._kept)})
        return {**entries, _PENDING: _pending_text(self._pending)} if self._pending else entries


def _worse_splits(champion: Classifier, snapshot: Snapshot, guard: GuardCheck | None) -> tuple[str, ...]:
    return guard(champion, classifier_of(body_of(snapshot))) if guard else ()


def _name_of(body: str, author: str = AUTHOR) -> ModelName:
    return ModelName(json.loads(body)["checksum"], sha256(body.encode()).hexdigest(), author)


def _proposed(pending: Pending | None) -> ModelName | None:
    return _name_of(body_of(pending.proposal.snapshot), pending.author) if pending else None


def _boldest_that_passes(champion: Classifier, snapshot: Snapshot, guard: GuardCheck | None) -> Classifier | tuple[str, ...]:
    """Return the boldest version of the challenger that passes the guard, or else the splits that it makes worse as it is."""
    model, found = Classifier.from_snapshot(snapshot), []
    for naming in careful_namings(model.naming):
        model.naming = naming
        found.append(guard(champion, model) if guard else ())
        if not found[-1]:
            return model
    return found[0]


def _gauges(counts: Prequential, recent: Sequence[Sequence[int]]) -> list[Output]:
    rows: list[tuple[str, str, float]] = [
        ("champion", "prequential", counts.champion_right / counts.seen),
        ("challenger", "prequential", counts.challenger_right / counts.seen),
    ]
    for place, model in enumerate(("champion", "challenger")):
        rows.append((model, str(_WINDOW), sum(hits[place] for hits in recent) / len(recent)))
    return [Gauge("healstream_model_accuracy_ratio", value, (("model", model), ("window", window))) for model, window, value in rows]


def _snapshot_record(body: str, author: str, at: datetime) -> Emit:
    version = json.loads(body)["checksum"]
    return Emit(ModelRecord(version, ModelChange.SNAPSHOT, body, sha256(body.encode()).hexdigest(), author, at))


def _pending_text(pending: Pending) -> str:
    proposal = pending.proposal
    plain = {
        "snapshot": proposal.snapshot,
        "counts": asdict(proposal.counts),
        "margin": proposal.margin,
        "reason": proposal.reason,
        "author": pending.author,
        "at": micros(pending.at),
    }
    return json.dumps(plain, separators=(",", ":"))


def _pending_from(text: str | None) -> Pending | None:
    if text is None:
        return None
    plain = json.loads(text)
    proposal = PromotionProposal(plain["snapshot"], Prequential(**plain["counts"]), plain["margin"], plain["reason"])
    return Pending(proposal, plain["author"], from_micros(plain["at"]))
