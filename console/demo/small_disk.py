"""The disk that the demo fills: a tmpfs of its own where mounting is allowed, else a folder with a bound; it says which."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from console.demo import disk_keeper
from console.demo.interrupts import undisturbed
from infra.adapters.disk_usage import usage_of
from schemas.targets.disk import CleanRule, DiskSpec

MIB = 1024**2
SIZE = 8 * MIB
DATA, LOGS, SPOOL = "orders", "logs", "spool"
_LONG_AGO_NS = 1_000_000_000 * 10**9


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """The disk below ``place``; ``is_mounted`` tells a file system of its own from a bounded folder."""

    place: Path
    is_mounted: bool = False

    @property
    def words(self) -> str:
        """Say what kind of disk it is."""
        size = f"{SIZE // MIB} MiB"
        return f"a tmpfs of {size}" if self.is_mounted else f"a folder bounded to {size} (mounting is not allowed here)"

    @property
    def aside(self) -> Path:
        """Return where what is cleaned away is kept."""
        return self.place.with_name(f"{self.place.name}-aside")

    @property
    def spec(self) -> DiskSpec:
        """Return it as the catalogue has it: old logs may go, the data may not."""
        rules = (CleanRule(LOGS, "*.log", 3600.0),)
        size = 0 if self.is_mounted else SIZE
        return DiskSpec("demo", str(self.place), rules=rules, every_s=1.0, data=(DATA,), quarantine=str(self.aside), size_bytes=size)

    def furnish(self) -> None:
        """Put the data and some old logs there; it is well then."""
        self.aside.mkdir()
        for name, size in ((f"{DATA}/book", 3 * MIB), *((f"{LOGS}/{month}.log", MIB) for month in ("april", "may", "june"))):
            path = self.place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(size))
            # The data is as old as the logs: only that it is data keeps it.
            os.utime(path, ns=(_LONG_AGO_NS, _LONG_AGO_NS))

    def fill(self) -> str:
        """Write a young file with all that still fits; return the hash of its content."""
        room = SIZE - usage_of(self.spec).used_bytes if self.spec.size_bytes else SIZE
        content = os.urandom(room)
        with (self.place / SPOOL).open("wb", buffering=0) as out:
            # In one call, so that nobody makes room meanwhile: write(2) writes what there is room for and tells how much that was.
            written = out.write(content)
        return sha256(content[:written]).hexdigest()


def hashes_below(folder: Path) -> dict[str, str]:
    """Return every file below a folder with the hash of its content."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


@contextmanager
def small_disk(place: Path, *, keep: bool) -> Iterator[SmallDisk]:
    """Yield the disk; its file system is gone afterwards, however this process ends, unless it is to be kept."""
    place.mkdir()
    words = [sys.executable, "-I", "-S", disk_keeper.__file__, str(place), str(SIZE)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True) as keeper:
        try:
            said = keeper.stdout.readline() if keeper.stdout else ""
            yield SmallDisk(place, said == disk_keeper.MOUNTED)
        finally:
            with undisturbed():
                keeper.communicate(disk_keeper.KEEP if keep else None)
