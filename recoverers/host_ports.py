"""What the recipes of one host's files need from the world, as Protocols; ``infra/adapters`` fits them structurally."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from schemas.attempts import StepResult
from schemas.seen_files import DiskUse, FileSeen
from schemas.targets.cache import CacheSpec
from schemas.targets.disk import DiskSpec
from schemas.targets.index import IndexSetting, IndexSpec, MirrorChange


class DiskPort(Protocol):
    """File systems of this machine. No symbolic link is ever followed, no path leads out of the disk, no other file system is entered.

    A file that changed since it was seen, or that a process has open, is left. Long work is pending and asked again with the same key.
    """

    def usage(self, disk: DiskSpec) -> DiskUse | None:
        """Return how full it is, None when it cannot be read."""
        ...

    def quarantine_room(self, disk: DiskSpec) -> int:
        """Return the bytes that its quarantine takes; none when it has no quarantine, or one on the same file system."""
        ...

    def files(self, disk: DiskSpec, folder: str) -> Iterable[FileSeen]:
        """Return the regular files below one of its folders; none when there is no such folder."""
        ...

    def set_aside(self, disk: DiskSpec, files: Sequence[FileSeen], key: str) -> StepResult:
        """Move the files into the quarantine, each once for this key."""
        ...

    def put_back(self, disk: DiskSpec, files: Sequence[FileSeen], key: str) -> StepResult:
        """Put back what was set aside under the key: bytes, names, modes, times; never over a file that has taken the name."""
        ...

    def delete(self, disk: DiskSpec, files: Sequence[FileSeen], key: str) -> StepResult:
        """Delete the files, each once for this key."""
        ...

    def is_done(self, disk: DiskSpec, key: str) -> bool:
        """Tell whether the work of this key went to its end."""
        ...

    def takes_writes(self, disk: DiskSpec) -> bool:
        """Tell whether a small file can be written there, read again and removed."""
        ...


class CachePort(Protocol):
    """Caches of this machine and the commands that fill and read them: argument lists of the catalogue, bounded in time and output."""

    def bad_entries(self, cache: CacheSpec) -> tuple[tuple[str, str], ...] | None:
        """Return the entries whose hash is wrong with the hash that they have (empty: not there), None when it cannot be said."""
        ...

    def has_entry(self, cache: CacheSpec, entry: str) -> bool:
        """Tell whether there is an entry of that name."""
        ...

    def set_aside(self, cache: CacheSpec, entries: Sequence[tuple[str, str]], key: str) -> StepResult:
        """Move the entries that still have these hashes out of the cache, each once for this key."""
        ...

    def put_back(self, cache: CacheSpec, key: str) -> StepResult:
        """Put what was set aside under the key in the place of what is there now; doing it twice changes nothing more."""
        ...

    def rebuild(self, cache: CacheSpec, key: str) -> StepResult:
        """Run the cache's rebuild command to its end, once for this key."""
        ...

    def is_done(self, cache: CacheSpec, key: str) -> bool:
        """Tell whether the work of this key went to its end."""
        ...

    def read_cold(self, cache: CacheSpec) -> StepResult:
        """Run the cache's read command in a fresh folder."""
        ...


class IndexPort(Protocol):
    """Settings of this machine's package tools: only an address of the catalogue's list is replaced, and by another one of it."""

    def setting(self, index: IndexSpec) -> IndexSetting | None:
        """Return which mirrors the file names, None when it cannot be read."""
        ...

    def switch(self, index: IndexSpec, change: MirrorChange, key: str) -> StepResult:
        """Keep a copy of the file, then name the other mirror, if the file is still what was seen; once for this key."""
        ...

    def has_switched(self, index: IndexSpec, change: MirrorChange, key: str) -> bool:
        """Tell whether the file is what the switch of this key made of it."""
        ...

    def put_back(self, index: IndexSpec, change: MirrorChange, key: str) -> StepResult:
        """Put the kept copy back byte for byte; refused when somebody has written the file since."""
        ...

    def clean(self, index: IndexSpec, key: str) -> StepResult:
        """Remove the fetched lists, and nothing that lies elsewhere, once for this key."""
        ...

    def ask(self, index: IndexSpec) -> StepResult:
        """Run the catalogue's command that passes when the index answers."""
        ...
