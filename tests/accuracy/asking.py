"""The four ways of asking: the text as it is or without its verdict lines, with or without the job's conclusion; each log is read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from learning.classification import Recognizer, classify_read
from learning.reading import LogRead, read_log
from tests.accuracy.scores import Judged
from tests.accuracy.splits import Labelled, without_verdict


@dataclass(frozen=True, slots=True)
class Way:
    """One way of asking."""

    keeps_verdict: bool
    has_conclusion: bool

    @property
    def name(self) -> str:
        """Return its name in figures and tables."""
        return f"{'as it is' if self.keeps_verdict else 'no verdict'}{', conclusion' if self.has_conclusion else ''}"


WAYS = tuple(Way(keeps, has) for keeps in (True, False) for has in (False, True))


@dataclass(frozen=True, slots=True)
class Asked:
    """One labelled log as it was read, in one way of asking."""

    row: Labelled
    read: LogRead
    way: Way

    def judge(self, recognizer: Recognizer) -> Judged:
        """Return what is said of it beside its label."""
        return Judged(self.row.kind, classify_read(self.read, self.row.result if self.way.has_conclusion else None, recognizer))


def ask(rows: Sequence[Labelled], recognizer: Recognizer) -> dict[Way, list[Asked]]:
    """Return the logs of a split, read, by way of asking."""
    found: dict[Way, list[Asked]] = {way: [] for way in WAYS}
    for row in rows:
        for keeps_verdict in (True, False):
            read = read_log(row.text if keeps_verdict else without_verdict(row.text), recognizer.matcher)
            for has_conclusion in (False, True):
                way = Way(keeps_verdict, has_conclusion)
                found[way].append(Asked(row, read, way))
    return found
