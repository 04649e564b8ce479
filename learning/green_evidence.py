"""Whether a pattern hits more successful runs than are borne: a cumulative sum over all of them, of which only hits are written down.

Asked by ``streams/green_watch.py``. The sum is that of ``drift.py``: while a pattern hits no more than its share, one false alarm comes
in at least e**9 successful runs on average. One owner of repositories alone gives at most three quarters of what is asked as soon as
another one has runs too, so that a tenant who prints a pattern's text cannot silence it for all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, log

BOUND = 9.0
# A pattern that hits this share (0..1) more than is borne is to be noticed.
RISE = 0.15
_MOST_OF_OWNER = 0.75
MAX_OWNERS = 20


@dataclass(frozen=True, slots=True)
class GreenRow:
    """One pattern: its evidence (nats) at run ``number``, and, since it was last zero, the first run, its hits and whose they were."""

    evidence: float = 0.0
    number: int = 0
    first: int = 0
    hits: int = 0
    by_owner: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class GreenRun:
    """One successful run: its number, whose it was, and how many owners had runs of late."""

    number: int
    owner: str
    owners: int


def with_hit(row: GreenRow, run: GreenRun, share: float) -> tuple[GreenRow, bool]:
    """Return the row after a hit, the runs between that were not hit allowed for, and whether that is too much."""
    raised = share + RISE
    misses = max(run.number - row.number - 1, 0)
    evidence = max(0.0, row.evidence + misses * log((1.0 - raised) / (1.0 - share)))
    row = replace(row, evidence=evidence, number=run.number) if evidence else GreenRow(number=run.number, first=run.number)
    step = log(raised / share)
    given = dict(row.by_owner)
    most = ceil(BOUND / step * _MOST_OF_OWNER)
    row = replace(row, hits=row.hits + 1)
    if run.owners > 1 and (given.get(run.owner, 0) >= most or (run.owner not in given and len(given) >= MAX_OWNERS)):
        return row, False
    given[run.owner] = given.get(run.owner, 0) + 1
    row = replace(row, evidence=round(row.evidence + step, 6), by_owner=tuple(sorted(given.items())[:MAX_OWNERS]))
    return row, row.evidence >= BOUND
