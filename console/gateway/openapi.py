"""What a machine reads of the ``/ingest`` paths: bodies, headers and answers, made from the rows of ``senders.py``."""

from __future__ import annotations

from console.gateway.senders import Sender

_PROBLEM: dict[str, object] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "next"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "next": {"type": "string", "description": "what the sender does next"},
    },
}
_ACCEPTED: dict[str, object] = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "records": {"type": "array", "items": {"type": "string"}},
        "duplicate": {"type": "boolean"},
        "ignored": {"type": "string", "description": "why nothing became of it"},
    },
}
_REFUSED = {
    400: "the request is not whole or lacks a header",
    401: "the sender has not proven itself",
    408: "the sender paused too long",
    409: "the delivery's name was used for another body",
    413: "the body is too large",
    422: "the document is not understood",
    429: "too much waits; come again after Retry-After",
    503: "the broker is away; come again after Retry-After",
}


def refusals() -> dict[str, object]:
    """Return the answers that every path may give."""
    content = {"application/problem+json": {"schema": _PROBLEM}}
    retry = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "seconds"}}
    return {
        str(status): {"description": text, "content": content, **({"headers": retry} if status in {429, 503} else {})}
        for status, text in _REFUSED.items()
    }


def answers() -> dict[str, object]:
    """Return all answers of a path."""
    taken = {"description": "acknowledged by Kafka", "content": {"application/json": {"schema": _ACCEPTED}}}
    return {"202": taken, **refusals()}


def described(sender: Sender) -> dict[str, object]:
    """Return the operation's description beyond what its function says."""
    headers = [{"name": name, "in": "header", "required": True, "schema": {"type": "string", "minLength": 1}} for name in sender.needs]
    headers += [{"name": name, "in": "header", "required": False, "schema": {"type": "string"}} for name in sender.ids]
    headers += [{"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in sender.asks]
    bodies = {media: {"schema": {"type": "object" if media.endswith("json") else "string"}} for media in sender.media}
    return {"parameters": headers, "requestBody": {"required": True, "content": bodies}, "responses": answers()}
