"""What several ends of one job on its main branch say together; kept by classify, which alone sees every run.

A test failure on a commit on which the job passed too is a flaky test. Two commits in a row on which the job failed, after one on which
it passed, are a main branch broken by the first of the two. Both are incidents of their own: the failures they are made of stay faults
of the code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.configuration import Configuration
from schemas.ids import content_id, id_of
from schemas.incidents import Detection, Incident, RunRef
from schemas.outputs import Output
from schemas.targets.trunk import trunk_of
from schemas.vocabulary import Group, Kind, Result, group_of
from streams.incident_book import IncidentBook
from streams.opening import Stamp, enter_incident
from streams.rows import Rows
from streams.storms import is_vouched_for

MAX_LINES, MAX_ENDS = 1_000, 30
# It is counted, not guessed; and yet an end that was never told may be missing.
CONFIDENCE = 0.95
_BROKEN_BY = (True, False, False)


@dataclass(frozen=True, slots=True)
class EndSeen:
    """One end of the job: a failure has the kind that its log showed."""

    run: RunRef
    passed: bool
    kind: Kind
    at: datetime


@dataclass(frozen=True, slots=True)
class LineRow:
    """The newest ends of one job on one main branch, in the order of their times."""

    ends: tuple[EndSeen, ...] = ()

    def on_commit(self, commit: str) -> list[EndSeen]:
        """Return the ends on one commit."""
        return [end for end in self.ends if end.run.commit == commit]

    def commits(self) -> list[str]:
        """Return the commits in the order of their first ends."""
        return list(dict.fromkeys(end.run.commit for end in self.ends))


class LineWatch:
    """Rows by job and main branch of the service catalogue."""

    def __init__(self, entries: Mapping[str, str], configuration: Configuration) -> None:
        """Begin again from a snapshot's entries."""
        self._trunks = configuration.services.trunks
        self.rows = Rows("line/", LineRow, MAX_LINES)
        self.rows.load(entries)

    def on_passed(self, book: IncidentBook, detection: Detection, stamp: Stamp) -> Sequence[Output]:
        """Take a success in: what failed on this very commit as a test did is flaky."""
        run, row = detection.run, self._with(detection, Kind.SUCCESS)
        if row is None or run is None or detection.result is not Result.SUCCESS:
            return ()
        red = next((end for end in reversed(row.on_commit(run.commit)) if end.kind is Kind.TEST_FAILURE), None)
        return _open(book, red, Kind.FLAKY_TEST, detection, stamp) if red else ()

    def on_failed(self, book: IncidentBook, detection: Detection, kind: Kind, stamp: Stamp) -> Sequence[Output]:
        """Take a failure in that is known to the book already: on this commit the job passed before, or it is the second in a row."""
        run, row = detection.run, self._with(detection, kind)
        if row is None or run is None:
            return ()
        ends = row.on_commit(run.commit)
        if kind is Kind.TEST_FAILURE and any(end.passed for end in ends):
            newest = next(end for end in reversed(ends) if not end.passed)
            return _open(book, newest, Kind.FLAKY_TEST, detection, stamp)
        broken = _first_of_two(row)
        return _open(book, broken, Kind.BRANCH_BROKEN, detection, stamp) if broken else ()

    def _with(self, detection: Detection, kind: Kind) -> LineRow | None:
        """Return the row with this end in it; none for what is no end of a main branch's job that anybody vouches for."""
        run = detection.run
        spec = trunk_of(detection.target, self._trunks) if run and run.commit else None
        if run is None or spec is None or run.branch != spec.base_branch or not is_vouched_for(detection.provenance):
            return None
        key = f"{run.source}/{run.project}/{run.job}@{run.branch}"
        end = EndSeen(run, kind is Kind.SUCCESS, kind, detection.last_at)
        known = self.rows.get(key) or LineRow()
        row = LineRow(tuple(sorted((*known.ends, end), key=lambda seen: seen.at))[-MAX_ENDS:])
        self.rows.put(key, row)
        return row


def _first_of_two(row: LineRow) -> EndSeen | None:
    """Return the failure on the first of exactly two commits that failed after one that passed, None when the ends say nothing so clear."""
    newest = [row.on_commit(commit) for commit in row.commits()[-3:]]
    passed = tuple(any(end.passed for end in ends) for ends in newest)
    of_code = all(group_of(end.kind) is Group.CODE for ends in newest[1:] for end in ends)
    return newest[1][0] if passed == _BROKEN_BY and of_code else None


def _open(book: IncidentBook, end: EndSeen, kind: Kind, detection: Detection, stamp: Stamp) -> Sequence[Output]:
    """Open the incident beside the one that the failure opened; only once for each failure."""
    rows = (row.incident for _, row in book.of_run(end.run))
    wanted = (end.run.job, end.run.attempt)
    failure = next((one for one in rows if one.run and (one.run.job, one.run.attempt) == wanted), None)
    if failure is None:
        return ()
    opened = _incident_of(failure, end, kind, detection, stamp)
    return () if book.rows.get(id_of(opened)) else enter_incident(book, opened, (), stamp)


def _incident_of(failure: Incident, end: EndSeen, kind: Kind, detection: Detection, stamp: Stamp) -> Incident:
    run = end.run
    words = {
        Kind.FLAKY_TEST: f"{run.job} failed and passed on commit {run.commit}",
        Kind.BRANCH_BROKEN: f"{run.job} fails since commit {run.commit}, and passed before it",
    }
    # Of one broken branch there is one incident, however often its first failure is repeated.
    key = (kind.value, run.source, run.project, run.job, run.commit, *((run.run_id, str(run.attempt)) if kind is Kind.FLAKY_TEST else ()))
    return replace(
        failure,
        origin_key=key,
        kind=kind,
        group=group_of(kind),
        confidence=CONFIDENCE,
        fingerprint=content_id("Fingerprint", kind, run.project, run.job),
        reasons=(words[kind], *failure.reasons),
        opened_at=detection.last_at,
        detected_at=max(stamp.now, detection.last_at),
        parent=None,
        # Not by the log, which only shows a fault of the code: by what the ends say together.
        may_act=True,
        traceparent=detection.traceparent,
    )
