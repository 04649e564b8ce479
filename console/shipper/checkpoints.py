"""What is kept of followed logs, one file each in a folder that one shipper holds; a line of JSON, then the bytes that are on their way."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from console.shipper.position import Kept, Part, Position
from infra.adapters.launch import write_whole
from schemas.errors import HealstreamError

FORMAT = 1
_ENDING = ".log-position"
_LOCK = "lock"
_MEND = "Move it away: the log is sent from its beginning then, and what was sent is recognised"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where one log's position is kept; ``name`` names the log for whoever reads the file."""

    path: Path
    name: str

    def put(self, kept: Kept) -> None:
        """Replace the file in one step, durably; raises OSError."""
        part = kept.part
        row = {
            "format": FORMAT,
            "log": self.name,
            "seq": kept.seq,
            "position": _row_of(kept.position) if kept.position else None,
            "part": {"seq": part.seq, "bytes": len(part.content), "is_end": part.is_end} if part else None,
            "has_open_line": kept.has_open_line,
            "is_ended": kept.is_ended,
        }
        write_whole(self.path, json.dumps(row).encode() + b"\n" + (part.content if part else b""))
        _sync(self.path.parent)

    def read(self) -> Kept:
        """Return what was kept, a beginning when nothing was; raises HealstreamError for a file that is not ours or torn."""
        try:
            head, _, content = self.path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return Kept()
        try:
            return _kept_in(json.loads(head), content)
        except (ValueError, KeyError, TypeError) as error:
            raise HealstreamError(f"position {self.path}", f"it cannot be read: {error}", _MEND) from error


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The folder of all of them."""

    folder: Path

    def of(self, log: str) -> Checkpoint:
        """Return where the position of a log is kept."""
        return Checkpoint(self.folder / f"{blake2b(log.encode(), digest_size=16).hexdigest()}{_ENDING}", log)

    def forget_before(self, time_s: float, in_use: frozenset[Path]) -> int:
        """Remove what nobody follows and nobody has written since; return how many."""
        old = [path for path in self.folder.glob(f"*{_ENDING}") if path not in in_use and path.stat().st_mtime < time_s]
        for path in old:
            path.unlink()
        return len(old)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder; raises HealstreamError when another shipper does."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / _LOCK).open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise HealstreamError(
                    f"folder {self.folder}", "another shipper uses it", "End that one, or give another --state"
                ) from error
            yield


def _row_of(one: Position) -> dict[str, object]:
    # Written out, because the library's own way to do it copies deeply.
    return {name: getattr(one, name) for name in Position.__slots__}


def _kept_in(row: dict[str, Any], content: bytes) -> Kept:
    part, position = row["part"], row["position"]
    if row["format"] != FORMAT or len(content) != (part["bytes"] if part else 0):
        raise ValueError(f"its format is {row['format']}, and {len(content)} bytes are on their way")
    return Kept(
        row["seq"],
        Position(**position) if position else None,
        Part(part["seq"], content, part["is_end"]) if part else None,
        row["has_open_line"],
        row["is_ended"],
    )


def _sync(folder: Path) -> None:
    # The new name must outlive a power cut, too: an older position would cut other parts under the same numbers.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
