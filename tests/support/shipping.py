"""A log that a machine writes, rotates, empties and packs, what a shipper has to send of it, and where positions are kept in memory."""

from __future__ import annotations

import gzip
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from console.shipper.follower import Follower, Patience
from console.shipper.position import Kept, Part
from infra.adapters.log_files import LogFolder

LOG = "app.log"
PATIENCE = Patience(open_line_s=10, rotated_s=5, gone_s=10)


@dataclass
class MemoryPosition:
    """Keeps what is put; a crash forgets everything else."""

    kept: Kept = field(default_factory=Kept)

    def put(self, kept: Kept) -> None:
        self.kept = kept


@dataclass
class Writer:
    """One log in a folder; every change has a later time. What is removed keeps its inode, so that no number comes again by chance."""

    folder: Path
    expected: bytes = b""
    count: int = 0
    ticks: int = 0

    def __post_init__(self) -> None:
        self.path = self.folder / LOG
        self.graves = self.folder.parent / "graves"
        self.graves.mkdir(exist_ok=True)
        self.path.touch()
        self._stamp(self.path)

    def write(self, lines: int, *, ends: bool = True) -> None:
        """Add lines; the last one may be without its end."""
        text = b"".join(b"line %d of the log\n" % (self.count + number) for number in range(lines))
        self.count += lines
        text = text if ends else text[:-5]
        with self.path.open("ab") as out:
            out.write(text)
        self.expected += text
        self._stamp(self.path)

    def rename(self) -> None:
        """Rotate by renaming, with a new file at once."""
        self._shift()
        self.path.rename(self._numbered(1))
        self.path.touch()
        self._stamp(self.path)
        self._break_line()

    def copy_and_empty(self) -> None:
        """Rotate by copying the log away and emptying it."""
        self._shift()
        shutil.copyfile(self.path, self._numbered(1))
        self._stamp(self._numbered(1))
        os.truncate(self.path, 0)
        self._stamp(self.path)
        self._break_line()

    def pack(self, number: int) -> None:
        """Pack one rotated file, its time kept."""
        plain = self._numbered(number)
        if not plain.exists():
            return
        packed = plain.with_name(f"{plain.name}.gz")
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        time_ns = plain.stat().st_mtime_ns
        os.utime(packed, ns=(time_ns, time_ns))
        self.bury(plain)

    def bury(self, path: Path) -> None:
        """Remove a file; its inode is not given to another."""
        self.ticks += 1
        os.link(path, self.graves / str(self.ticks))
        path.unlink()

    def _numbered(self, number: int) -> Path:
        return self.folder / f"{LOG}.{number}"

    def _shift(self) -> None:
        for number in range(40, 0, -1):
            for ending in ("", ".gz"):
                old = self.folder / f"{LOG}.{number}{ending}"
                if old.exists():
                    old.rename(self.folder / f"{LOG}.{number + 1}{ending}")

    def _break_line(self) -> None:
        if self.expected and not self.expected.endswith(b"\n"):
            self.expected += b"\n"

    def _stamp(self, path: Path) -> None:
        self.ticks += 1
        time_ns = 1_700_000_000_000_000_000 + self.ticks * 1_000_000
        os.utime(path, ns=(time_ns, time_ns))


@dataclass
class Desk:
    """Takes parts as the gateway does: what comes again under a number has to be the same."""

    parts: dict[int, Part] = field(default_factory=dict)

    def take(self, part: Part) -> int:
        assert self.parts.setdefault(part.seq, part) == part, "other bytes came under the same number"
        return part.seq + 1

    @property
    def text(self) -> bytes:
        """What came, in order and without a gap."""
        assert sorted(self.parts) == list(range(len(self.parts)))
        return b"".join(self.parts[seq].content for seq in sorted(self.parts))


def follower(folder: Path, position: MemoryPosition, told: list[str] | None = None, patience: Patience = PATIENCE) -> Follower:
    """Return a follower that goes on from what is kept."""
    return Follower(LogFolder(str(folder), ""), LOG, position.kept, position, patience, (told if told is not None else []).append)


def ship_all(one: Follower, desk: Desk, now_s: float) -> None:
    """Send everything that is there now."""
    while part := one.part(now_s):
        one.taken(desk.take(part))
