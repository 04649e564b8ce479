"""The next command as it must be typed for the copy that a call named: a hint without its ``--name`` would reach another one. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

# These know no copy, or not each of their verbs does.
_COMMAND = re.compile(r"`(healstream (?!explain|classify|demo|version|send)[a-z][^`]*)`")
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def copy_in(words: Sequence[str]) -> str:
    """Return what a call says after ``--name``; empty when it names no copy."""
    apart = [after for word, after in pairwise(words) if word == "--name"]
    joined = [word.partition("=")[2] for word in words if word.startswith("--name=")]
    return next(iter((*apart, *joined)), "")


def for_copy(hint: str, name: str) -> str:
    """Return the hint with ``--name`` in each of its commands that take one; as it stands when no copy is named."""
    return _COMMAND.sub(rf"`\1 --name {name}`", hint) if _NAME.fullmatch(name) else hint
