"""Configuration files pinned to a git commit: fits ``ConfigFilePort``. Blobs come from the object store: no hooks, no checkout."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.object_store import tree_lookup_path
from dulwich.objects import Blob, Commit
from dulwich.repo import Repo

from infra.adapters.launch import write_whole
from schemas.attempts import StepResult, StepStatus
from schemas.services import ConfigSpec

MAX_BYTES = 1_048_576
_COMMIT_DIGITS = 40


@dataclass(frozen=True, slots=True)
class GitFiles:
    """The real adapter; ``quarantine`` keeps what was overwritten, one file per key."""

    quarantine: Path

    def pinned_hash(self, config: ConfigSpec, max_bytes: int) -> str:
        """Return the hash of the blob at the pinned commit, empty when it is missing or larger than the cap."""
        content = pinned_content(config, max_bytes)
        return "" if content is None else sha256(content).hexdigest()

    def live_hash(self, config: ConfigSpec) -> str:
        """Return the hash of the file as it is, empty when there is none."""
        content = _read(Path(config.path))
        return "" if content is None else sha256(content).hexdigest()

    def restore(self, config: ConfigSpec, expected: str, key: str) -> StepResult:
        """Keep the drifted file, then set the pinned content if the file is still what was diagnosed."""
        content, live = pinned_content(config, MAX_BYTES), _read(Path(config.path))
        if content is None:
            return StepResult(StepStatus.FAILED, "the pinned content cannot be read")
        if live == content:
            return StepResult(StepStatus.OK)
        if live is None or sha256(live).hexdigest() != expected:
            return StepResult(StepStatus.FAILED, "the file changed between diagnosis and act")
        self.quarantine.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(self.quarantine / key, live)
        write_whole(Path(config.path), content, _mode(Path(config.path)))
        return StepResult(StepStatus.OK)

    def put_back(self, config: ConfigSpec, expected: str, key: str) -> StepResult:
        """Put the kept copy back byte for byte."""
        if self.live_hash(config) == expected:
            return StepResult(StepStatus.OK)
        kept = _read(self.quarantine / key)
        if kept is None or sha256(kept).hexdigest() != expected:
            return StepResult(StepStatus.FAILED, "the kept copy is missing or damaged")
        write_whole(Path(config.path), kept, _mode(Path(config.path)))
        return StepResult(StepStatus.OK)


def pinned_content(config: ConfigSpec, max_bytes: int) -> bytes | None:
    """Return the file's bytes at the pinned commit; only a full commit id is a pin."""
    if len(config.commit) != _COMMIT_DIGITS:
        return None
    try:
        with Repo(config.repository) as repository:
            commit = repository[config.commit.encode("ascii")]
            if not isinstance(commit, Commit):
                return None
            _, blob_id = tree_lookup_path(repository.__getitem__, commit.tree, config.file.encode("utf-8"))
            blob = repository[blob_id]
    except (KeyError, NotGitRepository, OSError, ValueError):
        return None
    return bytes(blob.data) if isinstance(blob, Blob) and blob.raw_length() <= max_bytes else None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
