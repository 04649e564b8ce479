"""The report desk: incidents, decisions and outcomes of jobs in, check runs and issues to write out; a pure stage in the fenced loop.

What is to be written is a row of its state until the server has taken it: what the loop has committed is lost by no crash. What happened
before the desk's first start is not told. ``console/report_runs.py`` carries it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from console.github.cases import RunCase, after
from console.github.errands import wait_after
from console.github.wanted import server_of
from console.github.wording import CheckText, IssueText, check_text, issue_text
from infra.adapters.ci_answers import FINAL, Heard, Trouble
from schemas.decisions import Decision
from schemas.events import Origin, Trust
from schemas.ids import Record, id_of
from schemas.incidents import Incident
from schemas.outputs import Count, Output, Place
from schemas.recoveries import RecoveryOutcome
from schemas.services import CiReport, CiServer, Services
from streams.rows import Rows

MAX_CASES, MAX_DUE = 5_000, 2_000
GIVEN_UP_AFTER = timedelta(days=1)
_FIRST = "first"


@dataclass(frozen=True, slots=True)
class Due:
    """A report to write; ``revision`` rises with every record. ``is_free``: the transaction that holds it is over."""

    revision: int
    since: datetime
    not_before: datetime
    tries: int = 0
    is_free: bool = False


@dataclass(frozen=True, slots=True)
class Since:
    """When the first desk of this state began."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What to write of one incident: either may be None. ``check_id`` and ``issue`` are where it was written before, 0 for never."""

    incident_id: str
    revision: int
    server: CiServer
    project: str
    check: CheckText | None
    issue: IssueText | None
    check_id: int
    issue_number: int
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Written:
    """Where a report stands now, and for how long its server wants to be left alone."""

    check_id: int
    issue_number: int
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ReportRules:
    """The catalogue, and where the page is (empty when it is told nowhere)."""

    services: Services
    base_url: str = ""


class ReportDesk:
    """Takes records in, and gives out what is to be written until it is told that it was."""

    def __init__(self, entries: Mapping[str, str], rules: ReportRules, draw: Callable[[], float]) -> None:
        """Go on from the entries of an earlier desk."""
        self.rules = rules
        self._draw = draw
        self._cases = Rows("case/", RunCase, MAX_CASES)
        self._due = Rows("due/", Due, MAX_DUE)
        self._since = Rows("since/", Since, 1)
        self._pauses: dict[CiServer, datetime] = {}
        self._tables: tuple[Rows[Any], ...] = (self._cases, self._due, self._since)
        for table in self._tables:
            table.load(entries)

    def on_event(self, event: Record, place: Place, now: datetime) -> Sequence[Output]:
        """Take one record in."""
        del place
        if not isinstance(event, Incident | Decision | RecoveryOutcome):
            return ()
        name = id_of(event) if isinstance(event, Incident) else event.incident_id
        before = self._cases.get(name)
        case = after(before, event)
        if case is None:
            return ()
        if isinstance(event, Incident):
            case = _chained(name, case, event, self._cases.get(event.reopens) if event.reopens else None)
        self._cases.put(name, case)
        # An incident alone is no news yet: its decision follows at once.
        if case != before and (case.verdict or case.status) and _is_new(case, self._begun_at(now)):
            known = self._due.get(name)
            revision = known.revision + 1 if known else 1
            lost = self._due.put(name, Due(revision, known.since if known else now, now))
            return (_rejected("overflow"),) if lost else ()
        return ()

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Let what an earlier transaction has stored go."""
        self._begun_at(now)
        for name, due in self._due.items():
            if not due.is_free:
                self._due.put(name, replace(due, is_free=True))
        return ()

    def ready(self, now: datetime) -> list[Report]:
        """Return what to write now; what its settings let nothing be written of is dropped."""
        found = []
        for name, due in self._due.items():
            if not due.is_free or due.not_before > now:
                continue
            case = self._cases.get(name)
            if case is None or not case.is_of_a_run:
                # Its incident is read from another topic and may come later; without one there is nothing to say.
                if now - due.since > GIVEN_UP_AFTER:
                    self._due.drop(name)
                continue
            # A decision may be read before its incident, and only that tells how old both are.
            report = self._report(name, case, due) if _is_new(case, self._begun_at(now)) else None
            if report is None:
                self._due.drop(name)
            elif self._pauses.get(report.server, now) <= now:
                found.append(report)
        return found

    def written(self, report: Report, done: Written, now: datetime) -> Sequence[Output]:
        """Note that a report was taken; what came meanwhile is written anew."""
        case = self._cases.get(report.incident_id)
        if case is not None:
            self._cases.put(report.incident_id, replace(case, check_id=done.check_id, issue=done.issue_number))
        due = self._due.get(report.incident_id)
        if due is not None and due.revision == report.revision:
            self._due.drop(report.incident_id)
        self._pause(report.server, done.pause_s, now)
        return (Count("healstream_events_total", (("source", "report"), ("kind", "written"))),)

    def refused(self, report: Report, trouble: Trouble, now: datetime) -> Sequence[Output]:
        """Note that a report was not taken: it waits, or is given up, which is counted."""
        due = self._due.get(report.incident_id)
        self._pause(report.server, trouble.wait_s, now)
        if due is None:
            return ()
        # What is missing or gone now - an issue's tracker, a commit - is not there the next time either.
        if trouble.heard in FINAL or trouble.heard is Heard.MISSING or now - due.since > GIVEN_UP_AFTER:
            self._due.drop(report.incident_id)
            return (_rejected(trouble.heard.value),)
        wait = timedelta(seconds=wait_after(due.tries + 1, trouble, self._draw))
        self._due.put(report.incident_id, replace(due, tries=due.tries + 1, not_before=now + wait))
        return ()

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the entries changed since the last call."""
        return {name: text for table in self._tables for name, text in table.take_changes().items()}

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        return {name: text for table in self._tables for name, text in table.snapshot().items()}

    def _report(self, name: str, case: RunCase, due: Due) -> Report | None:
        server = server_of(self.rules.services, case.source, case.project)
        # What nobody vouches for could make us write anywhere and anything.
        if server is None or case.origin == Origin.UNSIGNED:
            return None
        check = check_text(name, case, self.rules.base_url) if CiReport.CHECKS in server.reports else None
        # Anybody may open a pull request from a fork, and with each of them an issue of ours.
        may_raise = CiReport.ISSUES in server.reports and case.trust != Trust.FORK and case.had_people
        issue = issue_text(name, case, self.rules.base_url) if may_raise else None
        if check is None and issue is None:
            return None
        return Report(name, due.revision, server, case.project, check, issue, case.check_id, case.issue, case.opened_at)

    def _begun_at(self, now: datetime) -> datetime:
        if (mark := self._since.get(_FIRST)) is None:
            mark = Since(now)
            self._since.put(_FIRST, mark)
        return mark.at

    def _pause(self, server: CiServer, pause_s: float, now: datetime) -> None:
        if pause_s > 0:
            self._pauses[server] = max(now + timedelta(seconds=pause_s), self._pauses.get(server, now))


def _chained(name: str, case: RunCase, incident: Incident, old: RunCase | None) -> RunCase:
    if old is None or case.root:
        return replace(case, root=case.root or incident.reopens or name)
    return replace(case, root=old.root or str(incident.reopens), issue=old.issue, had_people=old.had_people)


def _is_new(case: RunCase, begun_at: datetime) -> bool:
    return case.opened_at >= begun_at or (case.ended_at is not None and case.ended_at >= begun_at) or not case.is_of_a_run


def _rejected(reason: str) -> Count:
    return Count("healstream_events_rejected_total", (("source", "report"), ("reason", reason)))
