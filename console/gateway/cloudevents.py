"""CloudEvents over HTTP - binary, structured, batch - to records; what lies inside is read by ``cdevents.py``.

Source: CloudEvents 1.0.2, "HTTP Protocol Binding" and "JSON Event Format".
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from console.gateway import cdevents
from console.gateway.answers import Taken
from console.gateway.reading import Doc, read_json, read_object, text_in, time_of
from console.gateway.received import Received
from schemas.errors import UsageError
from schemas.events import Event, Origin

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
MEDIA = (STRUCTURED, BATCH, "application/json")
MAX_BATCH = 200
_NEEDED = ("id", "source", "type", "specversion")
_MEND = "Send CloudEvents 1.0: binary with ce- headers, or structured, or a batch"


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event: its attributes, and the object that it carries."""

    id: str
    source: str
    type: str
    at: datetime
    data: Doc


def translate(received: Received, origin: Origin) -> Taken:
    """Return what the events of a request become; raises UsageError for what is no CloudEvent."""
    events = _events(received)
    records: list[Event] = []
    for event in events:
        records += cdevents.records_of(event.type, event.data, event.at, origin)
    kinds = ", ".join(sorted({event.type[:80] for event in events})[:5])
    return Taken(tuple(records), "" if records else f"events of these types become nothing: {kinds or 'none were sent'}")


def _events(received: Received) -> list[CloudEvent]:
    if received.media_type == BATCH:
        found = read_json(received.body)
        if not isinstance(found, list) or len(found) > MAX_BATCH:
            raise UsageError("the body", f"it is no list of at most {MAX_BATCH} events", _MEND)
        return [_structured(item, received.at) for item in found]
    if received.media_type == STRUCTURED:
        return [_structured(read_json(received.body), received.at)]
    if "ce-specversion" not in received.headers:
        raise UsageError("the request", "it is a CloudEvent in none of the three modes", _MEND)
    attributes = {name: unquote(received.headers.get(f"ce-{name}", "")) for name in (*_NEEDED, "time")}
    return [_event(attributes, read_object(received.body), received.at)]


def _structured(doc: object, at: datetime) -> CloudEvent:
    if not isinstance(doc, dict):
        raise UsageError("the body", "an event is no JSON object", _MEND)
    coded = doc.get("data_base64")
    if isinstance(coded, str):
        try:
            return _event(doc, read_object(base64.b64decode(coded, validate=True)), at)
        except binascii.Error as error:
            raise UsageError("data_base64", "it is no Base64", _MEND) from error
    carried = doc.get("data")
    return _event(doc, carried if isinstance(carried, dict) else {}, at)


def _event(attributes: Doc, carried: Doc, at: datetime) -> CloudEvent:
    values = {name: text_in(attributes, name) for name in _NEEDED}
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise UsageError(f"the attribute {missing[0]}", "it is missing", _MEND)
    if values["specversion"] != "1.0":
        raise UsageError("specversion", f"{values['specversion'][:20]} is not read", _MEND)
    return CloudEvent(values["id"], values["source"], values["type"], time_of(attributes.get("time")) or at, carried)
