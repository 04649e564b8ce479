"""What adapters see of files and disks: values between the recoverers' ports and the adapters that fit them; they cross no topic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileSeen:
    """One regular file below a disk's path: what tells it from another that takes its name, and what its removal frees (bytes)."""

    path: str
    bytes: int
    mtime_ns: int
    inode: int
    age_s: float = 0.0
    links: int = 1
    in_use: bool = False

    @property
    def identity(self) -> tuple[str, int, int]:
        """Return what must not have changed between plan and act."""
        return (self.path, self.mtime_ns, self.inode)


@dataclass(frozen=True, slots=True)
class DiskUse:
    """How full a file system is, in bytes and in files; ``size`` counts what an ordinary user may fill."""

    used_bytes: int
    size_bytes: int
    used_files: int = 0
    size_files: int = 0

    def percent_without(self, freed_bytes: int = 0, freed_files: int = 0) -> float:
        """Return the larger share of the two, 0..100, when so much were gone."""
        return max(_share(self.used_bytes - freed_bytes, self.size_bytes), _share(self.used_files - freed_files, self.size_files))


def _share(used: int, size: int) -> float:
    # Some file systems count no inodes at all.
    return 100.0 * max(used, 0) / size if size > 0 else 0.0
