"""What an adapter writes down of its steps: one file per key, JSON a line, the last line says that the step went to its end.

Durable before the effect it speaks of; read by whoever comes after a crash. Used by ``disks`` and ``caches``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.adapters.launch import append_row, ledger_rows

_DONE = "done"
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class StepRecords:
    """The records of one adapter, in a folder of the executor's own."""

    folder: Path

    def rows(self, key: str) -> list[Row]:
        """Return what was written down under the key."""
        return [row for row in ledger_rows(self._file(key)) if _DONE not in row]

    def add(self, key: str, row: Row) -> None:
        """Write one line down, durably."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        append_row(self._file(key), row)

    def end(self, key: str, said: str) -> None:
        """Write down that the step went to its end."""
        self.add(key, {_DONE: said})

    def ending(self, key: str) -> str:
        """Return what was said at the step's end, empty while it goes on."""
        return next((str(row[_DONE]) for row in ledger_rows(self._file(key)) if _DONE in row), "")

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.jsonl"
