"""A part of an expression as text for the automaton, loosened: it finds at least every line on which ``re`` finds that part."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from learning.patterns.syntax_tree import words

Node = tuple[Any, Any]

_REPEATS = (words.MAX_REPEAT, words.MIN_REPEAT, words.POSSESSIVE_REPEAT)
# A counted repeat up to here is kept as it is: it tells lines apart and costs little.
_LONGEST_COUNT = 8
_CLASS_WEIGHT = 0.5
# A text of so many letters tells enough.
ENOUGH_WEIGHT = 6
# Signs beyond ASCII are rare.
_WIDE_WEIGHT = 4
_FIRST_WIDE = 0x80
# The automaton counts bytes: a letter beyond ASCII has two to four, each of them in this class.
_WIDE_LETTER = r"[\x80-\xff]{2,4}"
_CATEGORIES = {
    words.CATEGORY_DIGIT: r"\d",
    words.CATEGORY_NOT_DIGIT: r"\D",
    words.CATEGORY_SPACE: r"\s",
    words.CATEGORY_NOT_SPACE: r"\S",
    words.CATEGORY_WORD: r"\w",
    words.CATEGORY_NOT_WORD: r"\W",
}
_WIDE_CATEGORIES = (words.CATEGORY_NOT_DIGIT, words.CATEGORY_NOT_SPACE, words.CATEGORY_NOT_WORD)
# Digits and white space beyond ASCII are left out, as in the whole automaton.
_BEYOND_ASCII = (*_WIDE_CATEGORIES, words.CATEGORY_WORD)


def trimmed(nodes: Sequence[Node]) -> list[Node]:
    """Return a sequence without what tells nothing at its two ends: there it would only cost, and report more places."""
    return _trimmed(_trimmed(nodes, 0), -1)


def _trimmed(nodes: Sequence[Node], end: int) -> list[Node]:
    kept = list(nodes)
    while len(kept) > 1 and not weight_of([kept[end]]):
        kept.pop(end)
    if kept:
        kept[end] = _shortest(kept[end], end)
    return kept


def is_optional(nodes: Sequence[Node]) -> bool:
    """Tell whether a sequence may match nothing."""
    return all(_may_be_nothing(operation, argument) for operation, argument in nodes)


def leaves_of(nodes: Sequence[Node]) -> int:
    """Return how many alternatives a sequence holds, those inside of alternatives included; 1 when it has none."""
    count = 1
    for operation, argument in nodes:
        inner = _inner(operation, argument)
        count += sum(map(leaves_of, inner)) - 1 if inner else 0
    return count


def weight_of(nodes: Sequence[Node]) -> float:
    """Return how much a sequence tells: one for each letter that must be there, half for one of a class, nothing for any letter."""
    weight = 0.0
    for operation, argument in nodes:
        inner = _inner(operation, argument)
        if inner:
            times = min(argument[0], _LONGEST_COUNT) if operation in _REPEATS else 1
            weight += times * min(map(weight_of, inner))
        elif operation is words.LITERAL:
            weight += 1 if argument < _FIRST_WIDE else _WIDE_WEIGHT
        elif operation is words.IN:
            weight += 0 if _is_wide_class(argument) else _WIDE_WEIGHT if _is_all_wide(argument) else _CLASS_WEIGHT
    return weight


def _inner(operation: object, argument: Any) -> list[Sequence[Node]]:
    if operation is words.BRANCH:
        return list(argument[1])
    if operation is words.SUBPATTERN:
        return [argument[3]]
    return [argument[2]] if operation in _REPEATS else []


def _is_wide_class(argument: Any) -> bool:
    return any(operation is words.NEGATE or (operation is words.CATEGORY and value in _WIDE_CATEGORIES) for operation, value in argument)


def _is_all_wide(argument: Any) -> bool:
    return all(operation is words.LITERAL and value >= _FIRST_WIDE for operation, value in argument)


def _may_be_nothing(operation: object, argument: Any) -> bool:
    if operation is words.AT:
        return True
    if operation in _REPEATS:
        return argument[0] == 0 or is_optional(argument[2])
    if operation is words.SUBPATTERN:
        return is_optional(argument[3])
    return operation is words.BRANCH and any(is_optional(one) for one in argument[1])


def _shortest(node: Node, end: int) -> Node:
    operation, argument = node
    if operation in _REPEATS:
        return operation, (argument[0], argument[0], argument[2])
    if operation is words.SUBPATTERN:
        return operation, (*argument[:3], _trimmed(argument[3], end))
    return (operation, (argument[0], [_trimmed(one, end) for one in argument[1]])) if operation is words.BRANCH else node


def write(nodes: Sequence[Node]) -> str:
    """Return the text of a sequence."""
    return "".join(_WRITERS[operation](argument) for operation, argument in nodes)


def _write_letter(argument: Any) -> str:
    return re.escape(chr(argument))


def _write_class(argument: Any) -> str:
    if _has_wide_letters_only(argument):
        return _write_letters(argument)
    inner, is_wide = "", False
    for operation, value in argument:
        if operation is words.NEGATE:
            inner, is_wide = "^", True
        elif operation is words.CATEGORY:
            inner, is_wide = inner + _CATEGORIES[value], is_wide or value in _BEYOND_ASCII
        else:
            first, last = (value, value) if operation is words.LITERAL else value
            is_wide = is_wide or last >= _FIRST_WIDE
            inner += _write_range(first, min(last, _FIRST_WIDE - 1))
    narrow = f"[{inner}]"
    if not is_wide:
        return narrow
    return f"(?:{narrow}|{_WIDE_LETTER})" if inner.strip("^") else f"(?:{_WIDE_LETTER})" if not inner else "(?s:.)"


def _has_wide_letters_only(argument: Any) -> bool:
    """Tell whether what a class holds beyond ASCII is single letters: these are written as they are, which tells much more than any."""
    is_single = all(operation is words.LITERAL or (operation is words.RANGE and value[1] < _FIRST_WIDE) for operation, value in argument)
    return is_single and any(operation is words.LITERAL and value >= _FIRST_WIDE for operation, value in argument)


def _write_letters(argument: Any) -> str:
    wide = [chr(value) for operation, value in argument if operation is words.LITERAL and value >= _FIRST_WIDE]
    narrow = [one for one in argument if one[0] is words.RANGE or one[1] < _FIRST_WIDE]
    return f"(?:{'|'.join([*([_write_class(narrow)] if narrow else []), *wide])})"


def _write_range(first: int, last: int) -> str:
    return "" if first > last else f"\\x{first:02x}" if first == last else f"\\x{first:02x}-\\x{last:02x}"


def _write_repeat(argument: Any) -> str:
    least, most, nodes = argument
    inner = write(nodes)
    # Of a long count only its beginning is looked for.
    low = min(least, _LONGEST_COUNT)
    high = "" if most > _LONGEST_COUNT else str(most)
    return f"(?:{inner}){{{low},{high}}}" if inner else ""


def _write_group(argument: Any) -> str:
    _, more, less, nodes = argument
    flag = "i" if more & re.IGNORECASE else "-i" if less & re.IGNORECASE else ""
    return f"(?{flag}:{write(nodes)})"


_WRITERS: dict[object, Callable[[Any], str]] = {
    words.LITERAL: _write_letter,
    words.NOT_LITERAL: lambda argument: _write_class([(words.NEGATE, None), (words.LITERAL, argument)]),
    words.ANY: lambda _: rf"(?:.|{_WIDE_LETTER})",
    words.IN: _write_class,
    words.AT: lambda _: "",
    words.SUBPATTERN: _write_group,
    words.BRANCH: lambda argument: f"(?:{'|'.join(write(one) for one in argument[1])})",
} | dict.fromkeys(_REPEATS, _write_repeat)
