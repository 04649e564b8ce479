"""Which patterns fall silent in a whole set: the automaton of many expressions may lose a match that each of them finds alone.

Called by ``backtest.py``. A pattern's own examples must match it, or it is not loaded; so where the set does not find it in one of
them, another expression of the set is in its way.
"""

from __future__ import annotations

from learning.patterns.matcher import Matcher


def silenced_in(together: Matcher, besides: str = "") -> tuple[str, ...]:
    """Return the ids of the patterns that the set does not find in their own examples, that of ``besides`` left out."""
    return tuple(
        pattern.id
        for pattern in together.catalogue.patterns
        if pattern.id != besides and not all(_is_found(together, pattern.id, example) for example in pattern.examples)
    )


def _is_found(together: Matcher, name: str, example: str) -> bool:
    read = together.read(example.encode("utf-8", "replace"))
    return any(hit.pattern == name for hit in (*read.hits, *read.shadow))
