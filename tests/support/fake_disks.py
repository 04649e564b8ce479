"""A disk in memory: files with sizes and ages, a quarantine, and a ledger of what was done; the real adapter passes the same checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from schemas.attempts import StepResult, StepStatus
from schemas.seen_files import DiskUse, FileSeen
from schemas.targets.disk import DiskSpec, is_below

OK = StepResult(StepStatus.OK)
LONG_AGO_S = 10_000.0


@dataclass
class FakeDisks:
    """One disk of ``size`` bytes; a file's content is its bytes here."""

    size: int = 1000
    live: dict[str, FileSeen] = field(default_factory=dict)
    room: int = 0
    kept: dict[str, dict[str, FileSeen]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    ledger: list[tuple[str, str, str]] = field(default_factory=list)
    # A lying disk says that it removed what it did not; a read-only one takes no writes; an unreadable one says nothing.
    lying: bool = False
    read_only: bool = False
    unreadable: bool = False
    numbers: int = 0

    def put(self, path: str, size: int, age_s: float = LONG_AGO_S, *, in_use: bool = False) -> FileSeen:
        """Write a file, in place of one of that name."""
        self.numbers += 1
        self.live[path] = FileSeen(path, size, int(-age_s * 1e9), self.numbers, age_s, 1, in_use)
        return self.live[path]

    def usage(self, disk: DiskSpec) -> DiskUse | None:
        assert disk.path
        return None if self.unreadable else DiskUse(sum(row.bytes for row in self.live.values()), self.size)

    def quarantine_room(self, disk: DiskSpec) -> int:
        return self.room if disk.quarantine else 0

    def files(self, disk: DiskSpec, folder: str) -> Iterator[FileSeen]:
        assert disk.path
        yield from [row for path, row in self.live.items() if is_below(path, folder)]

    def set_aside(self, disk: DiskSpec, files: Sequence[FileSeen], key: str) -> StepResult:
        assert disk.quarantine
        return self._remove("move", files, key)

    def put_back(self, disk: DiskSpec, files: Sequence[FileSeen], key: str) -> StepResult:
        assert disk.quarantine
        wanted = {file.path for file in files}
        for path, row in self.kept.get(key, {}).items():
            if path not in wanted:
                continue
            if path in self.live and self.live[path] != row:
                return StepResult(StepStatus.FAILED, f"another file has taken the name {path!r}")
            if path not in self.live:
                self.live[path] = row
                self.ledger.append(("back", path, key))
        return OK

    def delete(self, disk: DiskSpec, files: Sequence[FileSeen], key: str) -> StepResult:
        assert disk.path
        return self._remove("delete", files, key)

    def is_done(self, disk: DiskSpec, key: str) -> bool:
        assert disk.path
        return key in self.done

    def takes_writes(self, disk: DiskSpec) -> bool:
        assert disk.path
        return not self.read_only and sum(row.bytes for row in self.live.values()) < self.size

    def _remove(self, verb: str, files: Sequence[FileSeen], key: str) -> StepResult:
        for file in files if key not in self.done and not self.lying else ():
            found = self.live.get(file.path)
            if found and found.identity == file.identity and not found.in_use:
                del self.live[file.path]
                self.ledger.append((verb, file.path, key))
                if verb == "move":
                    self.kept.setdefault(key, {})[file.path] = replace(found)
        self.done.add(key)
        return OK
