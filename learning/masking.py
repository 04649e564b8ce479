"""From a log line to its words, with what differs from run to run masked: times, numbers, hashes, paths, hosts, versions, quoted names.

``templates.py`` clusters the words, ``proposed_expression.py`` makes an expression of them. Lines are hostile: a mask is text like any
other, and nothing here is ever run or followed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_WORDS = 40
MAX_LINE = 300
NUMBER = "<number>"

# In order of trial; what begins as one is never read as a later one. Each runs once over a line of at most ``MAX_LINE`` letters.
_MASKS = (
    ("url", r"[A-Za-z][A-Za-z+]{1,9}://[^\s'\"<>]+"),
    ("single", r"(?<!\w)'[^'\n]{1,80}'(?!\w)"),
    ("double", r"\"[^\"\n]{1,80}\""),
    ("back", r"`[^`\n]{1,80}`"),
    ("time", r"\b(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\b"),
    ("path", r"(?:\b[A-Za-z]:)?[\w.@~+-]*(?:[/\\][\w.@~+-]*)+"),
    ("hex", r"(?:\b0x[0-9A-Fa-f]+|\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}|\b(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{7,64})\b"),
    ("version", r"\bv?\d+(?:\.[\w+-]+)+"),
    ("host", r"\b[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]*[a-z0-9])+\b(?![\w.])"),
    ("number", r"\d+"),
    # A name that is longer than this is made, not written.
    ("name", r"[A-Za-z_]\w{40,}"),
    ("word", r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"),
)
_PARTS = re.compile("|".join(f"(?P<{name}>{expression})" for name, expression in _MASKS), re.ASCII)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line: its ``text``, what stands ``before`` it, and the ``mask`` under which it hides; "" for a word that is kept."""

    text: str
    before: str
    mask: str = ""

    @property
    def token(self) -> str:
        """Return the word, or its mask."""
        return f"<{self.mask}>" if self.mask else self.text


def mask_line(line: str) -> tuple[Word, ...]:
    """Return the words of a line, at most ``MAX_WORDS``, of its first ``MAX_LINE`` letters."""
    text = line[:MAX_LINE]
    words: list[Word] = []
    last = 0
    for found in _PARTS.finditer(text):
        mask = found.lastgroup or ""
        words.append(Word(found.group(), text[last : found.start()], "" if mask == "word" else mask))
        last = found.end()
        if len(words) == MAX_WORDS:
            break
    return tuple(words)


def is_kept(token: str) -> bool:
    """Tell whether a token is a word itself, no mask."""
    return not token.startswith("<")
