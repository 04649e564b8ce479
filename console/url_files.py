"""A URL that is a secret in itself, read from the file in which it stands; asked by the post and by the heartbeat."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import DeniedError


def url_in(file: str, what: str) -> str:
    """Return a file's URL; raises OSError, UnicodeDecodeError, or DeniedError where others than its owner may read it."""
    path = Path(file)
    if path.stat().st_mode & 0o077:
        raise DeniedError(what, f"others may read {path}", f"Run `chmod 600 {path}`")
    return path.read_text(encoding="utf-8").strip()
