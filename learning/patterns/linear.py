"""Tells an expression that may take exponential time: ``re`` confirms what the automaton proposes, and tries every way of splitting.

Used by ``model.py`` when a pattern is loaded; the automaton itself runs in linear time whatever it is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from learning.patterns.syntax_tree import parser, words

# So often a part that can match in several ways may come: 2 to the power of it is the most that is tried at one place.
MOST_TIMES = 8
_REPEATS = (words.MAX_REPEAT, words.MIN_REPEAT)

Node = tuple[object, object]


def repeats_wildly(expression: str) -> bool:
    """Tell whether a part that varies in itself is repeated more than ``MOST_TIMES`` times; the expression compiles."""
    # The standard library's own reading: no public door leads to it, and a second reading could disagree with what is run.
    return _is_wild(parser.parse(expression))


def _is_wild(nodes: Iterable[Node]) -> bool:
    for operation, argument in nodes:
        parts = _parts(operation, argument)
        is_long = operation in _REPEATS and cast("tuple[int, int, object]", argument)[1] > MOST_TIMES
        if any(_is_wild(part) or (is_long and _varies(part)) for part in parts):
            return True
    return False


def _varies(nodes: Iterable[Node]) -> bool:
    for operation, argument in nodes:
        if operation is words.BRANCH:
            return True
        if operation in _REPEATS and cast("tuple[int, int, object]", argument)[0] != cast("tuple[int, int, object]", argument)[1]:
            return True
        if any(_varies(part) for part in _parts(operation, argument)):
            return True
    return False


def _parts(operation: object, argument: object) -> list[list[Node]]:
    """Return the nodes inside a node, one list for each alternative."""
    if operation in _REPEATS:
        return [cast("tuple[int, int, list[Node]]", argument)[2]]
    if operation is words.SUBPATTERN:
        return [cast("tuple[object, object, object, list[Node]]", argument)[3]]
    return cast("tuple[object, list[list[Node]]]", argument)[1] if operation is words.BRANCH else []
