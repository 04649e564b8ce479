"""The host that a hit names: the text of a typed capture of its pattern, which may only look a known upstream up.

Used by ``streams/rules.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from learning.patterns.confirm import Captures
from learning.patterns.model import CaptureType, Pattern


def host_in(pattern: Pattern | None, captures: Captures) -> str:
    """Return the text of the first capture that the pattern types as a host, or the host of one that it types as a URL; else nothing."""
    types = pattern.captures if pattern else {}
    return next((host for name, text in captures if (host := _host_of(types.get(name), text))), "")


def _host_of(kind: CaptureType | None, text: str) -> str:
    if kind is CaptureType.HOST:
        return text
    if kind is not CaptureType.URL:
        return ""
    try:
        return urlsplit(text).hostname or ""
    except ValueError:
        return ""


def captures_at(hits: Iterable[tuple[str, int, Captures]], pattern: str, line: int) -> Captures:
    """Return the captures of a pattern's hit, that on the line before any other."""
    own = [(at != line, captures) for name, at, captures in hits if name == pattern]
    return min(own, key=lambda found: found[0])[1] if own else ()
