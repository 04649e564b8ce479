"""Python's own ``re`` as the judge of what the automaton proposes: confirms one pattern on a few lines and reads its captures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from learning.patterns.model import Pattern
from learning.structure import clean_line

MAX_LINE = 4096
MAX_CAPTURE = 200

Captures = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Confirmer:
    """The compiled expressions and excludes of one pattern."""

    expressions: tuple[re.Pattern[str], ...]
    excludes: tuple[re.Pattern[str], ...]

    def read(self, part: int, line: str) -> Captures | None:
        """Return the captures of one expression on a line; None when it does not match or an exclude does."""
        shown = line[:MAX_LINE]
        found = self.expressions[part].search(shown)
        if found is None or any(exclude.search(shown) for exclude in self.excludes):
            return None
        return tuple((name, text[:MAX_CAPTURE]) for name, text in found.groupdict().items() if text is not None)


def confirmer_of(pattern: Pattern) -> Confirmer:
    """Compile a pattern's expressions for confirmation."""
    return Confirmer(tuple(map(re.compile, pattern.expressions)), tuple(map(re.compile, pattern.excludes)))


def chains(parts: Sequence[Sequence[int]], span: int) -> list[tuple[int, ...]]:
    """Join the lines of ordered expressions: for every line of the last one the nearest earlier line of each, all within ``span`` lines."""
    joined = []
    for last in parts[-1]:
        chain = [last]
        for earlier in reversed(parts[:-1]):
            before = [line for line in earlier if line < chain[0]]
            if not before:
                break
            chain.insert(0, before[-1])
        whole = len(chain) == len(parts) and all(first < second for first, second in pairwise(chain))
        if whole and chain[-1] - chain[0] < span:
            joined.append(tuple(chain))
    return joined


def matches(pattern: Pattern, text: str) -> bool:
    """Tell whether a pattern matches a short text; the slow reference that the automaton is compared with."""
    return confirms(confirmer_of(pattern), pattern.span, text)


def confirms(confirmer: Confirmer, span: int, text: str) -> bool:
    """Tell the same for expressions that are compiled already."""
    lines = [clean_line(line) for line in text.split("\n")]
    count = len(confirmer.expressions)
    parts = [[number for number, line in enumerate(lines) if confirmer.read(part, line) is not None] for part in range(count)]
    return bool(chains(parts, span))
