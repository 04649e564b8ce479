"""Detections of CI runs: a failed job opens one incident, what our re-run caused becomes its update; used by ``streams/classify.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from schemas.ids import id_of
from schemas.incidents import Detection, RunRef, UpdateCause
from schemas.outputs import Emit, Output
from schemas.vocabulary import Kind, Result
from streams.classified import Classified
from streams.incident_book import BookRow, IncidentBook
from streams.opening import Stamp, enter_incident, open_incident, update_of
from streams.storms import Storms, is_vouched_for


def on_run_failed(book: IncidentBook, detection: Detection, classified: Classified, stamp: Stamp, storms: Storms) -> Sequence[Output]:
    """Open an incident of a failed attempt, unless a known incident explains it; and the one above it when it makes a storm."""
    run = detection.run
    for name, row in book.of_run(run) if run else ():
        known = row.incident.run
        if known is None or run is None:
            continue
        if row.caused_attempt(run.attempt):
            # Another job of the caused attempt is no evidence on whether the re-run job failed in the same way.
            if known.job != run.job:
                return [Emit(update_of(name, UpdateCause.EVIDENCE, detection))]
            told = Emit(update_of(name, UpdateCause.EVIDENCE, detection, classified))
            return [*_failed_again(book, row, detection, classified, stamp, storms), told]
        if (known.job, known.attempt) == (run.job, run.attempt):
            return [Emit(update_of(name, UpdateCause.EVIDENCE, detection, classified))] if row.is_open else ()
    opened = open_incident((detection,), classified, detection.target, stamp)
    if book.rows.get(id_of(opened)):
        return ()
    member, parent = storms.join(opened, classified.upstream, stamp.now)
    above = enter_incident(book, parent, (), stamp) if parent else ()
    return [*above, *enter_incident(book, member, (), stamp)]


def _failed_again(
    book: IncidentBook, row: BookRow, detection: Detection, classified: Classified, stamp: Stamp, storms: Storms
) -> Sequence[Output]:
    """Open the storm that re-runs make which fail alike: an upstream that fell again is no less an outage because its jobs are known."""
    again = open_incident((detection,), classified, detection.target, stamp)
    _, parent = storms.join(replace(again, origin_key=row.incident.origin_key), classified.upstream, stamp.now)
    return enter_incident(book, parent, (), stamp) if parent else ()


def on_run_passed(book: IncidentBook, detection: Detection, run: RunRef) -> Sequence[Output]:
    """Tell the open incidents of the job that a later attempt passed: ours is evidence, somebody else's resolves.

    A green run of the same job on the same commit resolves those of other runs too, as far as no command of ours runs.
    """
    outputs: list[Output] = []
    resolved: list[str] = []
    for name, row in book.of_run(run):
        if _ends_with_a_success(row) and _is_earlier(row, run):
            cause = UpdateCause.EVIDENCE if row.caused_attempt(run.attempt) else UpdateCause.RESOLVED
            resolved += [name] if cause is UpdateCause.RESOLVED else []
            passed = Classified(row.incident.kind, row.incident.confidence)
            outputs.append(Emit(update_of(name, cause, detection, passed, Result.SUCCESS)))
    if is_vouched_for(detection.provenance):
        others = ((name, row) for name, row in book.of_commit(run) if _ends_with_a_success(row) and not row.running)
        over = [name for name, row in others if detection.last_at > row.incident.opened_at]
        resolved += over
        outputs += [Emit(update_of(name, UpdateCause.RESOLVED, detection, result=Result.SUCCESS)) for name in over]
    for name in resolved:
        book.left_alone.end(name)
    return outputs


def _ends_with_a_success(row: BookRow) -> bool:
    """Tell whether a success is the end of an incident; that the job passes too is what makes a test flaky."""
    return row.is_followed() and row.incident.kind is not Kind.FLAKY_TEST


def _is_earlier(row: BookRow, run: RunRef) -> bool:
    known = row.incident.run
    return known is not None and known.job == run.job and known.attempt < run.attempt
