"""Package settings of this machine: fits ``IndexPort``. One address is replaced by another one of the catalogue; all other bytes stay.

The copy of each file that was switched lies in ``kept`` under the step's key; that lists were removed is written down in ``records``.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from infra.adapters.bounded_run import run_bounded
from infra.adapters.launch import write_whole
from infra.adapters.open_below import opened_parent, walk_files
from infra.adapters.step_records import StepRecords
from schemas.attempts import StepResult, StepStatus
from schemas.targets.index import IndexSetting, IndexSpec, IndexTool, MirrorChange

# Where each tool's file names an address: what stands before it on its line, and the address.
_ADDRESS: Mapping[IndexTool, re.Pattern[bytes]] = {
    IndexTool.PIP: re.compile(rb"^([ \t]*index-url[ \t]*[=:][ \t]*)(\S+)", re.MULTILINE),
    IndexTool.NPM: re.compile(rb"^([ \t]*(?:@[\w.-]+:)?registry[ \t]*=[ \t]*)(\S+)", re.MULTILINE),
    IndexTool.APT: re.compile(rb"^([ \t]*(?:deb(?:-src)?[ \t]+(?:\[[^\]\n]*\][ \t]+)?|URIs:[ \t]*))(\S+)", re.MULTILINE),
    IndexTool.GIT: re.compile(rb'^([ \t]*\[url[ \t]+")([^"\s]+)', re.MULTILINE),
}
_MOST_BYTES = 1024**2
# apt holds it while it writes there; it is no list.
_LOCK = "lock"
_OK = StepResult(StepStatus.OK)


@dataclass(frozen=True, slots=True)
class Indexes:
    """The real adapter."""

    records: StepRecords
    kept: Path

    def setting(self, index: IndexSpec) -> IndexSetting | None:
        """Return the listed mirrors that the file names; a link or a file that is no setting's size is not read."""
        content = _read(Path(index.file))
        if content is None:
            return None
        named = [row[2].decode("utf-8", "replace").rstrip("/") for row in _ADDRESS[index.tool].finditer(content)]
        listed = {mirror.rstrip("/"): mirror for mirror in index.mirrors}
        return IndexSetting(tuple(dict.fromkeys(listed[name] for name in named if name in listed)), _hash(content))

    def switch(self, index: IndexSpec, change: MirrorChange, key: str) -> StepResult:
        """Replace the one address wherever the file names it."""
        if not {change.mirror, change.to} <= set(index.mirrors):
            return StepResult(StepStatus.FAILED, "no mirror of the catalogue's list")
        if self.has_switched(index, change, key):
            return _OK
        live = _read(Path(index.file))
        if live is None or _hash(live) != change.sha256:
            return StepResult(StepStatus.FAILED, "the setting changed between diagnosis and act")
        try:
            self.kept.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.kept / key, live)
            _replace(Path(index.file), _switched(index, live, change))
        except OSError as error:
            return StepResult(StepStatus.FAILED, f"the setting cannot be written: {error}")
        return StepResult(StepStatus.OK, f"{change.to} in the place of {change.mirror}")

    def has_switched(self, index: IndexSpec, change: MirrorChange, key: str) -> bool:
        """Tell whether the kept copy with the one address replaced is the file."""
        copy = self._copy(change, key)
        return copy is not None and _read(Path(index.file)) == _switched(index, copy, change)

    def put_back(self, index: IndexSpec, change: MirrorChange, key: str) -> StepResult:
        """Put the copy in the place of what the switch wrote; what somebody wrote since stays."""
        live = _read(Path(index.file))
        if live is not None and _hash(live) == change.sha256:
            return _OK
        copy = self._copy(change, key)
        if copy is None:
            return StepResult(StepStatus.FAILED, "the kept copy is missing or damaged")
        if not self.has_switched(index, change, key):
            return StepResult(StepStatus.FAILED, "somebody has written the setting since it was switched, so it is left")
        try:
            _replace(Path(index.file), copy)
        except OSError as error:
            return StepResult(StepStatus.FAILED, f"the setting cannot be put back: {error}")
        return _OK

    def clean(self, index: IndexSpec, key: str) -> StepResult:
        """Remove the regular files below the catalogue's folder of lists, reached without following a link."""
        if not index.lists or self.records.ending(key):
            return _OK
        removed = 0
        try:
            for path, _ in list(walk_files(index.lists, "")):
                with opened_parent(index.lists, path) as (folder, name):
                    if name != _LOCK:
                        os.unlink(name, dir_fd=folder)
                        removed += 1
            self.records.end(key, f"{removed} lists removed")
        except OSError as error:
            return StepResult(StepStatus.FAILED, f"the lists cannot be removed: {error}")
        return StepResult(StepStatus.OK, f"{removed} lists removed")

    def ask(self, index: IndexSpec) -> StepResult:
        """Run the command in a folder and with a home of its own."""
        with tempfile.TemporaryDirectory(prefix="healstream-index-") as place:
            ran = run_bounded(index.ask, Path(place), index.timeout_s, Path(place), index.environ)
        return _OK if ran.passed else StepResult(StepStatus.FAILED, f"exit {ran.code}: {ran.tail[-250:]}")

    def _copy(self, change: MirrorChange, key: str) -> bytes | None:
        copy = _read(self.kept / key)
        return copy if copy is not None and _hash(copy) == change.sha256 else None


def _switched(index: IndexSpec, content: bytes, change: MirrorChange) -> bytes:
    old, new = (text.rstrip("/").encode() for text in (change.mirror, change.to))

    def replaced(row: re.Match[bytes]) -> bytes:
        address = row[2]
        if address.rstrip(b"/") != old:
            return row[0]
        return row[1] + new + address[len(address.rstrip(b"/")) :]

    return _ADDRESS[index.tool].sub(replaced, content)


def _replace(path: Path, content: bytes) -> None:
    before = path.stat()
    write_whole(path, content, stat.S_IMODE(before.st_mode))
    if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(path, before.st_uid, before.st_gid)


def _read(path: Path) -> bytes | None:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError:
        return None
    return content if len(content) <= _MOST_BYTES else None


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()
