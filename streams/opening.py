"""From detections and their classification to the one incident that they open, or open again; called by ``streams/classify.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce

from schemas.events import weakest
from schemas.ids import id_of, micros
from schemas.incidents import Detection, HitSeen, Incident, IncidentUpdate, UpdateCause
from schemas.outputs import Emit, Observe, Output
from schemas.oversight import AuditEntry, Control
from schemas.vocabulary import Kind, Result, group_of
from streams.classified import Classified, fingerprint_of
from streams.incident_book import IncidentBook

MAX_HITS = 20
MAX_EVIDENCE = 50


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every incident carries of its classifier, and the clock at its opening."""

    model: str
    catalogue: str
    now: datetime


def _origin_key(first: Detection) -> tuple[str, ...]:
    run = first.run
    if run:
        return (run.source, run.project, run.run_id, run.job, str(run.attempt))
    return (first.scope, str(micros(first.first_at)))


def open_incident(detections: Sequence[Detection], classified: Classified, target: str, stamp: Stamp) -> Incident:
    """Return the incident of detections, the earliest first; ``classified`` speaks for those on ``target``."""
    first = detections[0]
    own = next((detection for detection in detections if detection.target == target), first)
    complete = all(detection.complete for detection in detections)
    kind = Kind.UNKNOWN if classified.abstained else classified.kind
    hits = tuple(hit for detection in detections for hit in detection.hits if not hit.shadow)
    return Incident(
        origin_key=_origin_key(first),
        kind=kind,
        group=group_of(kind),
        confidence=classified.confidence,
        fingerprint=fingerprint_of(replace(classified, kind=kind), hits),
        target=target,
        scope=first.scope,
        severity=own.severity,
        complete=complete,
        opened_at=first.first_at,
        detected_at=max(stamp.now, first.first_at),
        alternatives=classified.alternatives,
        reasons=classified.reasons if complete else (*classified.reasons, "incomplete_log"),
        run=own.run,
        result=own.result,
        features=own.features,
        catalogue=stamp.catalogue,
        model=stamp.model,
        abstained=classified.abstained,
        provenance=reduce(weakest, (detection.provenance for detection in detections)),
        evidence=tuple(ref for detection in detections for ref in detection.evidence)[:MAX_EVIDENCE],
        hits=_cause_first(hits, classified.pattern)[:MAX_HITS],
        traceparent=first.traceparent,
        may_act=classified.acts,
        unexplained=own.unexplained if classified.abstained or classified.is_hint else (),
    )


def _cause_first(hits: tuple[HitSeen, ...], pattern: str) -> tuple[HitSeen, ...]:
    """Keep the hit of the pattern that decided, so that a cap never cuts off the cause."""
    return tuple(sorted(hits, key=lambda hit: hit.pattern != pattern))


def overridden_incident(control: Control) -> str:
    """Return the id of the incident that an override speaks of."""
    return control.key.removeprefix("override/").rpartition("/")[0]


def reopen_incident(old: Incident, control: Control, stamp: Stamp) -> Incident:
    """Return the incident that a person's override opens in place of a closed one: its run, target and kind are copied."""
    nonce = control.override.nonce if control.override else control.key
    return replace(
        old,
        origin_key=(nonce,),
        reopens=id_of(old),
        opened_by=control.by,
        opened_at=control.at,
        detected_at=max(stamp.now, control.at),
        reasons=(*old.reasons, f"opened again by {control.by}"),
        # With the incident, not beside it: decide reads people's words on a topic of their own, perhaps later.
        forced=control.override.force_verdict if control.override else "",
    )


def outlast_holdout(old: Incident, stamp: Stamp) -> Incident:
    """Return the incident of a target that did not heal by itself while it was held out."""
    reasons = (*old.reasons, "it was held out and did not heal by itself")
    return replace(old, origin_key=(old.scope, str(micros(stamp.now))), opened_at=stamp.now, detected_at=stamp.now, reasons=reasons)


def audit_opened(incident: Incident, now: datetime) -> AuditEntry:
    """Return the audit entry of an incident's opening."""
    return AuditEntry(
        actor=incident.opened_by if incident.reopens else "classify",
        action="incident.reopened" if incident.reopens else "incident.opened",
        subject=id_of(incident),
        at=now,
        details=(
            ("confidence", f"{incident.confidence:.3f}"),
            ("kind", incident.kind.value),
            ("reasons", "; ".join(incident.reasons)),
            ("target", incident.target),
        ),
        evidence=tuple(ref.id for ref in incident.evidence if ref.id),
        traceparent=incident.traceparent,
    )


def enter_incident(book: IncidentBook, incident: Incident, firing: tuple[Detection, ...], stamp: Stamp) -> Sequence[Output]:
    """Write a new incident into the book and say so; an incident that is known already says nothing."""
    if book.rows.get(id_of(incident)):
        return ()
    book.open(incident, firing)
    return [
        Emit(incident),
        Emit(audit_opened(incident, stamp.now)),
        Observe("healstream_classification_confidence", incident.confidence),
    ]


def update_of(
    incident_id: str, cause: UpdateCause, detection: Detection, classified: Classified | None = None, result: Result | None = None
) -> IncidentUpdate:
    """Return what a detection adds to an incident that is known; without a classification it says nothing of the attempt."""
    return IncidentUpdate(
        incident_id=incident_id,
        cause=cause,
        detection_id=id_of(detection),
        at=detection.last_at,
        run_attempt=detection.run.attempt if detection.run and classified else None,
        kind=classified.kind if classified else None,
        confidence=classified.confidence if classified else None,
        result=result or detection.result,
        traceparent=detection.traceparent,
    )
