"""The document of Jenkins' Notification plugin to records: a build's begin, its end, and the lines of its log that come along."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from console.gateway.answers import Taken
from console.gateway.jobs import ended, provenance_of
from console.gateway.logs import Place, chunks_of
from console.gateway.reading import Doc, inside, need_text, object_in, read_object, text_in
from console.gateway.received import Received
from schemas.events import JobStarted, LogChunk, Origin, Trust
from schemas.vocabulary import Result, result_from_word

SOURCE = "jenkins"
_MEMBER = re.compile(r"job/([^/]+)")
_RESULTS = {"unstable": Result.FAILURE, "aborted": Result.CANCELLATION, "not_built": Result.SKIP}


def translate(received: Received, origin: Origin) -> Taken:
    """Return what a notification becomes; raises UsageError for a document that lacks what it must hold."""
    doc = read_object(received.body)
    build, phase = object_in(doc, "build"), text_in(doc, "build", "phase").upper()
    name, began = need_text(doc, "name"), _time(build) or received.at
    started = JobStarted(
        source=SOURCE,
        # Jobs in folders have the folders in their address only.
        project="/".join(_MEMBER.findall(text_in(doc, "url"))) or name,
        run_id=need_text(doc, "build", "number"),
        attempt=1,
        workflow="",
        job=name,
        commit=text_in(build, "scm", "commit"),
        branch=text_in(build, "scm", "branch"),
        trigger="",
        started_at=began,
        url=text_in(build, "full_url"),
        provenance=provenance_of(origin, Trust.UNKNOWN, ""),
    )
    if phase == "STARTED":
        return Taken((started,))
    # Both phases of the end are sent; their records have the same ids.
    if phase not in {"COMPLETED", "FINALIZED"}:
        return Taken(ignored=f"a build in the phase {phase[:60] or 'nothing'} has neither begun nor ended")
    status = text_in(build, "status").lower()
    result = _RESULTS.get(status) or result_from_word(status)
    chunks = _log(build, started, received)
    return Taken((*chunks, ended(started, result, began + _duration(build), log_chunks=len(chunks) or None)))


def _log(build: Doc, started: JobStarted, received: Received) -> tuple[LogChunk, ...]:
    text = inside(build, "log")
    if not isinstance(text, str) or not text:
        return ()
    place = Place(started.source, started.project, started.run_id, started.job, started.attempt)
    return chunks_of(place, text, received.at, started.provenance)


def _time(build: Doc) -> datetime | None:
    found = inside(build, "timestamp")
    is_time = isinstance(found, int) and 0 < found < 10**14
    return datetime.fromtimestamp(int(str(found)) / 1000, UTC) if is_time else None


def _duration(build: Doc) -> timedelta:
    found = inside(build, "duration")
    return timedelta(milliseconds=found) if isinstance(found, int) and 0 <= found < 10**10 else timedelta()
