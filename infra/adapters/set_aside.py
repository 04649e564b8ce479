"""One file's way into a quarantine and back: bytes, name, mode, owner, times and extended attributes; used by ``disks``."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.adapters.open_below import opened_parent
from schemas.seen_files import FileSeen

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """What is written down of one file before it is removed: ``copy`` is the copy's name in the quarantine."""

    path: str
    copy: str
    inode: int
    sha256: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    atime_ns: int

    def row(self) -> dict[str, object]:
        """Return it as a line of the records."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: dict[str, object]) -> Kept:
        """Return what a line says."""
        return cls(**row)  # type: ignore[arg-type]


def copy_out(root: str, file: FileSeen, into: Path, name: str) -> Kept | None:
    """Copy a file durably; None when it is no longer the file that was seen, before or after the copy."""
    try:
        with opened_parent(root, file.path) as (folder, own):
            source = os.open(own, _READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    with os.fdopen(source, "rb") as read:
        before = os.fstat(source)
        if not stat.S_ISREG(before.st_mode) or (before.st_mtime_ns, before.st_ino) != (file.mtime_ns, file.inode):
            return None
        # A copy that a crash cut off is nobody's yet: it was not written down.
        (into / name).unlink(missing_ok=True)
        with os.fdopen(os.open(into / name, _MAKE, 0o600), "wb") as out:
            digest = _copy(read.fileno(), out.fileno())
            _copy_attributes(source, out.fileno())
            os.fsync(out.fileno())
        after = os.fstat(source)
    if (after.st_mtime_ns, after.st_size) != (before.st_mtime_ns, before.st_size):
        return None
    own_times = (before.st_mtime_ns, before.st_atime_ns)
    return Kept(file.path, name, before.st_ino, digest, stat.S_IMODE(before.st_mode), before.st_uid, before.st_gid, *own_times)


def restore(root: str, kept: Kept, folder: Path) -> str:
    """Put one file back; return why it is not back, empty when it is. Doing it twice changes nothing more."""
    with opened_parent(root, kept.path) as (place, name):
        there = _seen(place, name)
        if there is not None and there.st_ino == kept.inode:
            return ""
        if there is not None:
            return "" if _hash(place, name) == kept.sha256 else f"another file has taken the name {kept.path!r}"
        beside = f".{kept.copy}.{kept.sha256[:12]}.back"
        if _seen(place, beside) is not None:
            os.unlink(beside, dir_fd=place)
        try:
            with (folder / kept.copy).open("rb") as copy, os.fdopen(os.open(beside, _MAKE, 0o600, dir_fd=place), "wb") as out:
                if _copy(copy.fileno(), out.fileno()) != kept.sha256:
                    return f"the kept copy of {kept.path!r} is damaged"
                _dress(copy.fileno(), out.fileno(), kept)
            # A hard link never replaces what has taken the name meanwhile.
            os.link(beside, name, src_dir_fd=place, dst_dir_fd=place)
        finally:
            if _seen(place, beside) is not None:
                os.unlink(beside, dir_fd=place)
        os.fsync(place)
    return ""


def _dress(copy: int, out: int, kept: Kept) -> None:
    _copy_attributes(copy, out)
    if (os.fstat(out).st_uid, os.fstat(out).st_gid) != (kept.uid, kept.gid):
        os.fchown(out, kept.uid, kept.gid)
    os.fchmod(out, kept.mode)
    os.fsync(out)
    os.utime(out, ns=(kept.atime_ns, kept.mtime_ns))


def _copy_attributes(source: int, out: int) -> None:
    for name in os.listxattr(source):
        os.setxattr(out, name, os.getxattr(source, name))


def _copy(source: int, out: int) -> str:
    with os.fdopen(source, "rb", closefd=False) as read, os.fdopen(out, "wb", closefd=False) as write:
        shutil.copyfileobj(read, write, _CHUNK)
    os.lseek(source, 0, os.SEEK_SET)
    with os.fdopen(source, "rb", closefd=False) as read:
        return hashlib.file_digest(read, "sha256").hexdigest()


def _seen(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _hash(folder: int, name: str) -> str:
    try:
        descriptor = os.open(name, _READ, dir_fd=folder)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as read:
        return hashlib.file_digest(read, "sha256").hexdigest()
