"""The accounts of the page on this machine: a person's name and the argon2 hash of a password, in one file of its owner.

An account lets somebody in; what they may do is what people.yaml and the rules give the person of that name. Used by ``login.py``.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from console.home import write_file
from schemas.errors import ConfigurationError, UsageError

SHORTEST, LONGEST = 12, 1024
_RESTORE = "Restore the file from its backup, or set the passwords again with `healstream site password`"


def accounts_in(path: Path) -> dict[str, str]:
    """Return name -> hash; raises ConfigurationError when the file is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"accounts {path}", str(error), _RESTORE) from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ConfigurationError(f"accounts {path}", "it is no object of names and hashes", _RESTORE)
    return found


def set_password(path: Path, name: str, password: str, hasher: PasswordHasher) -> None:
    """Give a person a password, in place of an earlier one; raises UsageError for one that is too short or too long."""
    require_long(password)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_file(path, json.dumps({**accounts_in(path), name: hasher.hash(password)}, indent=1, sort_keys=True) + "\n")


def require_long(password: str) -> None:
    """Raise UsageError for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError("password", f"it has {len(password)} letters", f"Choose one of {SHORTEST} to {LONGEST}")


def is_password(accounts: dict[str, str], name: str, password: str, hasher: PasswordHasher) -> bool:
    """Tell whether the password is that person's; for an unknown name it takes as long as for a known one."""
    if len(password) > LONGEST:
        return False
    try:
        hasher.verify(accounts.get(name) or _nobody(hasher), password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return name in accounts


@cache
def _nobody(hasher: PasswordHasher) -> str:
    """Return the hash of a password that nobody has: no name maps to it."""
    return hasher.hash("nobody's password")
