"""Files below one folder, reached name by name from its open descriptor: no symbolic link, no ``..``, no other file system on the way."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def opened_folder(root: str, below: str = "") -> Iterator[int]:
    """Yield a descriptor of ``root`` or of a folder below it; raises OSError when a part is missing, a link, or another file system."""
    current = os.open(root, _FOLDER)
    try:
        device = os.fstat(current).st_dev
        for part in (part for part in below.split("/") if part not in {"", "."}):
            if part == "..":
                raise PermissionError(f"{below!r} leads out of its folder")
            inner = os.open(part, _FOLDER, dir_fd=current)
            os.close(current)
            current = inner
            if os.fstat(current).st_dev != device:
                raise PermissionError(f"{below!r} is on another file system")
        yield current
    finally:
        os.close(current)


@contextmanager
def opened_parent(root: str, path: str) -> Iterator[tuple[int, str]]:
    """Yield a descriptor of the folder that holds a file, and the file's own name."""
    folder, _, name = path.rpartition("/")
    with opened_folder(root, folder) as descriptor:
        yield descriptor, name


def walk_files(root: str, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every regular file below a folder of ``root``, with its path relative to ``root``; what cannot be read is passed over."""
    waiting = [folder.strip("/")]
    while waiting:
        current = waiting.pop()
        try:
            with opened_folder(root, current) as descriptor:
                rows = [(entry.name, entry.stat(follow_symlinks=False)) for entry in _entries(descriptor)]
        except OSError:
            # Gone meanwhile, or not ours to read: what is not seen is not removed.
            continue
        prefix = "" if current in {"", "."} else f"{current}/"
        yield from ((f"{prefix}{name}", seen) for name, seen in rows if stat.S_ISREG(seen.st_mode))
        waiting += [f"{prefix}{name}" for name, seen in rows if stat.S_ISDIR(seen.st_mode)]


def _entries(descriptor: int) -> list[os.DirEntry[str]]:
    with os.scandir(descriptor) as found:
        return list(found)


def inodes_in_use() -> frozenset[tuple[int, int]]:
    """Return device and inode of every file that a process has open, as far as /proc shows it to us."""
    found: set[tuple[int, int]] = set()
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            links = list((process / "fd").iterdir())
        except OSError:
            # It ended, or is somebody else's.
            continue
        for link in links:
            try:
                seen = link.stat()
            except OSError:
                continue
            if stat.S_ISREG(seen.st_mode):
                found.add((seen.st_dev, seen.st_ino))
    return frozenset(found)
