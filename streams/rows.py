"""Named rows of one frozen record class, times included, in the order of their making; classify, decide and learn keep state so.

Each row is one entry (prefix + key -> JSON text), so that a shell writes only what changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Generic, TypeVar, cast

from schemas.avro_shape import record_from_plain, record_to_plain
from schemas.ids import from_micros, micros

T = TypeVar("T")

_TIME = "$micros"


def _time_to_plain(value: object) -> object:
    if isinstance(value, datetime):
        return {_TIME: micros(value)}
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)


def _time_from_plain(value: dict[str, object]) -> object:
    found = value.get(_TIME)
    return from_micros(found) if len(value) == 1 and isinstance(found, int) else value


# Made once: ``json.dumps`` makes one for each call that asks for anything but its defaults. Rows hold no row that holds itself.
_write = json.JSONEncoder(default=_time_to_plain, separators=(",", ":"), check_circular=False).encode


class Rows(Generic[T]):
    """Rows of ``record`` under ``prefix`` names; the oldest goes when ``bound`` is passed."""

    def __init__(self, prefix: str, record: type[T], bound: int) -> None:
        """Start empty."""
        self._prefix = prefix
        self._bound = bound
        self._rows: dict[str, tuple[int, T]] = {}
        self._changed: set[str] = set()
        self._next = 0
        self._to_plain = record_to_plain(record)
        self._from_plain = record_from_plain(record)

    def load(self, entries: Mapping[str, str]) -> None:
        """Take this prefix's entries from a snapshot; their numbers bring back the order that a compacted topic forgets."""
        found = []
        for name, text in entries.items():
            if name.startswith(self._prefix):
                number, plain = json.loads(text, object_hook=_time_from_plain)
                found.append((number, name.removeprefix(self._prefix), cast("T", self._from_plain(plain))))
        for number, key, row in sorted(found, key=lambda entry: entry[0]):
            self._rows[key] = (number, row)
            self._next = number + 1

    def get(self, key: str) -> T | None:
        """Return the row of that key."""
        found = self._rows.get(key)
        return found[1] if found else None

    def put(self, key: str, row: T) -> str | None:
        """Store a row, keeping its age when it is known; return the key that had to go for it."""
        known = self._rows.get(key)
        if known and known[1] == row:
            return None
        number = known[0] if known else self._next
        self._next = max(self._next, number + 1)
        self._rows[key] = (number, row)
        self._changed.add(key)
        if len(self._rows) <= self._bound:
            return None
        oldest = next(iter(self._rows))
        self.drop(oldest)
        return oldest

    def drop(self, key: str) -> None:
        """Remove a row."""
        if self._rows.pop(key, None):
            self._changed.add(key)

    def items(self) -> Iterator[tuple[str, T]]:
        """Walk over a copy of the rows, oldest first."""
        return iter([(key, row) for key, (_, row) in self._rows.items()])

    def values(self) -> Iterator[T]:
        """Walk over a copy of the rows without their keys, oldest first."""
        return iter([row for _, row in self._rows.values()])

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self._rows)

    def oldest(self) -> tuple[str, T] | None:
        """Return the row that was made first."""
        found = next(iter(self._rows.items()), None)
        return (found[0], found[1][1]) if found else None

    def take_changes(self) -> dict[str, str | None]:
        """Return the entries changed since the last call and forget that they changed."""
        changed, self._changed = self._changed, set()
        return {self._prefix + key: self._text(key) if key in self._rows else None for key in sorted(changed)}

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        return {self._prefix + key: self._text(key) for key in self._rows}

    def _text(self, key: str) -> str:
        number, row = self._rows[key]
        return _write([number, self._to_plain(row)])
