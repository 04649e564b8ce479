"""The models of ``learning.models`` as people see them, and a person's promotion of one; used by ``healstream model``.

Pure. learn judges a promotion by the same rule (``schemas/promotions.py``) and tells the audit of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from console.words import Speaker
from schemas.errors import DeniedError, NotFoundError, UsageError
from schemas.oversight import ModelChange, ModelRecord
from schemas.people import People
from schemas.promotions import ModelName, Standing, standing_of, why_not_promoted
from schemas.signing import sign

LIST = "List them with `healstream model list`"


@dataclass(frozen=True, slots=True)
class ModelShelf:
    """All records of the topic in their order, and how the models stand by them."""

    records: tuple[ModelRecord, ...]
    standing: Standing

    def named(self, prefix: str) -> str:
        """Return the one version that begins so; raises NotFoundError."""
        found = {record.version for record in self.records if record.version.startswith(prefix)}
        if len(found) != 1:
            raise NotFoundError(f"model {prefix}", f"{len(found)} versions begin so" if found else "there is none", LIST)
        return found.pop()

    def rows(self) -> list[dict[str, object]]:
        """Return a row for each version, the latest first: its state, who made it, since when, and why it was proposed."""
        latest: dict[str, dict[str, object]] = {}
        for record in self.records:
            row = latest.pop(record.version, {"version": record.version, "state": _state(record.version, self.standing)})
            latest[record.version] = row | _told(record, row)
        return list(reversed(latest.values()))

    def words_on(self, version: str, people: People) -> list[dict[str, object]]:
        """Return what was proposed and promoted of a version, and which promotions counted when they were said."""
        found: list[dict[str, object]] = []
        for number, record in enumerate(self.records):
            if record.version != version or record.change is ModelChange.SNAPSHOT:
                continue
            row: dict[str, object] = {"change": record.change.value, "by": record.by, "at": record.at.isoformat()}
            if record.change is ModelChange.PROMOTED:
                row["refused"] = why_not_promoted(record, standing_of(self.records[:number], people), people)
            found.append(row)
        return found


def shelf_of(records: Iterable[ModelRecord], people: People) -> ModelShelf:
    """Return the shelf of a topic's records."""
    known = tuple(records)
    return ModelShelf(known, standing_of(known, people))


def promotion_of(shelf: ModelShelf, version: str, speaker: Speaker, people: People, at: datetime) -> ModelRecord:
    """Return the signed word by which a version acts; raises UsageError or DeniedError when learn would refuse it."""
    champion = shelf.standing.champion
    if champion is not None and champion.version == version:
        raise UsageError(f"model {version}", "it acts already", LIST)
    name = shelf.standing.named(version)
    if name is None:
        raise UsageError(f"model {version}", "it is neither proposed nor one that acted before", LIST)
    word = sign(ModelRecord(version, ModelChange.PROMOTED, "", name.sha256, speaker.name, at), speaker.key)
    why = why_not_promoted(word, shelf.standing, people)
    if why:
        raise DeniedError(speaker.name, why, "Ask another person whose role allows it")
    return word


def before(shelf: ModelShelf) -> ModelName:
    """Return the version that acted before the present one; raises UsageError when there is none."""
    if not shelf.standing.kept:
        raise UsageError("model rollback", "nothing acted before what acts now", LIST)
    return shelf.standing.kept[0]


def _state(version: str, standing: Standing) -> str:
    if standing.champion is not None and standing.champion.version == version:
        return "acting"
    if standing.proposed is not None and standing.proposed.version == version:
        return "proposed"
    return "kept" if standing.named(version) else "past"


def _told(record: ModelRecord, row: dict[str, object]) -> dict[str, object]:
    match record.change:
        case ModelChange.SNAPSHOT:
            return {"author": row.get("author", record.by), "at": record.at.isoformat(), "bytes": len(record.body)}
        case ModelChange.PROPOSED:
            return {"author": record.by, "at": record.at.isoformat(), "reason": record.body}
        case ModelChange.ACTING:
            return {"acts_since": record.at.isoformat()}
        case ModelChange.PROMOTED:
            return {"said_by": record.by, "said_at": record.at.isoformat()}
