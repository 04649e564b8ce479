"""File systems of this machine: fits ``DiskPort``. What is set aside is copied, written down and only then removed; each once for its key.

A record of every file lies in ``records``; the copies lie in the disk's quarantine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.adapters.disk_usage import usage_of
from infra.adapters.open_below import inodes_in_use, opened_folder, opened_parent, walk_files
from infra.adapters.set_aside import Kept, copy_out, restore
from infra.adapters.step_records import StepRecords
from schemas.attempts import StepResult, StepStatus
from schemas.seen_files import DiskUse, FileSeen
from schemas.targets.disk import DiskSpec

# So much is done in one asking; between two of them a run can be stopped.
SLICE_FILES, SLICE_BYTES = 100, 256 * 1024**2
_PROBE, _PROBE_BYTES = ".healstream-write-probe", 4096


@dataclass(frozen=True, slots=True)
class Disks:
    """The real adapter."""

    records: StepRecords

    def usage(self, disk: DiskSpec) -> DiskUse | None:
        """Return how full it is, None when that cannot be seen."""
        try:
            return usage_of(disk)
        except OSError:
            return None

    def quarantine_room(self, disk: DiskSpec) -> int:
        """Return what the quarantine takes; on the same file system it frees nothing, unless the disk is a bounded folder of it."""
        if not disk.quarantine:
            return 0
        try:
            if not disk.size_bytes and Path(disk.quarantine).stat().st_dev == Path(disk.path).stat().st_dev:
                return 0
            seen = os.statvfs(disk.quarantine)
        except OSError:
            return 0
        return seen.f_bavail * seen.f_frsize

    def files(self, disk: DiskSpec, folder: str) -> Iterator[FileSeen]:
        """Yield what lies below the folder; a file's bytes are those that its removal frees."""
        in_use, now_s = inodes_in_use(), time.time()
        for path, seen in walk_files(disk.path, folder):
            is_open = (seen.st_dev, seen.st_ino) in in_use
            yield FileSeen(path, seen.st_blocks * 512, seen.st_mtime_ns, seen.st_ino, now_s - seen.st_mtime, seen.st_nlink, is_open)

    def set_aside(self, disk: DiskSpec, files: Sequence[FileSeen], key: str) -> StepResult:
        """Copy a slice of the files into the quarantine, write that down, then remove those that are still what was copied."""
        return _work(self.records, disk, files, key, Path(disk.quarantine) / key)

    def delete(self, disk: DiskSpec, files: Sequence[FileSeen], key: str) -> StepResult:
        """Remove a slice of the files."""
        return _work(self.records, disk, files, key, None)

    def put_back(self, disk: DiskSpec, files: Sequence[FileSeen], key: str) -> StepResult:
        """Put back what the records of the key name, beside and then into its place."""
        wanted = {row.path for row in files}
        kept = [Kept.from_row(row) for row in self.records.rows(key) if row.get("copy") and row["path"] in wanted]
        try:
            faults = [fault for row in kept if (fault := restore(disk.path, row, Path(disk.quarantine) / key))]
        except OSError as error:
            return StepResult(StepStatus.FAILED, f"cannot be put back: {error}")
        if faults:
            return StepResult(StepStatus.FAILED, f"{len(faults)} of {len(kept)} files are not back: {faults[0]}")
        return StepResult(StepStatus.OK, f"{len(kept)} files are back")

    def is_done(self, disk: DiskSpec, key: str) -> bool:  # noqa: ARG002 - the port's shape; the key names the step of one command
        """Tell whether the records of the key have an end."""
        return bool(self.records.ending(key))

    def takes_writes(self, disk: DiskSpec) -> bool:
        """Write a small file, read it again and remove it; a bounded folder has to have room for it."""
        content, use = os.urandom(_PROBE_BYTES), self.usage(disk)
        if use is None or (disk.size_bytes and use.used_bytes + _PROBE_BYTES > use.size_bytes):
            return False
        try:
            with opened_folder(disk.path) as root:
                name = f"{_PROBE}-{os.getpid()}"
                try:
                    out = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=root)
                    with os.fdopen(out, "r+b", buffering=0) as file:
                        file.write(content)
                        os.fsync(file.fileno())
                        file.seek(0)
                        return file.read() == content
                finally:
                    os.unlink(name, dir_fd=root)
        except OSError:
            return False


def _work(records: StepRecords, disk: DiskSpec, files: Sequence[FileSeen], key: str, into: Path | None) -> StepResult:
    """Take a slice of the files away; the step's end is written down when all have been tried."""
    if said := records.ending(key):
        return StepResult(StepStatus.OK, said)
    known = {str(row["path"]): bool(row.get("copy")) for row in records.rows(key)}
    todo = _slice([file for file in files if file.path not in known])
    in_use = inodes_in_use()
    try:
        if into is not None:
            into.mkdir(parents=True, exist_ok=True, mode=0o700)
        # When nothing is left to begin, what a crash left between its record and its removal is removed.
        for number, file in enumerate(todo or files, start=len(known)):
            is_kept = known.get(file.path)
            if is_kept is None:
                is_kept = _write_down(records, disk, file, key, into / str(number) if into else None)
            if is_kept or into is None:
                _remove(disk, file, in_use)
    except OSError as error:
        return StepResult(StepStatus.FAILED, f"cannot be written down or moved: {error}")
    if todo:
        return StepResult(StepStatus.PENDING, f"{len(known) + len(todo)} of {len(files)} files", 0.0)
    gone = sum(not _is_there(disk, file) for file in files)
    said = f"{gone} of {len(files)} files taken away; the rest changed meanwhile, or is in use"
    records.end(key, said)
    return StepResult(StepStatus.OK, said)


def _write_down(records: StepRecords, disk: DiskSpec, file: FileSeen, key: str, copy: Path | None) -> bool:
    """Copy the file, if it is to be kept, and write it down before anything is removed; return whether there is a copy.

    Whoever dies in between: the next asking goes on, and an undo finds every copy.
    """
    kept = copy_out(disk.path, file, copy.parent, copy.name) if copy else None
    records.add(key, kept.row() if kept else {"path": file.path})
    return kept is not None


def _slice(files: Sequence[FileSeen]) -> list[FileSeen]:
    taken: list[FileSeen] = []
    for file in files[:SLICE_FILES]:
        if taken and sum(row.bytes for row in taken) + file.bytes > SLICE_BYTES:
            break
        taken.append(file)
    return taken


def _is_there(disk: DiskSpec, file: FileSeen) -> bool:
    try:
        with opened_parent(disk.path, file.path) as (folder, name):
            seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return seen.st_ino == file.inode


def _remove(disk: DiskSpec, file: FileSeen, in_use: frozenset[tuple[int, int]]) -> None:
    """Remove the file if it is still the one that was seen and nobody has it open."""
    try:
        with opened_parent(disk.path, file.path) as (folder, name):
            seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if (seen.st_mtime_ns, seen.st_ino) == (file.mtime_ns, file.inode) and (seen.st_dev, seen.st_ino) not in in_use:
                os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
