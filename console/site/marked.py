"""A stranger's text cut at what a pattern matched in it, so that a template can show both parts as text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from learning.patterns.confirm import MAX_LINE

Pieces = list[tuple[str, bool]]


def pieces_of(text: str, expressions: Iterable[str]) -> Pieces:
    """Return the text in pieces, each with whether an expression matched there; what several match is one piece."""
    shown = text[:MAX_LINE]
    spans = sorted(found.span() for one in expressions for found in [_compiled(one).search(shown)] if found and found.group())
    pieces, at = [], 0
    for start, stop in spans:
        if start < at:
            continue
        pieces += [(shown[at:start], False), (shown[start:stop], True)]
        at = stop
    return [(part, is_match) for part, is_match in (*pieces, (shown[at:], False)) if part]


@lru_cache(4096)
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)
