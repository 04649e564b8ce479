"""A pasted log as the recognition sees it: the verdict, what each pattern matched, and those lines in context. Pure.

The text is redacted first, as at the door of the streams, and only ever read: what it says selects from the closed list of kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from console.recognition import tell
from learning.classification import Recognizer
from learning.patterns.matcher import Hit
from learning.patterns.model import Pattern
from learning.structure import clean_line
from schemas.door import redact
from schemas.vocabulary import Result

# Causes stand near the end: of more hits the last ones are shown.
MAX_HITS_SHOWN, MAX_LINES_SHOWN, AROUND = 40, 160, 2


@dataclass(frozen=True, slots=True)
class TriedLine:
    """One line that is shown: its number from 1, its text, the expressions to look for in it, and the patterns whose match ends there."""

    number: int
    text: str
    expressions: tuple[str, ...]
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a log: the verdict in the shape of ``explain``, the hits with how far their patterns go, and the lines around them."""

    verdict: dict[str, object]
    hits: list[dict[str, object]]
    lines: list[TriedLine]


def try_log(text: str, recognizer: Recognizer, states: Mapping[str, str]) -> Tried:
    """Return what the patterns see in a log that is said to be of a failure; ``states`` tell how far each pattern goes."""
    known = recognizer.matcher.catalogue.by_id()
    plain = redact(_in_lines(text))
    reading = recognizer.matcher.read(plain.encode("utf-8", "replace"))
    hits = sorted((*reading.hits, *reading.shadow), key=lambda hit: hit.line)[-MAX_HITS_SHOWN:]
    rows: list[dict[str, object]] = [
        {
            "line": hit.line,
            "pattern": hit.pattern,
            "kind": hit.kind.value,
            "state": states.get(hit.pattern, ""),
            "weight": known[hit.pattern].weight,
            "text": hit.text,
        }
        for hit in hits
    ]
    return Tried(tell(plain, Result.FAILURE, recognizer).row(), rows, _lines_around(plain.split("\n"), hits, known.__getitem__))


def _in_lines(text: str) -> str:
    lines = text.replace("\r\n", "\n")
    # Where nothing but CR ends a line, it is no progress bar that overwrites itself.
    return lines if "\n" in lines else lines.replace("\r", "\n")


def _lines_around(lines: list[str], hits: list[Hit], pattern_of: Callable[[str], Pattern]) -> list[TriedLine]:
    expressions: dict[int, set[str]] = {}
    shown: set[int] = set()
    for hit in hits:
        pattern = pattern_of(hit.pattern)
        for number in range(hit.line - pattern.span + 1, hit.line + 1):
            expressions.setdefault(number, set()).update(pattern.expressions)
        shown.update(range(hit.line - AROUND, hit.line + AROUND + 1))
    kept = sorted(number for number in shown if 0 < number <= len(lines))[-MAX_LINES_SHOWN:]
    return [
        TriedLine(
            number,
            clean_line(lines[number - 1]),
            tuple(sorted(expressions.get(number, ()))),
            tuple(hit for hit in hits if hit.line == number),
        )
        for number in kept
    ]
