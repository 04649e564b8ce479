"""Find patterns among thousands in well under a millisecond: by id, by kind, or by words of their text.

Built once for a catalogue and then only read; for the ``pattern`` commands, which show what is found.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from learning.patterns.model import Pattern
from schemas.vocabulary import Kind

MOST_FOUND = 50
MOST_WORDS = 16
_WORD = re.compile(r"[^\W_]{2,}")


def words_of(text: str) -> list[str]:
    """Return the words of a text as they are indexed: letters and digits, two at least, case folded."""
    return [found.casefold() for found in _WORD.findall(text)]


class Lookup:
    """The index of a set of patterns; what it finds comes in the order of the ids."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Index patterns whose ids differ, as a checked catalogue's do."""
        self._patterns = tuple(sorted(patterns, key=lambda pattern: pattern.id))
        self._by_id = {pattern.id: pattern for pattern in self._patterns}
        by_kind: defaultdict[Kind, list[Pattern]] = defaultdict(list)
        # One integer a word, with a bit for each pattern: a frequent word costs no more than a rare one when words are joined.
        self._holders: defaultdict[str, int] = defaultdict(int)
        for position, pattern in enumerate(self._patterns):
            by_kind[pattern.kind].append(pattern)
            for word in {word for text in _texts(pattern) for word in words_of(text)}:
                self._holders[word] |= 1 << position
        self._by_kind = {kind: tuple(found) for kind, found in by_kind.items()}

    def by_id(self, name: str) -> Pattern | None:
        """Return the pattern of that id, or nothing."""
        return self._by_id.get(name)

    def by_kind(self, kind: Kind) -> tuple[Pattern, ...]:
        """Return all patterns of a kind."""
        return self._by_kind.get(kind, ())

    def by_text(self, text: str, most: int = MOST_FOUND) -> tuple[Pattern, ...]:
        """Return the first ``most`` patterns that hold each of the text's first ``MOST_WORDS`` words; none for a text without words."""
        words = words_of(text)[:MOST_WORDS]
        if not words:
            return ()
        held = (1 << len(self._patterns)) - 1
        for word in words:
            # ``get``, because asking must not add a word to the index.
            held &= self._holders.get(word, 0)
        found: list[Pattern] = []
        while held and len(found) < most:
            lowest = held & -held
            found.append(self._patterns[lowest.bit_length() - 1])
            held ^= lowest
        return tuple(found)


def _texts(pattern: Pattern) -> tuple[str, ...]:
    return (pattern.id, pattern.kind.value, pattern.title, *pattern.expressions, *pattern.examples)
