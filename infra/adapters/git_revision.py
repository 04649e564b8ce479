"""The files of a folder as they were at a git revision, read from the object store: no checkout, no hooks, no index."""

from __future__ import annotations

import zlib
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.object_store import iter_tree_contents
from dulwich.objectspec import parse_commit
from dulwich.repo import Repo

from schemas.errors import ConfigurationError, NotFoundError

MAX_FILES = 2_000
MAX_BYTES = 64 * 1024 * 1024


def files_at(folder: Path, revision: str) -> dict[str, bytes]:
    """Return the folder's files at a revision by relative name; raises NotFoundError or ConfigurationError."""
    try:
        repository = Repo.discover(str(folder))
    except NotGitRepository as error:
        raise ConfigurationError(str(folder), "it lies in no git repository", "Run `git init` there, or name a kept version") from error
    with repository:
        place = folder.resolve().relative_to(Path(repository.path).resolve()).as_posix()
        begin = b"" if place == "." else place.encode("utf-8") + b"/"
        try:
            tree = parse_commit(repository, revision.encode("utf-8")).tree
            return _read(repository, tree, begin)
        except (KeyError, ValueError, OSError, zlib.error) as error:
            raise NotFoundError(f"revision {revision}", f"it cannot be read: {error}", "See `git log`") from error


def _read(repository: Repo, tree: bytes, begin: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    size = 0
    for entry in iter_tree_contents(repository.object_store, tree):  # type: ignore[arg-type]
        if not entry.path.startswith(begin):
            continue
        content = repository[entry.sha].as_raw_string()
        size += len(content)
        if size > MAX_BYTES or len(found) >= MAX_FILES:
            raise ValueError("it is larger than a configuration may be")
        found[entry.path[len(begin) :].decode("utf-8")] = content
    return found
