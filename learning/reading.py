"""One log read once, its end first: hits and structure, to be judged as often as wanted, also as if some patterns were not there.

``classification.py`` reads whole logs with it; ``write_calibration.py`` and ``tests/accuracy`` ask what is said of tools that nobody has
written patterns for yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from learning.patterns.matcher import MAX_TEXT_BYTES, Hit, Matcher
from learning.structure import Structure, structure_of


@dataclass(frozen=True, slots=True)
class LogRead:
    """What one log shows; line numbers count from 1 in the whole log."""

    hits: tuple[Hit, ...]
    structure: Structure

    def without(self, is_dropped: Callable[[str], bool]) -> LogRead:
        """Return the same log as if the patterns whose ids are dropped did not exist."""
        return LogRead(tuple(hit for hit in self.hits if not is_dropped(hit.pattern)), self.structure)


def read_log(text: str, matcher: Matcher) -> LogRead:
    """Read a log; of a long one only the last 256 KiB are looked at and copied, so that memory does not grow with it."""
    tail = text[-MAX_TEXT_BYTES:]
    skipped = text.count("\n", 0, len(text) - len(tail))
    # Where nothing but CR ends a line, it is no progress bar that overwrites itself.
    if "\n" not in tail:
        tail = tail.replace("\r", "\n")
    reading = matcher.read(tail.encode("utf-8", "replace"))
    lines = tail.split("\n")
    hits, marks = reading.hits, reading.marks
    if skipped:
        hits = tuple(replace(hit, line=hit.line + skipped) for hit in hits)
        marks = tuple(replace(mark, line=mark.line + skipped) for mark in marks)
    return LogRead(hits, structure_of(marks, len(lines) + skipped, lines, skipped + 1))
