"""From what a person types to the store that is meant: a folder, ``git:PATH[@COMMIT]`` or ``s3:BUCKET[/PREFIX][@BACKUP]``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from console.backup import MANIFEST, Store
from infra.adapters.folder_store import FolderStore
from infra.adapters.git_store import GitStore
from schemas.errors import UsageError

GIT, S3 = "git:", "s3:"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = "us-east-1"


def store_at(place: str, environ: Mapping[str, str]) -> Store:
    """Return the store; raises UsageError for a place that names none."""
    scheme, _, rest = place.partition(":")
    if place.startswith(GIT):
        path, at, commit = rest.rpartition("@")
        # A path may hold the sign too: only hexadecimal digits after it are a commit.
        is_commit = bool(at) and bool(commit) and all(letter in "0123456789abcdef" for letter in commit.lower())
        name, chosen = (path, commit) if is_commit else (rest, "")
        if not name:
            raise UsageError(place, "it names no repository", "Write git:PATH or git:PATH@COMMIT")
        return GitStore(Path(name), chosen)
    if place.startswith(S3):
        return _bucket_at(place, rest, environ)
    if not place or (":" in place and "/" not in scheme):
        raise UsageError(place or "the place", "it is no folder and no known store", "Write a folder, git:PATH or s3:BUCKET/PREFIX")
    return FolderStore(Path(place), MANIFEST)


def _bucket_at(place: str, rest: str, environ: Mapping[str, str]) -> Store:
    """Return the bucket; the address is in HEALSTREAM_S3_ENDPOINT, each key in a file that the environment names."""
    # Only a backup that is written or read needs the client library.
    from infra.adapters.s3_store import S3Access, S3Store  # noqa: PLC0415

    path, _, backup = rest.partition("@")
    bucket, _, prefix = path.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(place, "it names no bucket", "Write s3:BUCKET/PREFIX or s3:BUCKET/PREFIX@BACKUP")
    endpoint = environ.get("HEALSTREAM_S3_ENDPOINT", "")
    if not endpoint:
        raise UsageError("HEALSTREAM_S3_ENDPOINT", "it is not set", "Set it to the server's address, https://HOST[:PORT]")
    keys = [_secret(name, environ) for name in ("HEALSTREAM_S3_ACCESS_KEY_FILE", "HEALSTREAM_S3_SECRET_KEY_FILE")]
    return S3Store(S3Access(endpoint, environ.get("HEALSTREAM_S3_REGION", _REGION), *keys), bucket, prefix, backup)


def _secret(name: str, environ: Mapping[str, str]) -> str:
    try:
        found = Path(environ.get(name, "")).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(name, "it names no file that can be read", "Put the key into a file (mode 600) and name it there") from error
    if not found:
        raise UsageError(name, "the file is empty", "Put the key into it")
    return found
