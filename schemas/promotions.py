"""Which promotion of a model counts: a person's with the right, not its author's, of exactly what is proposed or has acted before.

Pure. learn judges by it, every worker follows ``learning.models`` by it, and the commands say early what it refuses: no two disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.oversight import ModelChange, ModelRecord
from schemas.people import People, Right
from schemas.signing import is_said_with_right

AUTHOR = "healstream"
# The versions that acted before the champion: one step back, and two more should that one be wrong too.
KEPT_VERSIONS = 3


@dataclass(frozen=True, slots=True)
class ModelName:
    """A version, the SHA-256 of its body, and who made it."""

    version: str
    sha256: str
    author: str = AUTHOR


@dataclass(frozen=True, slots=True)
class Standing:
    """What acts (None: the shipped model), what is proposed, what acted before it, the latest first, and since when.

    ``wanted`` is the version that a person's word has named and learn has not let act yet, ``wanted_at`` when it was said.
    """

    champion: ModelName | None = None
    proposed: ModelName | None = None
    kept: tuple[ModelName, ...] = ()
    since: datetime | None = None
    # The shipped model's name is told by learn after the first promotion.
    awaits_shipped: bool = False
    wanted: ModelName | None = None
    wanted_at: datetime | None = None

    def named(self, version: str) -> ModelName | None:
        """Return the version when it may be promoted: the proposal or one that acted before."""
        return next((name for name in (self.proposed, *self.kept) if name is not None and name.version == version), None)


def why_not_promoted(record: ModelRecord, standing: Standing, people: People) -> str:
    """Return why a promotion does not count, or nothing."""
    if not is_said_with_right(record, record.by, Right.PROMOTE_MODEL, people):
        return "no right to promote, or the signature is not theirs"
    name = standing.named(record.version)
    if name is None:
        return "no such version is proposed or kept"
    if record.sha256 != name.sha256:
        return "the checksum is not the proposal's"
    # An old word that is sent again must not undo what was said after it.
    if standing.since is not None and record.at <= standing.since:
        return "it was said before the last promotion"
    return "its author does not promote it" if name is standing.proposed and record.by == name.author else ""


def standing_after(record: ModelRecord, standing: Standing, people: People) -> Standing:
    """Return how the models stand after one more record of the topic."""
    match record.change:
        case ModelChange.PROPOSED:
            return replace(standing, proposed=ModelName(record.version, record.sha256, record.by))
        case ModelChange.PROMOTED:
            refused = why_not_promoted(record, standing, people)
            return standing if refused else replace(standing, wanted=standing.named(record.version), wanted_at=record.at)
        case ModelChange.ACTING:
            # A person's word and learn's: learn alone knows what the guard says by now.
            is_wanted = standing.wanted is not None and record.version == standing.wanted.version
            return _promoted(record, standing) if is_wanted else standing
        case ModelChange.SNAPSHOT:
            return _with_shipped(record, standing) if standing.awaits_shipped else standing


def standing_of(records: Iterable[ModelRecord], people: People) -> Standing:
    """Return how the models stand by all records of the topic, in their order."""
    standing = Standing()
    for record in records:
        standing = standing_after(record, standing, people)
    return standing


def _promoted(record: ModelRecord, standing: Standing) -> Standing:
    name = ModelName(record.version, record.sha256)
    before = (standing.champion,) if standing.champion else ()
    kept = (*before, *(other for other in standing.kept if other.version != record.version))[:KEPT_VERSIONS]
    return Standing(name, None, kept, standing.wanted_at, awaits_shipped=standing.champion is None)


def _with_shipped(record: ModelRecord, standing: Standing) -> Standing:
    shipped = ModelName(record.version, record.sha256, record.by)
    return replace(standing, kept=(shipped, *standing.kept)[:KEPT_VERSIONS], awaits_shipped=False)
