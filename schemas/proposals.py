"""What mining proposes and what people say of it: records on ``learning.models``, written by learn and by the ``pattern`` commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from schemas.ids import Identified, IdPart
from schemas.people import People, Right
from schemas.signing import is_said_with_right
from schemas.vocabulary import Kind

# The author of what nobody wrote: never the one who lets it act.
PROPOSER = "healstream"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A known pattern whose examples read like the evidence; ``similarity`` is 0..1."""

    pattern: str
    kind: Kind
    similarity: float


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One redacted line that the proposed pattern matches, and the incident that it is of."""

    text: str
    incident_id: str


@dataclass(frozen=True, slots=True)
class TriedOn:
    """What the back-test saw: how many stored logs, and the ids of those hit, at most ten of a sort; ``digest`` names the whole report."""

    logs: int
    successes: int
    green: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    stolen: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True)
class PatternProposal(Identified):
    """A pattern that mining proposes, with all that a person needs to judge it.

    ``name`` is the id of the pattern that it would become, ``pattern`` that pattern as JSON text; ``kind`` is the suggestion, None when
    nothing known is near: then the kind in the text is a stand-in that never heals, and whoever takes the proposal names one.
    ``refused`` says why the back-test speaks against it: such a proposal is shown and not offered.
    """

    RECORD: ClassVar[str] = "PatternProposal"

    name: str
    pattern: str
    template: str
    runs: int
    repositories: int
    first_at: datetime
    last_at: datetime
    at: datetime
    expires_at: datetime
    tried: TriedOn
    kind: Kind | None = None
    confidence: float = 0.0
    neighbours: tuple[Neighbour, ...] = ()
    evidence: tuple[EvidenceLine, ...] = ()
    refused: tuple[str, ...] = ()
    by: str = PROPOSER

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id: what is proposed and when, so that a proposal that comes again after its expiry is another."""
        return (self.name, self.pattern, self.at)


class ProposalVerdict(StrEnum):
    """What a person made of a proposal: ``edited`` means that it became a pattern in that person's wording."""

    ACCEPTED = "accepted"
    EDITED = "edited"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ProposalWord(Identified):
    """A person's signed word on one proposal, which it names by its id; the first that counts ends it."""

    RECORD: ClassVar[str] = "ProposalWord"

    name: str
    proposal: str
    verdict: ProposalVerdict
    by: str
    at: datetime
    why: str = ""
    signature: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.proposal, self.verdict, self.by, self.at)


# Taking a pattern as it is lets it act; writing one, and turning one down, is what editors of patterns may do.
RIGHTS_TO_SAY: dict[ProposalVerdict, tuple[Right, ...]] = {
    ProposalVerdict.ACCEPTED: (Right.PROMOTE_MODEL,),
    ProposalVerdict.EDITED: (Right.EDIT_PATTERN,),
    ProposalVerdict.REFUSED: (Right.EDIT_PATTERN, Right.PROMOTE_MODEL),
}


def why_word_not_counted(word: ProposalWord, people: People) -> str:
    """Return why a word on a proposal does not count, or nothing."""
    wanted = RIGHTS_TO_SAY[word.verdict]
    if not any(is_said_with_right(word, word.by, right, people) for right in wanted):
        return f"no right to {' or '.join(wanted)}, or the signature is not theirs"
    return "its author does not accept it" if word.by == PROPOSER else ""


def why_word_too_late(word: ProposalWord, expires_at: datetime, *, is_withheld: bool) -> str:
    """Return why a word comes too late, or takes what may not be taken as it is; or nothing."""
    if expires_at <= word.at:
        return "it has expired"
    # A wording of a person's own may mend what the back-test found.
    return "its back-test speaks against it" if is_withheld and word.verdict is ProposalVerdict.ACCEPTED else ""
