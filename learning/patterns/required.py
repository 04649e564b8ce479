"""What a line must hold for an expression to match it: a few fixed words, and small fragments where an alternative has no good word.

``needs_of`` reads an expression once, when it is compiled; ``gate.py`` looks for what it returns in every log, which is many times
cheaper than looking for the expressions themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from learning.patterns.ordinary import word_cost
from learning.patterns.syntax_tree import parser, words
from learning.patterns.written import ENOUGH_WEIGHT, is_optional, leaves_of, trimmed, weight_of, write

# So many texts may stand for one run of letters before it is taken apart.
MOST_TEXTS = 64
# A class of more letters than this is no text any more.
_MOST_LETTERS = 4
_LAST_ASCII = 127
# A fragment costs the automaton more than a rare word, and less than a word of every second line: see ``word_cost``.
FRAGMENT_COST = 40
# A fragment that tells less than so many letters is found everywhere: each letter that it lacks costs as much as many good words.
_LACK_COST = 200


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """A fixed text or, when ``is_fragment``, an expression; ``caseless`` texts are of ASCII letters in lower case."""

    text: str
    caseless: bool = False
    is_fragment: bool = False
    cost: int = 0


Needs = frozenset[Need]
Texts = frozenset[str]
Node = tuple[Any, Any]
_NO_TEXT: Texts = frozenset({""})


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a part matches: it begins with one of ``starts`` and ends with one of ``ends``; when ``is_exact``, both are all that it is.

    ``needs`` is the cheapest set of which every match holds one, None when there is none.
    """

    starts: Texts = _NO_TEXT
    ends: Texts = _NO_TEXT
    is_exact: bool = False
    needs: Needs | None = None


_ANYTHING = _Seen()


def needs_of(expression: str) -> Needs:
    """Return words and fragments of which every text that the expression matches holds at least one; the expression compiles."""
    tree = parser.parse(expression)
    needs = _read_sequence(tree, bool(tree.state.flags & re.IGNORECASE)).needs
    # What can match the empty text is refused when a pattern is loaded.
    return needs or frozenset({Need(write(tree), bool(tree.state.flags & re.IGNORECASE), is_fragment=True, cost=FRAGMENT_COST)})


def cost_of(needs: Iterable[Need]) -> int:
    """Return what looking for all of them costs, beside other such sets."""
    return sum(need.cost for need in needs)


def _read_sequence(nodes: Sequence[Node], caseless: bool) -> _Seen:
    options: list[Needs] = []
    first: Texts | None = None
    run = _NO_TEXT
    for operation, argument in nodes:
        seen = _READERS.get(operation, _read_anything)(argument, caseless)
        if seen.needs:
            options.append(seen.needs)
        joined = _joined(run, seen.starts)
        if seen.is_exact and joined is not None:
            run = joined
            continue
        closed = joined or run
        first = first or closed
        options += _as_needs(closed, caseless)
        run = seen.ends
    options += _as_needs(run, caseless)
    if first is not None:
        options += _as_fragment(nodes, caseless)
    best = min(options, key=lambda needs: (cost_of(needs), -sum(len(need.text) for need in needs)), default=None)
    return _Seen(first or run, run, first is None, best)


def _joined(run: Texts, texts: Texts) -> Texts | None:
    if len(run) * len(texts) > MOST_TEXTS:
        return None
    return frozenset(first + second for first, second in product(run, texts))


def _as_needs(run: Texts, caseless: bool) -> list[Needs]:
    return [] if "" in run else [frozenset(Need(text, caseless, cost=word_cost(text)) for text in run)]


def _as_fragment(nodes: Sequence[Node], caseless: bool) -> list[Needs]:
    if is_optional(nodes):
        return []
    kept = trimmed(nodes)
    lacking = max(ENOUGH_WEIGHT - weight_of(kept), 0)
    cost = round(FRAGMENT_COST * leaves_of(kept) + _LACK_COST * lacking)
    return [frozenset({Need(write(kept), caseless, is_fragment=True, cost=cost)})]


def _read_anything(_argument: Any, _caseless: bool) -> _Seen:
    return _ANYTHING


def _exactly(texts: Iterable[str]) -> _Seen:
    every = frozenset(texts)
    return _Seen(every, every, is_exact=True)


def _read_letter(argument: Any, caseless: bool) -> _Seen:
    # The automaton folds ASCII letters only.
    if caseless and argument > _LAST_ASCII:
        return _ANYTHING
    letter = chr(argument)
    return _exactly({letter.lower() if caseless else letter})


def _read_class(argument: Any, caseless: bool) -> _Seen:
    letters: set[int] = set()
    for operation, value in argument:
        if operation is words.LITERAL:
            letters.add(value)
        elif operation is words.RANGE and value[1] - value[0] < _MOST_LETTERS:
            letters.update(range(value[0], value[1] + 1))
        else:
            return _ANYTHING
    if len(letters) > _MOST_LETTERS or (caseless and max(letters) > _LAST_ASCII):
        return _ANYTHING
    return _exactly(chr(one).lower() if caseless else chr(one) for one in letters)


def _read_place(_argument: Any, _caseless: bool) -> _Seen:
    return _exactly({""})


def _read_group(argument: Any, caseless: bool) -> _Seen:
    _, more, less, nodes = argument
    return _read_sequence(nodes, (caseless or bool(more & re.IGNORECASE)) and not less & re.IGNORECASE)


def _read_branch(argument: Any, caseless: bool) -> _Seen:
    seen = [_read_sequence(nodes, caseless) for nodes in argument[1]]
    starts = frozenset[str]().union(*(one.starts for one in seen))
    ends = frozenset[str]().union(*(one.ends for one in seen))
    is_exact = all(one.is_exact for one in seen)
    needs = [one.needs for one in seen]
    every = frozenset[Need]().union(*(one or () for one in needs)) if all(needs) else None
    return _Seen(starts, ends, is_exact, every)


def _read_repeat(argument: Any, caseless: bool) -> _Seen:
    least, most, nodes = argument
    seen = _read_sequence(nodes, caseless)
    if least == most == 1:
        return seen
    if least == 0:
        return _exactly(seen.starts | {""}) if most == 1 and seen.is_exact else _ANYTHING
    if least == most and seen.is_exact and len(seen.starts) == 1:
        return _exactly(text * least for text in seen.starts)
    return _Seen(seen.starts, seen.ends, needs=seen.needs)


_READERS: dict[object, Callable[[Any, bool], _Seen]] = {
    words.LITERAL: _read_letter,
    words.IN: _read_class,
    words.AT: _read_place,
    words.SUBPATTERN: _read_group,
    words.BRANCH: _read_branch,
    words.MAX_REPEAT: _read_repeat,
    words.MIN_REPEAT: _read_repeat,
    words.POSSESSIVE_REPEAT: _read_repeat,
}
