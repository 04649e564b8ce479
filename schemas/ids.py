"""Ids made from content: the same fact has the same id everywhere, so a duplicate is recognisable by every reader.

An id is BLAKE2b-128 in lower-case hex over the UTF-8 of the canonical JSON array ``[record, "v1", field, ...]`` (RFC 8785),
times as integer microseconds since 1970-01-01 UTC. Test vectors: ``docs/ids.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import ClassVar, Protocol

from schemas.canonical import canonical_json

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ID_BYTES = 16
# Not a field: neither compared, nor shown, nor copied.
_KEPT = "_id"
# The metadata of a field that a signed record got after some of its kind had been signed.
ADDED_LATER = {"added_later": True}
_NUMBERS = (int, float)

IdPart = str | int | float | bool | datetime | None | Sequence["IdPart"] | Mapping[str, "IdPart"]


class Record(Protocol):
    """Anything that crosses a topic: its name in the contract, and the fields that its id is made over."""

    RECORD: ClassVar[str]

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id, in the order of ``records.md``."""
        ...


class Identified:
    """What every record is besides: it keeps its id once that was asked for. A copy made by ``replace`` is asked anew."""

    __slots__ = (_KEPT,)


def micros(at: datetime) -> int:
    """Return whole microseconds since the epoch; ``at`` carries a zone."""
    return (at - EPOCH) // timedelta(microseconds=1)


def from_micros(value: int) -> datetime:
    """Return the UTC time of a count of microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=value)


def _plain(part: IdPart) -> object:
    if isinstance(part, str):
        return str(part)
    if part is None or isinstance(part, _NUMBERS):
        return part
    if isinstance(part, datetime):
        return micros(part)
    if isinstance(part, Mapping):
        return {str(key): _plain(value) for key, value in part.items()}
    return [_plain(item) for item in part]


def content_id(record: str, *fields: IdPart) -> str:
    """Return the id of a record's name and its fields: 32 lower-case hex digits."""
    text = canonical_json([record, "v1", *(_plain(field) for field in fields)])
    return blake2b(text, digest_size=ID_BYTES).hexdigest()


def id_of(record: Record) -> str:
    """Return a record's own id; every stage and letter asks for it, so it is made once."""
    known: str = getattr(record, _KEPT, "")
    if not known:
        known = content_id(record.RECORD, *record.id_fields())
        # A record is frozen; what it keeps here follows from its fields.
        object.__setattr__(record, _KEPT, known)
    return known
