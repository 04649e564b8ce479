"""Caches of this machine: fits ``CachePort``. A broken entry is renamed away, written down before; its commands run bounded.

A record of each step lies in ``records``; what was set aside keeps its bytes and times, for it only moves.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.adapters.bounded_run import Ran, run_bounded
from infra.adapters.cache_checks import broken_entries, sha256_of
from infra.adapters.open_below import opened_folder, opened_parent
from infra.adapters.step_records import StepRecords
from schemas.attempts import StepResult, StepStatus
from schemas.targets.cache import CacheSpec

_MOST_PROJECT_BYTES = 16 * 1024**2
_OK = StepResult(StepStatus.OK)


@dataclass(frozen=True, slots=True)
class Caches:
    """The real adapter."""

    records: StepRecords

    def bad_entries(self, cache: CacheSpec) -> tuple[tuple[str, str], ...] | None:
        """Return what the cache's own way to tell says."""
        return broken_entries(cache)

    def has_entry(self, cache: CacheSpec, entry: str) -> bool:
        """Tell whether there is such a regular file."""
        return bool(sha256_of(cache, entry))

    def set_aside(self, cache: CacheSpec, entries: Sequence[tuple[str, str]], key: str) -> StepResult:
        """Rename each entry that is still what it was; an entry that is not there has nothing to move."""
        if self.records.ending(key):
            return _OK
        known = {str(row["entry"]) for row in self.records.rows(key)}
        aside = Path(cache.aside_folder) / key
        try:
            aside.mkdir(parents=True, exist_ok=True, mode=0o700)
            for number, (entry, digest) in enumerate(entries):
                if digest and sha256_of(cache, entry) == digest:
                    if entry not in known:
                        self.records.add(key, {"entry": entry, "kept": str(number), "sha256": digest})
                    _move_out(cache, entry, aside, str(number))
        except OSError as error:
            return StepResult(StepStatus.FAILED, f"cannot be set aside: {error}")
        self.records.end(key, "aside")
        return _OK

    def put_back(self, cache: CacheSpec, key: str) -> StepResult:
        """Rename what is there now away, and the previous entry back."""
        aside = Path(cache.aside_folder) / key
        try:
            for row in self.records.rows(key):
                if (aside / str(row["kept"])).exists():
                    _move_in(cache, str(row["entry"]), aside, str(row["kept"]))
        except OSError as error:
            return StepResult(StepStatus.FAILED, f"cannot be put back: {error}")
        return _OK

    def rebuild(self, cache: CacheSpec, key: str) -> StepResult:
        """Run the command; begun again after a crash, as any build is."""
        if self.records.ending(key):
            return _OK
        ran = _run_in_fresh(cache, cache.rebuild)
        if not ran.passed:
            return StepResult(StepStatus.FAILED, f"exit {ran.code}: {ran.tail[-250:]}")
        self.records.end(key, "rebuilt")
        return _OK

    def is_done(self, cache: CacheSpec, key: str) -> bool:  # noqa: ARG002 - the port's shape; the key names the step of one command
        """Tell whether the records of the key have an end."""
        return bool(self.records.ending(key))

    def read_cold(self, cache: CacheSpec) -> StepResult:
        """Run the read command."""
        ran = _run_in_fresh(cache, cache.read)
        return _OK if ran.passed else StepResult(StepStatus.FAILED, f"exit {ran.code}: {ran.tail[-250:]}")


def _run_in_fresh(cache: CacheSpec, argv: Sequence[str]) -> Ran:
    """Run in an empty folder that holds copies of the project's files, with a home that is as empty."""
    with tempfile.TemporaryDirectory(prefix="healstream-cache-") as place:
        work, home = Path(place) / "work", Path(place) / "home"
        work.mkdir()
        home.mkdir()
        try:
            copy_project(cache.project, work)
        except OSError as error:
            return Ran(-3, f"the project cannot be copied: {error}")
        return run_bounded(argv, work, cache.timeout_s, home, cache.environ)


def copy_project(project: str, into: Path) -> None:
    """Copy the regular files that lie directly in a folder, none when it has no name; raises OSError when they are too large."""
    left = _MOST_PROJECT_BYTES
    for path in sorted(Path(project).iterdir()) if project else ():
        if path.is_file() and not path.is_symlink():
            left -= path.stat().st_size
            if left < 0:
                raise OSError(f"{project} holds more than {_MOST_PROJECT_BYTES} bytes")
            shutil.copyfile(path, into / path.name)


def _move_out(cache: CacheSpec, entry: str, aside: Path, kept: str) -> None:
    with opened_parent(cache.folder, entry) as (source, name), opened_folder(str(aside)) as place:
        os.rename(name, kept, src_dir_fd=source, dst_dir_fd=place)
        os.fsync(place)


def _move_in(cache: CacheSpec, entry: str, aside: Path, kept: str) -> None:
    with opened_parent(cache.folder, entry) as (target, name), opened_folder(str(aside)) as place:
        # The rebuild may never have come so far.
        with suppress(FileNotFoundError):
            os.rename(name, f"{kept}.new", src_dir_fd=target, dst_dir_fd=place)
        os.rename(kept, name, src_dir_fd=place, dst_dir_fd=target)
        os.fsync(target)
