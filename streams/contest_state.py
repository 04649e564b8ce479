"""Champion, challenger and the pending proposal as entries of state; a promotion is checked here; used by ``streams/learn.py``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import cast

from learning.challenger import Contest, Prequential, Promotion, PromotionProposal, promote, propose_promotion
from learning.classifier import Classifier, Snapshot
from schemas.outputs import Emit, Gauge, Output
from schemas.oversight import AuditEntry, ModelChange, ModelRecord
from schemas.people import People, Right
from schemas.signing import is_signed_by
from schemas.vocabulary import Kind

AUTHOR = "healstream"
_CONTEST, _PENDING = "model/contest", "model/pending"


def _classifier(text: str) -> Classifier:
    return Classifier.from_snapshot(cast("Snapshot", json.loads(text)))


def body_of(snapshot: Snapshot) -> str:
    """Return a snapshot as the text that is hashed, published and read back."""
    return json.dumps(snapshot, sort_keys=True, separators=(",", ":"))


class ContestState:
    """The two models and at most one proposal that waits for a person."""

    def __init__(self, entries: Mapping[str, str], champion: str, min_examples: int) -> None:
        """Begin again from a snapshot's entries, or with a challenger equal to the champion."""
        self._min_examples = min_examples
        known = json.loads(entries.get(_CONTEST, "{}"))
        acting = known.get("champion", champion)
        counts = Prequential(**known.get("counts", {}))
        self._contest = Contest(_classifier(acting), _classifier(known.get("challenger", acting)), counts)
        self._teachers: set[str] = set(known.get("teachers", ()))
        self._pending: PromotionProposal | None = None
        self._author = AUTHOR
        pending = json.loads(entries.get(_PENDING, "null"))
        if pending:
            snapshot = cast("Snapshot", json.loads(pending["body"]))
            counted = Prequential(**pending["counts"])
            self._pending = PromotionProposal(snapshot, counted, pending["margin"], pending["reason"])
            self._author = pending["author"]
        self._changed = False

    def learn(self, features: Mapping[int, float], kind: Kind, weight: float, teacher: str) -> Sequence[Output]:
        """Score both models, teach the challenger, and show how right each has been."""
        self._contest.learn(features, kind, weight)
        # A snapshot is rounded: learning goes on from what a restart would find.
        self._contest.challenger = Classifier.from_snapshot(self._contest.challenger.snapshot())
        self._teachers.add(teacher)
        self._changed = True
        counts = self._contest.counts
        rows = (("champion", counts.champion_right), ("challenger", counts.challenger_right))
        return [
            Gauge("healstream_model_accuracy_ratio", right / counts.seen, (("model", model), ("window", "prequential")))
            for model, right in rows
        ]

    def propose(self, now: datetime) -> Sequence[Output]:
        """Propose the challenger once it is better; one proposal waits at a time."""
        proposal = None if self._pending else propose_promotion(self._contest, self._min_examples)
        if proposal is None:
            return ()
        self._pending = proposal
        # Whoever taught it alone is its author, and so is not the one to promote it.
        self._author = next(iter(self._teachers)) if len(self._teachers) == 1 else AUTHOR
        self._changed = True
        body = body_of(proposal.snapshot)
        version, digest = proposal.snapshot["checksum"], sha256(body.encode()).hexdigest()
        return [
            Emit(ModelRecord(version, ModelChange.SNAPSHOT, body, digest, self._author, now)),
            Emit(ModelRecord(version, ModelChange.PROPOSED, proposal.reason, digest, self._author, now)),
            Emit(AuditEntry("learn", "model.proposed", version, now, (("author", self._author), ("why", proposal.reason)))),
        ]

    def promote(self, record: ModelRecord, people: People) -> str:
        """Let the proposal take over by a person's signed word; return why not, or nothing."""
        person = people.named(record.by)
        if person is None or not people.may(record.by, Right.PROMOTE_MODEL) or not is_signed_by(record, person.public_key):
            return "no right to promote, or the signature is not theirs"
        if self._pending is None or record.version != self._pending.snapshot["checksum"]:
            return "no such version is proposed"
        if record.sha256 != sha256(body_of(self._pending.snapshot).encode()).hexdigest():
            return "the checksum is not the proposal's"
        if record.by == self._author:
            return "its author does not promote it"
        promotion = Promotion(record.version, record.by, record.at, accepted=True)
        self._contest = promote(self._contest, self._pending, promotion)
        self._pending = None
        self._teachers = set()
        self._changed = True
        return ""

    def take_changes(self) -> dict[str, str | None]:
        """Return the entries when they changed since the last call."""
        changed, self._changed = self._changed, False
        if not changed:
            return {}
        entries: dict[str, str | None] = {_PENDING: None}
        entries.update(self.snapshot())
        return entries

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        contest = self._contest
        text = json.dumps(
            {
                "champion": body_of(contest.champion.snapshot()),
                "challenger": body_of(contest.challenger.snapshot()),
                "counts": asdict(contest.counts),
                "teachers": sorted(self._teachers),
            }
        )
        if self._pending is None:
            return {_CONTEST: text}
        pending = {
            "body": body_of(self._pending.snapshot),
            "counts": asdict(self._pending.counts),
            "margin": self._pending.margin,
            "reason": self._pending.reason,
            "author": self._author,
        }
        return {_CONTEST: text, _PENDING: json.dumps(pending)}
