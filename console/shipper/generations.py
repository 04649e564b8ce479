"""Which files of a folder are the rotated ones of a log, and in which order they were written; asked by ``follower.py``. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ROTATED = re.compile(r"[.-](?:(?P<number>[0-9]{1,3})|(?P<dated>[0-9][0-9T:._-]{3,30})|(?P<old>old))(?P<packed>\.gz)?")


def rotated_from(name: str, log: str) -> re.Match[str] | None:
    """Return how a file's name is made from a log's by rotation, None when it is not."""
    return _ROTATED.fullmatch(name, len(log)) if name.startswith(log) else None


def generations(log: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the log's rotated files and the log itself, the oldest first.

    Dates count up and numbers count down. A file that is packed just now lies beside its plain text: only that one counts.
    """
    there = frozenset(names)
    found = ((rotated_from(name, log), name) for name in there)
    rows = [(_age(how), name) for how, name in found if how and not (how["packed"] and name.removesuffix(".gz") in there)]
    return (*(name for _, name in sorted(rows)), *((log,) if log in there else ()))


def is_rotated(name: str, names: frozenset[str]) -> bool:
    """Tell whether a file is a rotated one of another file in the same folder."""
    found = re.search(r"[.-](?:[0-9][0-9T:._-]*|old)(?:\.gz)?$", name)
    starts = [name[: cut.start()] for cut in re.finditer(r"[.-]", name)] if found else []
    return any(start in names and rotated_from(name, start) for start in starts)


def _age(how: re.Match[str]) -> tuple[int, str, int]:
    if how["dated"]:
        return 0, how["dated"], 0
    return 1, "", -int(how["number"] or 1)
