"""Proposed patterns as people see them: how far each has come, and what taking one would write; pure, used by ``cli/proposal.py``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from console.pattern_words import Voice
from schemas.errors import DeniedError, NotFoundError, UsageError
from schemas.ids import Record, id_of
from schemas.people import People
from schemas.proposals import PatternProposal, ProposalVerdict, ProposalWord, why_word_not_counted, why_word_too_late
from schemas.signing import sign


class Standing(StrEnum):
    """How far a proposal has come: ``withheld`` is refused by its back-test, shown and not offered."""

    OPEN = "open"
    WITHHELD = "withheld"
    ACCEPTED = "accepted"
    EDITED = "edited"
    REFUSED = "refused"
    EXPIRED = "expired"


WAITING = frozenset({Standing.OPEN, Standing.WITHHELD})


@dataclass(frozen=True, slots=True)
class ProposalView:
    """One proposal, how far it has come, and the word that ended it."""

    proposal: PatternProposal
    standing: Standing
    word: ProposalWord | None = None

    def brief(self) -> dict[str, object]:
        """Return it as one line of a list; its texts are strangers'."""
        told = self.proposal
        return {
            "name": told.name,
            "state": self.standing.value,
            "kind": told.kind.value if told.kind else "",
            "confidence": told.confidence,
            "runs": told.runs,
            "repositories": told.repositories,
            "expires_at": told.expires_at.isoformat(timespec="minutes"),
            "line": told.evidence[0].text if told.evidence else "",
        }

    def full(self) -> dict[str, object]:
        """Return all that is known of it, ready for JSON."""
        plain = asdict(self.proposal)
        times = {key: value.isoformat() for key, value in plain.items() if isinstance(value, datetime)}
        said = self.word
        word = {"by": said.by, "verdict": said.verdict.value, "at": said.at.isoformat(), "why": said.why} if said else None
        return {**plain, **times, "state": self.standing.value, "pattern": json.loads(self.proposal.pattern), "word": word}


def views_of(records: Iterable[Record], people: People, now: datetime) -> tuple[ProposalView, ...]:
    """Return the proposals of the topic's records, of each name the latest, in the order of their making."""
    proposals: dict[str, PatternProposal] = {}
    words: dict[str, list[ProposalWord]] = {}
    for record in records:
        if isinstance(record, PatternProposal):
            proposals.pop(record.name, None)
            proposals[record.name] = record
        elif isinstance(record, ProposalWord):
            words.setdefault(record.proposal, []).append(record)
    return tuple(_view(one, words.get(id_of(one), ()), people, now) for one in proposals.values())


def _view(proposal: PatternProposal, words: Iterable[ProposalWord], people: People, now: datetime) -> ProposalView:
    is_withheld = bool(proposal.refused)
    for word in words:
        if not (why_word_not_counted(word, people) or why_word_too_late(word, proposal.expires_at, is_withheld=is_withheld)):
            return ProposalView(proposal, Standing(word.verdict.value), word)
    if proposal.expires_at <= now:
        return ProposalView(proposal, Standing.EXPIRED)
    return ProposalView(proposal, Standing.WITHHELD if is_withheld else Standing.OPEN)


def view_named(views: Iterable[ProposalView], name: str) -> ProposalView:
    """Return the proposal of that name; raises NotFoundError."""
    found = next((view for view in views if view.proposal.name == name), None)
    if found is None:
        raise NotFoundError(
            name, "neither a pattern nor a proposal has this name", "See `healstream pattern list` and `healstream pattern proposals`"
        )
    return found


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants of a proposal beside taking it as it is: another kind, or a wording of their own (JSON text)."""

    kind: str = ""
    wording: str = ""


def row_wanted(view: ProposalView, wish: Wish) -> tuple[dict[str, object], bool]:
    """Return the pattern to be written, and whether it is still as proposed; raises UsageError or DeniedError with what to do."""
    proposed: dict[str, object] = json.loads(view.proposal.pattern)
    row = {**(_wording(wish.wording) if wish.wording else proposed), **({"kind": wish.kind} if wish.kind else {})}
    _require_waiting(view)
    # The kind in its text is a stand-in: to leave it is no choice of a kind.
    if view.proposal.kind is None and not wish.kind and row.get("kind") == proposed["kind"]:
        raise UsageError(view.proposal.name, "nothing known is near, so no kind is suggested", "Name one with --kind")
    is_as_proposed = row == proposed and view.proposal.kind is not None
    if is_as_proposed and view.standing is Standing.WITHHELD:
        raise DeniedError(view.proposal.name, "; ".join(view.proposal.refused), "Narrow it in a file and give that with --edit")
    return row, is_as_proposed


def word_on(view: ProposalView, verdict: ProposalVerdict, voice: Voice, why: str = "") -> ProposalWord:
    """Return the signed word; raises DeniedError when it would not count."""
    _require_waiting(view)
    proposal = view.proposal
    word = ProposalWord(proposal.name, id_of(proposal), verdict, voice.speaker.name, voice.at, why)
    signed = sign(word, voice.speaker.key)
    not_counted = why_word_not_counted(signed, voice.people)
    if not_counted:
        raise DeniedError(voice.speaker.name, not_counted, "Ask somebody whose role allows it")
    return signed


def _require_waiting(view: ProposalView) -> None:
    if view.standing not in WAITING:
        by = f" by {view.word.by}" if view.word else ""
        raise DeniedError(view.proposal.name, f"it is {view.standing}{by}", "See `healstream pattern proposals --all`")


def _wording(text: str) -> Mapping[str, object]:
    try:
        row = json.loads(text)
    except ValueError as error:
        raise UsageError("--edit", f"this is no JSON: {error}", "Begin with `pattern` of `healstream pattern proposals NAME`") from error
    if not isinstance(row, dict) or "id" not in row:
        raise UsageError("--edit", "one pattern is a JSON object with an id", "Begin with `pattern` of `healstream pattern proposals NAME`")
    return row
