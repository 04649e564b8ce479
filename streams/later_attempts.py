"""Failed attempts of a run of which nobody can tell yet whether a command of ours caused them; used by ``streams/classify.py``.

What a command caused opens no incident, and that it was given stands on ``heal.admissions``, a topic that may be read later than the
failure that it led to. No order of reading and no wait by a clock tells the two apart; the run's open incident does: it learns of its
commands one by one, from their admissions or from their outcomes, and at its end it knows them all. Until either has come the attempt
waits here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.ids import id_of
from schemas.incidents import Detection
from streams.incident_book import IncidentBook
from streams.rows import Rows

# Each holds a log's hits and its tail. Beyond this many an attempt is judged by what is known, as if its run's incident had ended.
MAX_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class LaterAttempt:
    """One detection that waits."""

    detection: Detection


class LaterAttempts:
    """Rows by detection, in the order of their coming."""

    def __init__(self, entries: Mapping[str, str], bound: int = MAX_ROWS) -> None:
        """Begin again from a snapshot."""
        self.rows = Rows("later/", LaterAttempt, bound)
        self.rows.load(entries)
        self._bound = bound

    def keep(self, book: IncidentBook, detection: Detection) -> bool:
        """Keep a detection that cannot be judged yet; tell whether it is kept."""
        if len(self.rows) >= self._bound or not _may_be_ours(book, detection):
            return False
        self.rows.put(id_of(detection), LaterAttempt(detection))
        return True

    def take_due(self, book: IncidentBook) -> Iterator[Detection]:
        """Take out what can be judged now, one by one, because an incident that the first opens may explain the second."""
        for name, row in self.rows.items():
            if not _may_be_ours(book, row.detection):
                self.rows.drop(name)
                yield row.detection


def _may_be_ours(book: IncidentBook, detection: Detection) -> bool:
    """Tell whether no incident of its run explains a failed attempt yet, and an open one still may."""
    run = detection.run
    rows = [row for _, row in book.of_run(run)] if run else []
    return run is not None and any(row.may_have_caused(run) for row in rows) and not any(row.explains(run) for row in rows)
