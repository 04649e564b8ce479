"""The process that reports: ``python -m console.report_runs`` runs the report desk in the fenced loop and writes what it has ready.

A root. A report is written only after the transaction that holds it is committed, and taken from the state with the first transaction
after the server took it; what was written before is found again, so that a crash between the two writes nothing twice. Started by
``system.py`` when a CI server of ``services.yaml`` has ``reports``.
"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue

import structlog

from console.configuration import load_notices
from console.followed import Followed
from console.github.desk import Report, ReportDesk, ReportRules, Written
from console.github.wording import CheckText, IssueText
from infra.adapters.ci_answers import Heard, Trouble
from infra.adapters.ci_login import CiLogins
from infra.adapters.ci_reports import CiReports, Put, when
from infra.catalogue_reader import read_configuration
from infra.fenced_loop import FencedLoop, LoopPlan
from infra.kafka import ready_codec
from infra.metrics import Metrics, MetricsServer
from infra.settings import WorkerSettings
from infra.topics_admin import require_topics
from infra.until_told import run_until_told
from schemas.ids import Record
from schemas.outputs import Output, Place, StageLogic

INPUTS = ("heal.incidents", "heal.decisions", "recovery.outcomes")
STATE = "heal.state.report"
# Who writes quicker than this meets the limits that no header tells of.
PACE_S = 1.0
# An issue is made after its incident was opened; clocks differ.
_SKEW = timedelta(minutes=10)
log = structlog.get_logger("report")


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a report."""

    report: Report
    found: Written | Trouble


class Writer:
    """One thread that writes one report after the other; outlives the desk, so that none is written twice side by side."""

    def __init__(self, reports: CiReports, pace_s: float = PACE_S) -> None:
        """Begin with nothing to write."""
        self._reports = reports
        self._pace_s = pace_s
        self._asked: SimpleQueue[Report | None] = SimpleQueue()
        self._came: SimpleQueue[Came] = SimpleQueue()
        self._under_way: set[str] = set()
        self._ending = threading.Event()
        threading.Thread(target=self._write_all, name="writer", daemon=True).start()

    def offer(self, report: Report) -> None:
        """Write a report unless one of its incident is under way."""
        if report.incident_id not in self._under_way:
            self._under_way.add(report.incident_id)
            self._asked.put(report)

    def results(self) -> list[Came]:
        """Return what came of reports since the last call."""
        found: list[Came] = []
        try:
            while True:
                found.append(self._came.get_nowait())
        except Empty:
            self._under_way -= {one.report.incident_id for one in found}
            return found

    def close(self) -> None:
        """End after what is written now."""
        self._ending.set()
        self._asked.put(None)

    def _write_all(self) -> None:
        while (report := self._asked.get()) is not None and not self._ending.is_set():
            try:
                found = self._write(report)
            except Exception as error:  # noqa: BLE001 - the one total catch of this shell: a defect costs one report, and is said
                found = Trouble(Heard.REFUSED, f"a mistake of ours: {type(error).__name__}: {error}")
            self._came.put(Came(report, found))
            self._ending.wait(self._pace_s)

    def _write(self, report: Report) -> Written | Trouble:
        check, issue = Put(report.check_id), Put(report.issue_number)
        if report.check is not None:
            found = self._reports.put_check(report.server, report.project, check_body(report.check), report.check_id)
            if isinstance(found, Trouble):
                return found
            check = found
            self._ending.wait(self._pace_s if report.issue else 0.0)
        if report.issue is not None:
            body = issue_body(report.issue, report.opened_at)
            found = self._reports.put_issue(report.server, report.project, body, report.issue.marker, report.issue_number)
            if isinstance(found, Trouble):
                return found
            issue = found
        return Written(check.number, issue.number, max(check.pause_s, issue.pause_s))


def check_body(check: CheckText) -> dict[str, object]:
    """Return a check run as the server reads it."""
    ended = {"status": "completed", "conclusion": check.conclusion} if check.conclusion else {"status": "in_progress"}
    named = {"name": check.name, "head_sha": check.commit, "external_id": check.incident_id}
    link = {"details_url": check.details_url} if check.details_url else {}
    return {**named, **ended, **link, "output": {"title": check.title, "summary": check.summary}}


def issue_body(issue: IssueText, opened_at: datetime) -> dict[str, object]:
    """Return an issue as the server reads it, with since when one of its incident may be there."""
    return {"title": issue.title, "body": issue.body, "state": issue.state, "since": when(opened_at - _SKEW)}


class Courier:
    """The desk with its writer: what the desk has ready is written, and what came of it goes back."""

    def __init__(self, desk: ReportDesk, writer: Writer, stop: threading.Event) -> None:
        """Put the two together."""
        self.desk = desk
        self._writer = writer
        self._stop = stop

    def go_by(self, rules: ReportRules) -> None:
        """Go by these rules from now on."""
        self.desk.rules = rules

    def on_event(self, event: Record, place: Place, now: datetime) -> Sequence[Output]:
        """Take one record in."""
        return self.desk.on_event(event, place, now)

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Note what was taken, and write what the last transaction holds."""
        outputs = [output for came in self._writer.results() for output in self._note(came, now)]
        for report in self.desk.ready(now) if not self._stop.is_set() else []:
            self._writer.offer(report)
        return [*outputs, *self.desk.on_tick(now)]

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the entries changed since the last call."""
        return self.desk.take_changes()

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        return self.desk.snapshot()

    def _note(self, came: Came, now: datetime) -> Sequence[Output]:
        report, told = came.report, {"incident": came.report.incident_id, "project": came.report.project}
        if isinstance(came.found, Written):
            log.info("report written", **told, check=came.found.check_id, issue=came.found.issue_number)
            return self.desk.written(report, came.found, now)
        outputs = self.desk.refused(report, came.found, now)
        if outputs:
            log.error("report given up", **told, why=came.found.why, next="`healstream incident explain` shows the incident")
        else:
            log.warning("report not taken", **told, why=came.found.why, next="it is kept and tried again")
        return outputs


def rules_now(settings: WorkerSettings) -> ReportRules:
    """Return what the catalogue and the folder say now; raises HealstreamError."""
    services = read_configuration(settings.brokers, settings.publisher_key).services
    has_folder = (settings.config / "healstream.yaml").exists()
    return ReportRules(services, load_notices(settings.config).base_url if has_folder else "")


def serve(settings: WorkerSettings, stop: threading.Event) -> None:
    """Run until ``stop``; raises what ended the loop."""
    require_topics(settings.brokers)
    metrics, rules, writer = Metrics(), Followed("report", partial(rules_now, settings)), Writer(CiReports(CiLogins()))

    def stage(entries: Mapping[str, str], epoch: int) -> StageLogic[Record]:
        del epoch
        courier = Courier(ReportDesk(entries, rules.now, random.SystemRandom().random), writer, stop)
        rules.heard = courier.go_by
        return courier

    loop = FencedLoop(LoopPlan("report", INPUTS, STATE, stage), settings.brokers, ready_codec(settings.brokers), metrics)
    server = MetricsServer(metrics, settings.metrics_port, lambda: "" if loop.owns else "waiting to own the reports")
    server.start()
    rules.start(stop)
    log.info("report started", servers=sum(bool(row.reports) for row in rules.now.services.ci), restart="goes on from its stored state")
    try:
        loop.run(stop)
    finally:
        stop.set()
        writer.close()
        server.stop()


def main() -> int:
    """Run until SIGTERM; return the exit code."""
    stop = threading.Event()
    return run_until_told("report", partial(serve, stop=stop), stop.set)


if __name__ == "__main__":
    sys.exit(main())
