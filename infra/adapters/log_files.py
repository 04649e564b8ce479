"""Growing log files and their rotated, maybe packed, copies in one folder: listed, recognised by their bytes, and read in pieces.

No decision is made here; which file comes after which is told by ``console/shipper``. No symbolic link is followed: who may write logs
could name any file by one.
"""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b

from infra.adapters.open_below import opened_folder, opened_parent

EDGE_BYTES = 1024
PACKED = ".gz"


class UnpackError(OSError):
    """A packed file is broken; what stands behind the break is not read."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A regular file at one look."""

    inode: int
    size: int
    mtime_ns: int


@dataclass(slots=True)
class LogFile:
    """One open file; packed ones are read forwards, and going back begins anew."""

    descriptor: int
    seen: Seen
    is_packed: bool
    _plain: gzip.GzipFile | None = field(default=None, repr=False)

    def read_at(self, offset: int, most: int) -> bytes:
        """Return up to ``most`` bytes of its text; raises OSError, and UnpackError when it cannot be unpacked."""
        if not self.is_packed:
            return os.pread(self.descriptor, most, offset)
        if self._plain is None:
            self._plain = gzip.GzipFile(fileobj=os.fdopen(self.descriptor, "rb", closefd=False))
        try:
            self._plain.seek(offset)
            return self._plain.read(most)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UnpackError(f"it cannot be unpacked: {error}") from error

    def edges(self, offset: int) -> str:
        """Return a digest of its first bytes and of those before an offset; of nothing it is empty."""
        if not offset:
            return ""
        head = self.read_at(0, min(offset, EDGE_BYTES))
        tail = self.read_at(max(offset - EDGE_BYTES, 0), min(offset, EDGE_BYTES))
        return blake2b(head + b"|" + tail + f"|{len(head)}|{len(tail)}".encode(), digest_size=16).hexdigest()

    def close(self) -> None:
        """Let it go."""
        if self._plain is not None:
            self._plain.close()
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True)
class LogFolder:
    """A folder below a root."""

    root: str
    below: str

    def seen(self, name: str) -> Seen | None:
        """Return a file as it is now, None when there is no regular file of that name."""
        try:
            return _seen(os.stat(os.path.join(self.root, self.below, name), follow_symlinks=False))  # noqa: PTH116, PTH118 - asked each second
        except OSError:
            return None

    def listed(self) -> dict[str, Seen]:
        """Return every regular file; none when the folder is not there or not ours to read."""
        try:
            with opened_folder(self.root, self.below) as descriptor, os.scandir(descriptor) as entries:
                rows = [(entry.name, _seen(entry.stat(follow_symlinks=False))) for entry in entries]
        except OSError:
            return {}
        return {name: seen for name, seen in rows if seen}

    def opened(self, name: str) -> LogFile:
        """Open a regular file; raises OSError, also for a link."""
        with opened_parent(self.root, f"{self.below}/{name}") as (folder, last):
            descriptor = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
        seen = _seen(os.fstat(descriptor))
        if seen is None:
            os.close(descriptor)
            raise PermissionError(f"{name} is no regular file")
        return LogFile(descriptor, seen, name.endswith(PACKED))

    @contextmanager
    def opening(self, name: str) -> Iterator[LogFile]:
        """Open a file for a moment."""
        file = self.opened(name)
        try:
            yield file
        finally:
            file.close()


def _seen(status: os.stat_result) -> Seen | None:
    return Seen(status.st_ino, status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
