"""CI workflows that run on targets: one Detection when such a run begins and one when it is over; they open nothing.

Two kinds count: workflows that the policy names as touching targets, and a later attempt of a job, which somebody started by hand. What a
fork's events say is not believed. The readers are ``streams/workflows_running.py`` at the door and in the risk score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from schemas.configuration import Configuration
from schemas.events import JobFinished, JobStarted, Trust, WorkflowFinished
from schemas.ids import from_micros, id_of, micros
from schemas.incidents import WORKFLOW, Detection, DetectionStatus, EvidenceRef
from schemas.outputs import Count, Emit, Output, Place
from streams.detectors.shelf import Shelf

MAX_RUNS = 10_000
# Between two jobs of a workflow nothing runs: only when no further one begins for so long, and no end was told, is it over.
SETTLE_S = 60.0
# Somebody's re-run by hand counts for at most so long, as for a decision that waits.
RERUN_S = 3600.0
RERUN = "rerun"
_MICROS = 1_000_000
_RunEvent = JobStarted | JobFinished | WorkflowFinished


@dataclass(frozen=True, slots=True)
class RunSeen:
    """One run attempt of a workflow, or one attempt of a job: what it touches, the jobs that began and ended, and what was told.

    ``began_at`` and ``touched_at`` in microseconds, the latter of our clock.
    """

    rule: str
    targets: tuple[str, ...]
    deployment: bool
    longest_s: float
    began_at: int
    touched_at: int
    started: tuple[str, ...] = ()
    finished: tuple[str, ...] = ()
    is_told: bool = False
    is_over: bool = False
    last: EvidenceRef = EvidenceRef("", 0, 0)


class Workflows:
    """Keeps the runs that count on the shelf ``workflow/``; an event seen before changes nothing."""

    def __init__(self, configuration: Configuration) -> None:
        """Start empty."""
        self._rules = configuration.policy.workflows
        self._services = configuration.services
        self.seen: Shelf[RunSeen] = Shelf("workflow/", RunSeen, MAX_RUNS)

    def load(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.seen.load(entries)

    def on_started(self, event: JobStarted, place: Place, now: datetime) -> Sequence[Output]:
        """Take a job's start in: the first one of a run that counts is told."""
        outputs: list[Output] = []
        for key, row in self._runs_of(event, event.started_at, now):
            if row.is_over or event.job in row.started:
                continue
            grown = replace(row, started=(*row.started, event.job), touched_at=micros(now), last=_ref(event, place))
            begins = not row.is_told and event.job not in row.finished
            self.seen.put(key, replace(grown, is_told=row.is_told or begins))
            outputs += self._told(DetectionStatus.FIRING, key, grown) if begins else ()
        return outputs

    def on_finished(self, event: JobFinished, place: Place, now: datetime) -> Sequence[Output]:
        """Take a job's end in: a re-run by hand is over with it, a workflow perhaps."""
        outputs: list[Output] = []
        for key, row in self._runs_of(event, event.started_at or event.finished_at, now):
            if row.is_over or event.job in row.finished:
                continue
            grown = replace(row, finished=(*row.finished, event.job), touched_at=micros(now), last=_ref(event, place))
            self.seen.put(key, grown)
            outputs += self._end(key, grown) if row.rule == RERUN else ()
        return outputs

    def on_workflow_finished(self, event: WorkflowFinished, place: Place, now: datetime) -> Sequence[Output]:
        """Take a workflow's end in: whatever is still to come of this run, it is over."""
        outputs: list[Output] = []
        for key, row in self._runs_of(event, event.started_at or event.finished_at, now):
            if not row.is_over:
                outputs += self._end(key, replace(row, touched_at=micros(now), last=_ref(event, place)))
        return outputs

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Tell the workflows whose jobs have all ended for a while; forget what was not heard of for longer than it may last."""
        outputs: list[Output] = []
        for key, row in list(self.seen.rows.items()):
            quiet_s = (micros(now) - row.touched_at) / _MICROS
            if row.is_told and not row.is_over and quiet_s >= SETTLE_S and set(row.started) <= set(row.finished):
                outputs += self._end(key, row)
            elif quiet_s >= max(row.longest_s, SETTLE_S):
                self.seen.drop(key)
        return outputs

    def _runs_of(self, event: _RunEvent, began: datetime, now: datetime) -> Sequence[tuple[str, RunSeen]]:
        """Return the runs that an event is about, if they count, as they are known so far."""
        if event.provenance.trust is Trust.FORK:
            return ()
        run = f"{event.source}/{event.project}/{event.run_id}"
        at = (micros(began), micros(now))
        found = [
            (f"{run}/{event.attempt}|{rule.name}", RunSeen(rule.name, rule.targets, rule.deployment, rule.longest_s, *at))
            for rule in self._rules
            if (rule.project, rule.workflow) == (event.project, event.workflow) and rule.source in {"", event.source}
        ]
        if event.attempt > 1 and not isinstance(event, WorkflowFinished):
            target = f"job:{run}/{event.job}"
            found.append((f"{run}/{event.attempt}/{event.job}|{RERUN}", RunSeen(RERUN, (target,), False, RERUN_S, *at)))
        return [(key, self.seen.rows.get(key, fresh)) for key, fresh in found]

    def _end(self, key: str, row: RunSeen) -> Sequence[Output]:
        # It is remembered although it is over: a start that comes after its end, or comes twice, then says nothing.
        self.seen.put(key, replace(row, is_over=True))
        return self._told(DetectionStatus.RESOLVED, key, row) if row.is_told else ()

    def _told(self, status: DetectionStatus, key: str, row: RunSeen) -> Sequence[Output]:
        at, touched = from_micros(row.began_at), from_micros(row.touched_at)
        signals = (("run", key), ("rule", row.rule), ("deployment", str(row.deployment).lower()), ("longest_s", f"{row.longest_s:g}"))
        found = [
            Detection(
                status=status,
                target=target,
                scope=self._services.scope_of(target),
                detector=WORKFLOW,
                complete=True,
                first_at=at,
                last_at=max(at, touched),
                severity="info",
                evidence=(row.last,),
                signals=signals,
            )
            for target in row.targets
        ]
        return [*map(Emit, found), Count("healstream_detections_total", (("kind", "success"), ("detector", WORKFLOW)), len(found))]


def _ref(event: _RunEvent, place: Place) -> EvidenceRef:
    return EvidenceRef(place.topic, place.partition, place.offset, id_of(event))
