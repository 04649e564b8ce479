"""CI log chunks joined with their job's result: one Detection per run attempt and job, whatever the order of its chunks.

A run is complete when its JobFinished is there, its last chunk is known and no chunk is missing; else it waits ``incomplete_wait_s`` by
our clock. How the evidence of one run is gathered stands in ``run_evidence.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from learning import green_hits
from learning.structure import Structure, to_signals
from schemas.door import redact
from schemas.events import JobFinished, LogChunk
from schemas.ids import content_id, from_micros, id_of, micros
from schemas.incidents import Detection, DetectionStatus, EvidenceRef, Feature, HitSeen, RunRef
from schemas.outputs import Count, Emit, Late, Observe, Output, Place
from schemas.vocabulary import FAILED_RESULTS, Kind, Result
from streams.detectors.run_evidence import (
    ChunkSeen,
    Evidence,
    LogMatcher,
    RunEnd,
    add_chunk,
    close_evidence,
    is_complete,
    new_evidence,
    structure_in,
    tail_of,
    unexplained_in,
)
from streams.detectors.shelf import Shelf
from streams.steady_time import SteadyTime

FeaturesOf = Callable[[tuple[HitSeen, ...], Structure, Result | None], tuple[Feature, ...]]

RUN_AGE_S = 6 * 3600.0
MAX_RUNS = 10_000
MAX_DONE = 50_000
MAX_SOURCES = 20
_SWEEP_EVERY = 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Done:
    """A run attempt that has had its Detection; ``at`` in microseconds of our clock; later chunks are late."""

    at: int
    failed: bool


@dataclass(frozen=True, slots=True)
class LogRules:
    """What the detector goes by."""

    matcher: LogMatcher
    features_of: FeaturesOf
    incomplete_wait_s: float
    secrets: tuple[str, ...] = ()


class JobLog:
    """Gathers evidence per run; its shelves are ``run/`` (open ones) and ``done/``."""

    def __init__(self, rules: LogRules) -> None:
        """Start empty."""
        self._rules = rules
        self.runs: Shelf[Evidence] = Shelf("run/", Evidence, MAX_RUNS)
        self.done: Shelf[Done] = Shelf("done/", Done, MAX_DONE)
        self._swept_at = 0
        self._waiting: dict[str, int] = {}
        self._time = SteadyTime()

    def load(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.runs.load(entries)
        self.done.load(entries)
        self._waiting = {key: row.end.received_at for key, row in self.runs.rows.items() if row.end is not None}

    def on_chunk(self, chunk: LogChunk, place: Place, now: datetime, traceparent: str) -> Sequence[Output]:
        """Take one chunk in; a chunk seen before changes nothing."""
        key = _key(chunk)
        done = self.done.rows.get(key)
        if done is not None:
            # A success was told at once, without its log: there is nothing that its chunks came too late for.
            return (Late(chunk, "the run has been detected already"),) if done.failed else ()
        row = self.runs.rows.get(key) or new_evidence(place.partition, micros(chunk.at), traceparent)
        grown = add_chunk(row, chunk, ChunkSeen(place.offset, micros(self._time.after(now))), self._rules.matcher, self._rules.secrets)
        if grown is None:
            return ()
        self.runs.put(key, grown)
        return self._close_if_complete(key, now)

    def on_finished(self, event: JobFinished, place: Place, now: datetime, traceparent: str) -> Sequence[Output]:
        """Take the job's end in; a success is told at once, a failure when its log is whole."""
        key = _key(event)
        if key in self.done.rows:
            return ()
        row = self.runs.rows.get(key) or new_evidence(place.partition, micros(event.started_at or event.finished_at), traceparent)
        if row.end is not None:
            return ()
        ref = EvidenceRef(place.topic, place.partition, place.offset, id_of(event))
        at = micros(self._time.after(now))
        end = RunEnd(_run_ref(event), event.result, micros(event.finished_at), at, event.log_chunks, ref, event.provenance)
        first_at = micros(event.started_at) if event.started_at else row.first_at
        self.runs.put(key, replace(row, end=end, first_at=first_at, touched_at=at, traceparent=row.traceparent or traceparent))
        self._waiting[key] = at
        return self._close_if_complete(key, now)

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Tell the runs whose log did not become whole in time, and forget the runs that never ended."""
        at = micros(self._time.after(now))
        waited = int(self._rules.incomplete_wait_s * 1_000_000)
        # Received by a clock that was set back while this was not running, a run waits from now on.
        self._waiting = {key: min(since, at) for key, since in self._waiting.items()}
        due = [key for key, since in self._waiting.items() if at - since >= waited]
        outputs = [output for key in due for output in self._close(key, now)]
        if at - self._swept_at < _SWEEP_EVERY:
            return outputs
        self._swept_at = at
        oldest = at - int(RUN_AGE_S * 1_000_000)
        for key in [key for key, row in self.done.rows.items() if row.at < oldest]:
            self.done.drop(key)
        for key in [key for key, row in self.runs.rows.items() if row.touched_at < oldest]:
            self.runs.drop(key)
            outputs.append(Count("healstream_events_rejected_total", (("source", key.partition("/")[0]), ("reason", "run_never_ended"))))
        return outputs

    def _close_if_complete(self, key: str, now: datetime) -> Sequence[Output]:
        row = self.runs.rows[key]
        if row.end is None:
            return ()
        return self._close(key, now) if row.end.result not in FAILED_RESULTS or is_complete(row) else ()

    def _close(self, key: str, now: datetime) -> Sequence[Output]:
        row = self.runs.rows.get(key)
        self._waiting.pop(key, None)
        if row is None or row.end is None:
            return ()
        failed = row.end.result in FAILED_RESULTS
        self.runs.drop(key)
        self.done.put(key, Done(micros(now), failed))
        detection = self._detection(row, row.end, failed=failed)
        judged = [hit for hit in detection.hits if not hit.shadow]
        kind = judged[-1].kind if judged else Kind.UNKNOWN if failed else Kind.SUCCESS
        return (
            Emit(detection),
            Count("healstream_detections_total", (("kind", kind.value), ("detector", "job_log"))),
            Observe(
                "healstream_detection_latency_seconds", max((now - detection.last_at).total_seconds(), 0.0), trace=detection.traceparent
            ),
        )

    def _detection(self, row: Evidence, end: RunEnd, *, failed: bool) -> Detection:
        # Of a success too: what hits there tells which patterns are too broad.
        closed = close_evidence(row, self._rules.matcher, self._rules.secrets) if failed or row.pieces else row
        hits = tuple(replace(found.hit, line=found.line) for found in closed.hits) if failed else ()
        structure = structure_in(closed) if failed else Structure()
        passed = green_hits.to_signals(found.hit for found in closed.hits) if closed.spans and not failed else ()
        explaining = (hit for hit in hits if not hit.shadow and hit.pattern not in self._rules.matcher.hints)
        # Redacted again: a secret that a chunk's border cut in two has passed the door in halves.
        signals = (("tail", redact(tail_of(closed), self._rules.secrets)), *to_signals(structure)) if failed else passed
        run = end.run
        target = f"job:{run.source}/{run.project}/{run.run_id}/{run.job}"
        sources = sorted((at for at in row.sources if failed), key=lambda at: at.seq)[-MAX_SOURCES:]
        chunks = (EvidenceRef("ci.logs", row.partition, at.offset, _chunk_id(run, at.seq)) for at in sources)
        return Detection(
            status=DetectionStatus.FIRING if failed else DetectionStatus.SUMMARY,
            target=target,
            scope=f"run:{run.source}/{run.project}/{run.run_id}",
            detector="job_log",
            complete=is_complete(row),
            first_at=from_micros(min(row.first_at, end.finished_at)),
            last_at=from_micros(end.finished_at),
            severity="warning" if failed else "info",
            evidence=(end.ref, *chunks),
            hits=hits,
            features=self._rules.features_of(hits, structure, end.result) if failed else (),
            signals=signals,
            run=run,
            result=end.result,
            provenance=row.provenance_with(end),
            traceparent=row.traceparent or _traceparent(target, run.attempt),
            unexplained=unexplained_in(explaining, structure, self._rules.secrets) if failed else (),
        )


def _key(event: LogChunk | JobFinished) -> str:
    return f"{event.source}/{event.project}/{event.run_id}/{event.attempt}/{event.job}"


def _chunk_id(run: RunRef, seq: int) -> str:
    return content_id(LogChunk.RECORD, run.source, run.project, run.run_id, run.attempt, run.job, seq)


def _traceparent(target: str, attempt: int) -> str:
    # A producer that sends none still gets one trace from its event to its outcome, the same after a replay.
    trace = content_id("trace", target, attempt)
    return f"00-{trace}-{trace[:16]}-01"


def _run_ref(event: JobFinished) -> RunRef:
    return RunRef(
        source=event.source,
        project=event.project,
        run_id=event.run_id,
        attempt=event.attempt,
        job=event.job,
        workflow=event.workflow,
        commit=event.commit,
        branch=event.branch,
        trigger=event.trigger,
        runner=event.runner,
        url=event.url,
    )
