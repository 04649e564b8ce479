"""One commit's files in a folder of their own, for a tool to run in; no checkout, no hook. Used by ``lockfiles`` and ``trunks``."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from dulwich.object_store import iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID
from dulwich.repo import Repo

_MOST_FILES = 20_000


class TooLargeError(ValueError):
    """Raised when a commit's files are more than the catalogue allows; what was wanted of them is a person's."""


@contextmanager
def laid_out(place: str, commit: str, max_bytes: int) -> Iterator[tuple[Path, Path]]:
    """Yield a folder with the files of one commit of the repository, and an empty home; links and submodules are left out."""
    with tempfile.TemporaryDirectory(prefix="healstream-commit-") as folder, Repo(place) as repository:
        root, home = Path(folder) / "work", Path(folder) / "home"
        home.mkdir()
        found = repository[ObjectID(commit.encode("ascii"))]
        if not isinstance(found, Commit):
            raise KeyError(commit)
        left = max_bytes
        for number, entry in enumerate(iter_tree_contents(repository.object_store, found.tree)):
            if not stat.S_ISREG(entry.mode):
                continue
            path = PurePosixPath(entry.path.decode("utf-8"))
            blob = repository[entry.sha]
            if not isinstance(blob, Blob):
                continue
            left -= blob.raw_length()
            if left < 0 or number >= _MOST_FILES:
                raise TooLargeError(f"{place} is larger than {max_bytes} bytes or {_MOST_FILES} files")
            if path.is_absolute() or ".." in path.parts or ".git" in path.parts:
                raise ValueError(f"the repository names a file {path!s}")
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(blob.data)
            (root / path).chmod(0o755 if entry.mode & 0o100 else 0o644)
        yield root, home
