"""Which sources may go on teaching: no source more than its share, none that contradicts what is settled; used by ``streams/learn.py``.

A source is where incidents come from and who labelled them; one noisy or hostile source must not steer the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

# Below so many lessons shares mean nothing.
MIN_LESSONS = 40
MOST_SHARE = 0.25
# With few sources each has a large fair share: twice the fair one is allowed.
_FAIR_TIMES = 2.0
MIN_SETTLED = 8
# Careful readers disagree on one label in eight; a source that surely contradicts more than twice as often is not careful.
MOST_DISSENT = 0.25
_Z = 1.645


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What one source has taught: lessons, those on failures whose kind is settled, and those of them that contradict it."""

    lessons: int = 0
    settled: int = 0
    dissents: int = 0

    def with_lesson(self, *, is_settled: bool, is_dissent: bool) -> SourceRow:
        """Return the row with one more lesson."""
        return SourceRow(self.lessons + 1, self.settled + is_settled, self.dissents + (is_settled and is_dissent))

    def with_refusal(self, *, is_settled: bool, is_dissent: bool) -> SourceRow:
        """Return the row with one more label that was not learned: what it says of the source counts all the same."""
        return SourceRow(self.lessons, self.settled + is_settled, self.dissents + (is_settled and is_dissent))


def why_not_teach(source: str, rows: Mapping[str, SourceRow]) -> str:
    """Return why a source may not teach now, or nothing."""
    row = rows.get(source, SourceRow())
    if row.settled >= MIN_SETTLED and _lower_bound(row.dissents, row.settled) > MOST_DISSENT:
        return f"the source contradicts {row.dissents} of {row.settled} settled kinds"
    total = sum(other.lessons for other in rows.values())
    most = max(MOST_SHARE, _FAIR_TIMES / max(len(rows), 1))
    if total >= MIN_LESSONS and row.lessons + 1 > most * (total + 1):
        return f"the source has taught {row.lessons} of {total} lessons, {most:.0%} is the most"
    return ""


def _lower_bound(hits: int, n: int) -> float:
    """Return Wilson's one-sided lower bound at 95 %."""
    share, square = hits / n, _Z * _Z
    return (share + square / (2 * n) - _Z * sqrt(share * (1 - share) / n + square / (4 * n * n))) / (1 + square / n)
