"""From a template and its member lines to one expression: fixed words stay, what is masked becomes a class that is typed and bounded.

Called by ``proposing.py``. The expression begins and ends with a fixed word. Between two words stands either the same text in every member
or white space; a class never holds the letter that follows it, so that a line can be split in one way only: matching is linear.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from learning.masking import Word, is_kept, mask_line
from learning.templates import GAP, is_telling

MAX_EXPRESSION = 600
_SPACE = r"[ \t]{1,40}"
_SPACES = re.compile(r"[ \t]+")
_CLOCK = r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[T ])?[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
# Of each mask: the letters that it may hold, and the whole class; bounded, because a line is.
_HELD: dict[str, tuple[str, str]] = {
    "url": (r"[^\s'\"<>]", r"[A-Za-z+]{2,10}://[^\s'\"<>]{1,250}"),
    "single": (r"'", r"'[^'\n]{1,80}'"),
    "double": (r"\"", r"\"[^\"\n]{1,80}\""),
    "back": (r"`", r"`[^`\n]{1,80}`"),
    "time": (r"[0-9.,:Z+-]", rf"{_CLOCK}(?:[.,][0-9]{{1,9}})?(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}})?"),
    "path": (r"[0-9A-Za-z_.@~+/\\-]", r"(?:[A-Za-z]:)?[0-9A-Za-z_.@~+/\\-]{1,300}"),
    "hex": (r"[0-9A-Fa-fx-]", r"[0-9A-Fa-fx-]{3,300}"),
    "version": (r"[0-9A-Za-z_.+-]", r"v?[0-9][0-9A-Za-z_.+-]{1,300}"),
    "host": (r"[0-9a-z.-]", r"[0-9a-z.-]{3,300}"),
    "number": (r"[0-9]", r"[0-9]{1,300}"),
    "name": (r"[0-9A-Za-z_]", r"[0-9A-Za-z_]{1,300}"),
}


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression, the words that stay in it, and what it matches in each member line."""

    text: str
    words: tuple[str, ...]
    matched: tuple[str, ...]

    @property
    def letters(self) -> int:
        """Return how many letters stay."""
        return sum(map(len, self.words))


def expression_of(tokens: Sequence[str], lines: Sequence[str]) -> Expression | None:
    """Return the expression of a template that matches every member line; None when too little stays, or a line does not fit."""
    members = [mask_line(line) for line in lines]
    if not members or any(len(member) != len(tokens) for member in members):
        return None
    stretches = [_built(tokens, members, stretch) for stretch in _stretches(tokens, members)]
    told = [built for built in stretches if built is not None]
    if not told:
        return None
    text, words = max(told, key=lambda built: (sum(map(len, built[1])), built[0]))
    # A word may grow out of a number or a letter that is no ASCII; where none does, it is matched only as a whole word.
    for edged in (rf"\b{text}\b", rf"\b{text}", rf"{text}\b", text):
        found = [re.search(edged, line) for line in lines]
        if all(found):
            return Expression(edged, words, tuple(one.group() for one in found if one is not None))
    return None


def _stretches(tokens: Sequence[str], members: Sequence[Sequence[Word]]) -> list[range]:
    """Return the stretches of neighbouring words that one expression can hold, each from a kept word to a kept word."""
    cuts = [0, *(at for at in range(1, len(tokens)) if not _is_joined(tokens, members, at)), len(tokens)]
    found = []
    for begin, end in pairwise(cuts):
        kept = [at for at in range(begin, end) if is_kept(tokens[at])]
        if kept:
            found.append(range(kept[0], kept[-1] + 1))
    return found


def _is_joined(tokens: Sequence[str], members: Sequence[Sequence[Word]], at: int) -> bool:
    """Tell whether a word follows the one before it in one way only."""
    before, follower = tokens[at - 1], _follower(tokens, members, at)
    if _joint(members, at) is None:
        return False
    if is_kept(before):
        return True
    if before == GAP:
        # The automaton sees bytes: a class that leaves out a letter outside ASCII would leave out others too.
        return (
            bool(follower)
            and follower.isascii()
            and not any(follower in member[at - 1].text or _SPACES.search(member[at - 1].text) for member in members)
        )
    return bool(follower) and not re.match(_HELD[before[1:-1]][0], follower)


def _follower(tokens: Sequence[str], members: Sequence[Sequence[Word]], at: int) -> str:
    """Return the letter that follows the word before: of the joint, else of a kept word; "" when a mask follows at once."""
    between = members[0][at].before
    return between[:1] or (tokens[at][:1] if is_kept(tokens[at]) else "")


def _joint(members: Sequence[Sequence[Word]], at: int) -> str | None:
    """Return what stands before a word in every member, as an expression; None when they differ in more than white space."""
    shapes = {_SPACES.sub(" ", member[at].before) for member in members}
    if len(shapes) > 1:
        return None
    return _SPACE.join(re.escape(part) for part in shapes.pop().split(" "))


def _built(tokens: Sequence[str], members: Sequence[Sequence[Word]], stretch: range) -> tuple[str, tuple[str, ...]] | None:
    """Return the expression of a stretch and its kept words; None when too little stays."""
    text, end = "", 0
    words: list[str] = []
    for at in stretch:
        joint = "" if at == stretch.start else _joint(members, at) or ""
        follower = _follower(tokens, members, at + 1) if at + 1 < stretch.stop else ""
        longer = text + joint + (re.escape(tokens[at]) if is_kept(tokens[at]) else _class_of(tokens[at], follower))
        if len(longer) > MAX_EXPRESSION:
            break
        text = longer
        if is_kept(tokens[at]):
            words.append(tokens[at])
            end = len(text)
    return (text[:end], tuple(words)) if is_telling(words) else None


def _class_of(token: str, follower: str) -> str:
    if token != GAP:
        return _HELD[token[1:-1]][1]
    return rf"[^\s{'' if follower.isspace() else re.escape(follower)}]{{1,300}}"
