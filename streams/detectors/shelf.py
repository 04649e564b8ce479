"""A bounded shelf of named rows that knows which changed: how each detector keeps its state as entries of JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar, cast

from schemas.avro_shape import record_from_plain, record_to_plain

T = TypeVar("T")

# Made once: ``json.dumps`` makes one for each call that asks for anything but its defaults. Rows hold no row that holds itself.
_write = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class AnyShelf(Protocol):
    """A shelf, whatever its rows are."""

    def take_changes(self) -> dict[str, str | None]:
        """Return the entries changed since the last call."""
        ...

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        ...


class Shelf(Generic[T]):
    """Rows of one frozen record class (without times) under ``prefix`` names; the row untouched longest goes when ``bound`` is passed."""

    def __init__(self, prefix: str, record: type[T], bound: int) -> None:
        """Start empty."""
        self.prefix = prefix
        self.rows: dict[str, T] = {}
        self._bound = bound
        self._changed: set[str] = set()
        self._to_plain = record_to_plain(record)
        self._from_plain = record_from_plain(record)

    def load(self, entries: Mapping[str, str]) -> None:
        """Take the entries of this prefix from a snapshot."""
        for name, text in entries.items():
            if name.startswith(self.prefix):
                self.rows[name.removeprefix(self.prefix)] = cast("T", self._from_plain(json.loads(text)))

    def put(self, key: str, row: T) -> None:
        """Store a row as the newest one."""
        self.rows.pop(key, None)
        self.rows[key] = row
        self._changed.add(key)
        if len(self.rows) > self._bound:
            self.drop(next(iter(self.rows)))

    def drop(self, key: str) -> None:
        """Remove a row."""
        self.rows.pop(key, None)
        self._changed.add(key)

    def take_changes(self) -> dict[str, str | None]:
        """Return the entries changed since the last call and forget that they changed."""
        changed, self._changed = self._changed, set()
        return {self.prefix + key: self._text(self.rows[key]) if key in self.rows else None for key in sorted(changed)}

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        return {self.prefix + key: self._text(row) for key, row in self.rows.items()}

    def _text(self, row: T) -> str:
        return _write(self._to_plain(row))
