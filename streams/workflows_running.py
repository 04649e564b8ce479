"""Which CI workflows run on targets just now, from the detections of ``detectors/workflow.py``.

The door holds actions back by it (``holds.py``); ``deployments`` is the count that the risk score asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.incidents import WORKFLOW, Detection, DetectionStatus
from schemas.windows import Subject, names
from streams.rows import Rows

MAX_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Running:
    """One run of a workflow on one target: it counts until its end is seen, and never beyond ``until``."""

    run: str
    rule: str
    target: str
    deployment: bool
    until: datetime
    is_over: bool = False


class WorkflowsRunning:
    """Rows by run and target; one that is over stays until ``until``, so that a start which comes again says nothing."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot."""
        self.rows = Rows("running/", Running, MAX_ROWS)
        self.rows.load(entries)

    def note(self, detection: Detection, now: datetime) -> None:
        """Take a detection in; what is none of a workflow, or of one that must be over by now, changes nothing."""
        if detection.detector != WORKFLOW:
            return
        signals = dict(detection.signals)
        # A start in the future begins now: its end is awaited no longer for it.
        until = min(detection.first_at, now) + timedelta(seconds=float(signals["longest_s"]))
        key = f"{signals['run']}|{detection.target}"
        known = self.rows.get(key)
        if detection.status is DetectionStatus.RESOLVED and known is not None:
            self.rows.put(key, replace(known, is_over=True))
        elif known is None and now < until:
            is_over = detection.status is DetectionStatus.RESOLVED
            self.rows.put(key, Running(signals["run"], signals["rule"], detection.target, signals["deployment"] == "true", until, is_over))

    def on(self, subject: Subject, now: datetime) -> Running | None:
        """Return the run that keeps a target longest, None when none does."""
        found = [row for row in self.rows.values() if _counts(row, now) and names(row.target, subject)]
        return max(found, key=lambda row: row.until, default=None)

    def deployments(self, now: datetime, subject: Subject | None = None) -> int:
        """Return how many deployments run, on a target or anywhere."""
        running = (row for row in self.rows.values() if row.deployment and _counts(row, now))
        return len({row.run for row in running if subject is None or names(row.target, subject)})

    def forget_old(self, now: datetime) -> None:
        """Drop what nobody waits for any more."""
        for key, row in self.rows.items():
            if row.until <= now:
                self.rows.drop(key)


def _counts(row: Running, now: datetime) -> bool:
    return not row.is_over and now < row.until
