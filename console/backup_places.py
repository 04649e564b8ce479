"""From what a person types to the store that is meant: a folder, ``git:PATH[@COMMIT]`` or ``s3:BUCKET[/PREFIX]``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from console.backup import MANIFEST, Store
from infra.adapters.folder_store import FolderStore
from infra.adapters.git_store import GitStore
from schemas.errors import UsageError

GIT = "git:"


def store_at(place: str, environ: Mapping[str, str]) -> Store:
    """Return the store; raises UsageError for a place that names none."""
    del environ
    scheme, _, rest = place.partition(":")
    if place.startswith(GIT):
        path, at, commit = rest.rpartition("@")
        # A path may hold the sign too: only hexadecimal digits after it are a commit.
        is_commit = bool(at) and bool(commit) and all(letter in "0123456789abcdef" for letter in commit.lower())
        name, chosen = (path, commit) if is_commit else (rest, "")
        if not name:
            raise UsageError(place, "it names no repository", "Write git:PATH or git:PATH@COMMIT")
        return GitStore(Path(name), chosen)
    if not place or (":" in place and "/" not in scheme):
        raise UsageError(place or "the place", "it is no folder and no known store", "Write a folder, git:PATH or ./FOLDER")
    return FolderStore(Path(place), MANIFEST)
