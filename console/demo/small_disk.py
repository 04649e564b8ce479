"""The disk that the demo fills: a tmpfs of its own where mounting is allowed, else a folder with a bound; it says which."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from console.demo.interrupts import to_its_end, undisturbed
from infra.adapters.disk_usage import usage_of
from schemas.targets.disk import CleanRule, DiskSpec

MIB = 1024**2
SIZE = 8 * MIB
DATA, LOGS, SPOOL = "orders", "logs", "spool"
_CHUNK = 64 * 1024
_LONG_AGO_NS = 1_000_000_000 * 10**9
_MOUNT_S = 15.0


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

    def fill(self) -> None:
        """Write a young file until the disk takes no more."""
        path = self.place / SPOOL
        with path.open("wb", buffering=0) as out:
            while not self.spec.size_bytes or self.used() + _CHUNK <= SIZE:
                try:
                    out.write(os.urandom(_CHUNK))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    return

    def used(self) -> int:
        """Return the bytes in use."""
        return usage_of(self.spec).used_bytes


def hashes_below(folder: Path) -> dict[str, str]:
    """Return every file below a folder with the hash of its content."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


@contextmanager
def small_disk(place: Path, *, keep: bool) -> Iterator[SmallDisk]:
    """Yield the disk, and take the file system away at the end unless it is to be kept."""
    place.mkdir()
    try:
        with to_its_end():
            is_mounted = _is_done("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "healstream-demo", str(place))
        yield SmallDisk(place, is_mounted)
    finally:
        with undisturbed():
            if place.is_mount() and not keep:
                # At once, also while somebody has a file of it open; the kernel frees it with the last one.
                _is_done("umount", "-l", str(place))


def _is_done(*words: str) -> bool:
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_MOUNT_S, check=False, start_new_session=True)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
