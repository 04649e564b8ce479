"""A backup as a commit on a branch of its own: fits ``console.backup.Store``.

The repository may be a new one or the one that holds the configuration: objects and one branch are written, never a checkout or an index.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dulwich.errors import ChecksumMismatch, FileFormatException, MissingCommitError, NotGitRepository, ObjectMissing, WrongObjectException
from dulwich.index import commit_tree
from dulwich.object_store import iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID
from dulwich.refs import HEADREF, Ref
from dulwich.repo import Repo

from schemas.errors import ConfigurationError, NotFoundError

BRANCH = Ref(b"refs/heads/healstream-backup")
_AUTHOR = b"healstream <backup@healstream.example>"
_FILE_MODE = 0o100644
_DAMAGES = (
    *(OSError, ValueError, KeyError, zlib.error),
    *(ChecksumMismatch, FileFormatException, MissingCommitError, ObjectMissing, WrongObjectException),
)
# Short enough to type, long enough that a backup's history has no two alike.
LEAST_DIGITS = 7


@dataclass(frozen=True, slots=True)
class GitStore:
    """The real adapter; ``commit`` (or its beginning) is what is read, the branch's newest when it is empty."""

    path: Path
    commit: str = ""
    branch: Ref = BRANCH

    def put(self, files: Mapping[str, bytes], at: datetime) -> str:
        """Commit exactly these files, unless the newest backup holds them already; return the commit's id."""
        try:
            with self._opened(make=True) as repository:
                return _commit(repository, self.branch, files, at)
        except _DAMAGES as error:
            raise ConfigurationError(str(self.path), f"it cannot be written: {error}", "Check it with `git fsck`") from error

    def get(self) -> Mapping[str, bytes]:
        """Return the files of the commit; raises NotFoundError when the branch or the commit is not there."""
        try:
            with self._opened(make=False) as repository:
                chosen = self._chosen(repository)
                entries = iter_tree_contents(repository.object_store, chosen.tree)
                return {entry.path.decode("utf-8"): repository[entry.sha].as_raw_string() for entry in entries}
        except _DAMAGES as error:
            raise ConfigurationError(str(self.path), f"it cannot be read: {error}", "Check it with `git fsck`") from error

    def _opened(self, *, make: bool) -> Repo:
        try:
            return Repo(str(self.path))
        except NotGitRepository as error:
            is_free = not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir()))
            if not make or not is_free:
                raise ConfigurationError(str(self.path), "this is no git repository", "Name one, or a folder that is new") from error
        repository = Repo.init_bare(str(self.path), mkdir=not self.path.exists())
        repository.refs.set_symbolic_ref(HEADREF, BRANCH)
        return repository

    def _chosen(self, repository: Repo) -> Commit:
        wanted = self.commit.lower()
        if len(wanted) < LEAST_DIGITS and wanted:
            raise NotFoundError(f"commit {wanted}", f"give at least {LEAST_DIGITS} digits of it", "See `git log healstream-backup`")
        found = [commit for commit in _history(repository, self.branch) if commit.id.decode("ascii").startswith(wanted)]
        if not found:
            name = f"commit {wanted or self.branch.decode()}"
            raise NotFoundError(name, f"{self.path} holds no such backup", "See `git log healstream-backup`")
        return found[0]


def _history(repository: Repo, branch: Ref) -> Iterator[Commit]:
    """Yield the backups, the newest first; other branches hold none."""
    tip = _tip(repository, branch)
    yield from (entry.commit for entry in repository.get_walker(include=[tip])) if tip else ()


def _tip(repository: Repo, branch: Ref) -> ObjectID | None:
    found = repository.refs.read_ref(branch)
    return ObjectID(found) if found else None


def _commit(repository: Repo, branch: Ref, files: Mapping[str, bytes], at: datetime) -> str:
    blobs = {name: Blob.from_string(content) for name, content in files.items()}
    for blob in blobs.values():
        repository.object_store.add_object(blob)
    tree = commit_tree(repository.object_store, [(name.encode("utf-8"), blob.id, _FILE_MODE) for name, blob in sorted(blobs.items())])
    known = _tip(repository, branch)
    newest = repository[known] if known else None
    if known and isinstance(newest, Commit) and newest.tree == tree:
        return known.decode("ascii")
    made = Commit()
    made.tree, made.parents = tree, [known] if known else []
    made.author = made.committer = _AUTHOR
    made.author_time = made.commit_time = int(at.timestamp())
    made.author_timezone = made.commit_timezone = 0
    made.encoding, made.message = b"UTF-8", f"backup of {len(files)} files\n".encode()
    repository.object_store.add_object(made)
    # Somebody else's backup at the same moment must not vanish from the branch.
    if not (repository.refs.set_if_equals(branch, known, made.id) if known else repository.refs.add_if_new(branch, made.id)):
        raise ValueError("another backup was written at the same moment; try again")
    return made.id.decode("ascii")
