"""CDEvents to records: pipeline runs, task runs, test suite runs and incidents; called by ``cloudevents.py``.

Source: CDEvents 0.4, "Core", "Testing" and "Continuous operations". Every version of a type is read by the fields that all have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from types import MappingProxyType

from console.gateway.jobs import ended, provenance_of, run_ended
from console.gateway.logs import Place, chunks_of
from console.gateway.reading import Doc, inside, need_text, object_in, text_in, time_in
from schemas.events import Alert, AlertStatus, Event, JobStarted, Origin, Trust
from schemas.vocabulary import Result, result_from_word

SOURCE = "cdevents"
MAX_CAUSE_LETTERS = 64_000
_TYPE = re.compile(r"dev\.cdevents\.(?P<subject>[a-z]+)\.(?P<predicate>[a-z]+)\..+")
_RESULTS = {"pass": Result.SUCCESS, "fail": Result.FAILURE, "cancel": Result.CANCELLATION, "canceled": Result.CANCELLATION}


def records_of(kind: str, doc: Doc, at: datetime, origin: Origin) -> Sequence[Event]:
    """Return what one event becomes, nothing for a type that says nothing to us; raises UsageError that names a missing field."""
    found = _TYPE.fullmatch(kind)
    reader = _READERS.get((found["subject"], found["predicate"])) if found else None
    return reader(doc, time_in(doc, "context", "timestamp") or at, origin) if reader else []


def _result(doc: Doc) -> Result:
    said = text_in(doc, "subject", "content", "outcome").lower()
    return _RESULTS.get(said) or result_from_word(said)


def _started(doc: Doc, at: datetime, origin: Origin, run_id: str, name: str) -> JobStarted:
    content = object_in(doc, "subject", "content")
    source = text_in(doc, "subject", "source") or need_text(doc, "context", "source")
    return JobStarted(
        source=SOURCE,
        project=source.strip("/") or "unnamed",
        run_id=run_id,
        attempt=1,
        workflow=text_in(content, "pipelineName"),
        job=name,
        commit="",
        branch="",
        trigger="",
        started_at=at,
        url=text_in(content, "url") or text_in(content, "uri"),
        provenance=provenance_of(origin, Trust.UNKNOWN, ""),
    )


def _run(doc: Doc, at: datetime, origin: Origin) -> JobStarted:
    return _started(doc, at, origin, need_text(doc, "subject", "id"), "")


def _job(doc: Doc, at: datetime, origin: Origin, name: str) -> JobStarted:
    own = need_text(doc, "subject", "id")
    return _started(doc, at, origin, text_in(doc, "subject", "content", "pipelineRun", "id") or own, name or own)


def _task(doc: Doc, at: datetime, origin: Origin) -> JobStarted:
    return _job(doc, at, origin, text_in(doc, "subject", "content", "taskName"))


def _suite(doc: Doc, at: datetime, origin: Origin) -> JobStarted:
    return _job(doc, at, origin, text_in(doc, "subject", "content", "testSuite", "name"))


def _incident(doc: Doc, at: datetime, origin: Origin, status: AlertStatus) -> Alert:
    content, name = object_in(doc, "subject", "content"), need_text(doc, "subject", "id")
    service = text_in(content, "service", "id")
    return Alert(
        target=f"service:{service}" if service else f"alert:{name}",
        name=text_in(content, "description")[:200] or "incident",
        status=status,
        severity="",
        # Both events name the same incident, and neither says when it began: its name alone joins them.
        starts_at=at,
        fingerprint=name,
        ends_at=at if status is AlertStatus.RESOLVED else None,
        provenance=provenance_of(origin, Trust.UNKNOWN, ""),
    )


def _ended(doc: Doc, started: JobStarted, at: datetime, cause: str) -> Sequence[Event]:
    """Return a job's end behind what the event says of the cause: all the log that such a sender gives."""
    said = inside(doc, "subject", "content", cause)
    place = Place(started.source, started.project, started.run_id, started.job, started.attempt)
    text = said[:MAX_CAUSE_LETTERS].rstrip("\n") + "\n" if isinstance(said, str) and said.strip() else ""
    chunks = chunks_of(place, text, at, started.provenance) if text else ()
    return (*chunks, ended(started, _result(doc), at, log_chunks=len(chunks) or None))


_READERS: MappingProxyType[tuple[str, str], Callable[[Doc, datetime, Origin], Sequence[Event]]] = MappingProxyType(
    {
        ("taskrun", "started"): lambda doc, at, origin: [_task(doc, at, origin)],
        ("taskrun", "finished"): lambda doc, at, origin: _ended(doc, _task(doc, at, origin), at, "errors"),
        ("testsuiterun", "started"): lambda doc, at, origin: [_suite(doc, at, origin)],
        ("testsuiterun", "finished"): lambda doc, at, origin: _ended(doc, _suite(doc, at, origin), at, "reason"),
        ("pipelinerun", "finished"): lambda doc, at, origin: [run_ended(_run(doc, at, origin), _result(doc), at)],
        ("incident", "detected"): lambda doc, at, origin: [_incident(doc, at, origin, AlertStatus.FIRING)],
        ("incident", "resolved"): lambda doc, at, origin: [_incident(doc, at, origin, AlertStatus.RESOLVED)],
    }
)
