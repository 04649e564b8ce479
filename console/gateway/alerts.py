"""Alerts in the words of Alertmanager's webhook to records; Grafana says them in the same words. Read by ``senders.py``."""

from __future__ import annotations

import re
from hashlib import sha256

from console.gateway.answers import Taken
from console.gateway.jobs import provenance_of
from console.gateway.reading import Doc, need_time, objects_in, pairs_in, read_object, text_in, time_in
from console.gateway.received import Received
from schemas.canonical import canonical_json
from schemas.errors import UsageError
from schemas.events import Alert, AlertStatus, Origin, Trust

TARGET_LABEL = "healstream_target"
_VERSIONS = {"alertmanager": "4", "grafana": "1"}
_TARGET = re.compile(r"[a-z]{2,20}:[^\s:][^\s]{0,300}")
# The first label that is there names the target; what it names is found in the service catalogue, or nothing is healed.
_NAMED_BY = (("service", "service"), ("deployment", "deployment"), ("job", "service"), ("instance", "host"))


def from_alertmanager(received: Received, origin: Origin) -> Taken:
    """Return the alerts of Alertmanager's webhook, version 4; raises UsageError for another one."""
    return _alerts(received, origin, "alertmanager")


def from_grafana(received: Received, origin: Origin) -> Taken:
    """Return the alerts of Grafana's webhook contact point; raises UsageError for another document."""
    return _alerts(received, origin, "grafana")


def target_of(labels: dict[str, str], name: str) -> str:
    """Return the typed target that an alert's labels name."""
    given = labels.get(TARGET_LABEL, "")
    if given:
        if not _TARGET.fullmatch(given):
            raise UsageError(f"the label {TARGET_LABEL}", f"{given[:80]!r} is no typed name", "Give one such as service:web")
        return given
    found = next(((kind, labels[label]) for label, kind in _NAMED_BY if labels.get(label)), ("alert", name))
    return f"{found[0]}:{found[1]}"


def _alerts(received: Received, origin: Origin, sender: str) -> Taken:
    doc = read_object(received.body)
    version = text_in(doc, "version")
    if version != _VERSIONS[sender]:
        why = f"this is version {version[:20] or 'nothing'} of the document, {_VERSIONS[sender]} is read"
        raise UsageError("version", why, "Use the sender's webhook unchanged, or /ingest/cloudevents")
    rows = objects_in(doc, "alerts")
    if not rows:
        return Taken(ignored="there is no alert in it")
    return Taken(tuple(_alert(row, origin, sender) for row in rows))


def _alert(row: Doc, origin: Origin, sender: str) -> Alert:
    labels = pairs_in(row, "labels")
    known = dict(labels)
    name = known.get("alertname", "") or sender
    starts_at, ends_at = need_time(row, "startsAt"), time_in(row, "endsAt")
    return Alert(
        target=target_of(known, name),
        name=name,
        # A state that is new to us needs a look: only what is said to be over is over.
        status=AlertStatus.RESOLVED if text_in(row, "status") == "resolved" else AlertStatus.FIRING,
        severity=known.get("severity", ""),
        starts_at=starts_at,
        fingerprint=text_in(row, "fingerprint") or sha256(canonical_json([list(pair) for pair in labels])).hexdigest()[:16],
        # Senders write the year 1 for an end that is not known yet.
        ends_at=ends_at if ends_at and ends_at >= starts_at else None,
        labels=labels,
        annotations=pairs_in(row, "annotations"),
        provenance=provenance_of(origin, Trust.UNKNOWN, sender),
    )
