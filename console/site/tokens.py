"""Tokens with which programs use ``/api/v1``: shown once, kept as digests with person, role and end, in one file of its owner.

A token acts for a person of people.yaml and never with more than its role. Made by ``healstream site token``, asked by ``entrance.py``.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from console.home import write_file
from console.site.sessions import is_same
from schemas.errors import ConfigurationError, LoginError, NotFoundError, UsageError
from schemas.people import Role

LONGEST = timedelta(days=365)
MOST = 1000
_WORD = re.compile(r"hst_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
_MEND = "Make another with `healstream site token make`"
_RESTORE = "Restore the file from its backup, or remove it and make the tokens again"


@dataclass(frozen=True, slots=True)
class Token:
    """One token as it is kept: of its word only the digest; times are ISO texts with their zone."""

    id: str
    person: str
    role: str
    digest: str
    made_at: str
    made_by: str
    expires_at: str
    note: str = ""

    def has_ended(self, now: datetime) -> bool:
        """Tell whether its time is over."""
        return now >= datetime.fromisoformat(self.expires_at)

    def row(self, now: datetime) -> dict[str, object]:
        """Return it as a row for people, without the digest."""
        row = {name: value for name, value in asdict(self).items() if name != "digest"}
        return {**row, "state": "ended" if self.has_ended(now) else "in force"}


def made(name: str, secret: str, who: tuple[str, str], role: Role, times: tuple[datetime, datetime]) -> tuple[str, Token]:
    """Return the word to show once, and what is kept of it; ``who`` is the person it acts for and who made it, ``times`` from when to when.

    Raises UsageError for an end that is past or too far off.
    """
    begin, end = times
    if not begin < end <= begin + LONGEST:
        raise UsageError("--for", f"a token lasts {LONGEST.days} days at most and ends in the future", "Give 1h to 52w")
    word = f"hst_{name}_{secret}"
    if _WORD.fullmatch(word) is None:
        raise UsageError("token", "its id or its secret has another form", "Report it with the version")
    return word, Token(name, who[0], role.value, _digest(word), begin.isoformat(), who[1], end.isoformat())


def _digest(word: str) -> str:
    # 256 random bits need no slow hash: nobody guesses them.
    return sha256(word.encode()).hexdigest()


def tokens_in(path: Path) -> dict[str, Token]:
    """Return the tokens by their id; raises ConfigurationError when the file is damaged."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return {}
    return _read(path, (seen.st_ino, seen.st_mtime_ns, seen.st_size))


@lru_cache(4)
def _read(path: Path, _when: tuple[int, int, int]) -> dict[str, Token]:
    try:
        rows = {row.id: row for row in map(_token, json.loads(path.read_text(encoding="utf-8")))}
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"tokens {path}", str(error), _RESTORE) from error
    return rows


def _token(row: dict[str, str]) -> Token:
    """Return a row as a token; raises ValueError or TypeError for what was never written so."""
    token = Token(**row)
    Role(token.role)
    datetime.fromisoformat(token.expires_at)
    return token


def keep(path: Path, token: Token, most: int = MOST) -> None:
    """Add a token; raises UsageError when there are too many."""
    known = tokens_in(path)
    if len(known) >= most:
        raise UsageError("token", f"{len(known)} are kept already", "Revoke those that nobody uses")
    _write(path, [*known.values(), token])


def revoke(path: Path, name: str) -> Token:
    """Take a token away at once and return it; raises NotFoundError."""
    found = token_named(path, name)
    _write(path, [row for row in tokens_in(path).values() if row.id != name])
    return found


def token_named(path: Path, name: str) -> Token:
    """Return the token of that id; raises NotFoundError."""
    found = tokens_in(path).get(name)
    if found is None:
        raise NotFoundError(f"token {name[:40]}", "there is none of that id", "List them with `healstream site token list`")
    return found


def _write(path: Path, rows: list[Token]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_file(path, json.dumps([asdict(row) for row in rows], indent=1) + "\n")


def token_of(path: Path, word: str, now: datetime) -> Token:
    """Return the token of a word; raises LoginError for one that is unknown, revoked or over: never which, but for one's own that ended."""
    found = _WORD.fullmatch(word)
    row = tokens_in(path).get(found[1]) if found else None
    if row is None or not is_same(_digest(word), row.digest):
        raise LoginError("token", "it is unknown or revoked", _MEND)
    if row.has_ended(now):
        raise LoginError(f"token {row.id}", f"it ended at {row.expires_at}", _MEND)
    return row
