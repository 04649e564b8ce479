"""What a machine reads of the ``/ingest`` paths: bodies, headers and answers, made from the rows of ``senders.py``."""

from __future__ import annotations

from console.gateway.senders import Sender

PROBLEM: dict[str, object] = {
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
        "next_seq": {"type": "integer", "description": "of a log: where its next part begins"},
        "ignored": {"type": "string", "description": "why nothing became of it"},
    },
}
_REFUSED = {
    400: "the request is not whole or lacks a header",
    401: "the sender has not proven itself",
    408: "the sender paused too long",
    409: "the delivery's name was used for another body",
    413: "the body is too large",
    415: "the body's coding is not read",
    422: "the document is not understood",
    429: "too much waits; come again after Retry-After",
    503: "the broker is away; come again after Retry-After",
}


def refusals() -> dict[str, object]:
    """Return the answers that every path may give."""
    content = {"application/problem+json": {"schema": PROBLEM}}
    retry = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "seconds"}}
    return {
        str(status): {"description": text, "content": content, **({"headers": retry} if status in {429, 503} else {})}
        for status, text in _REFUSED.items()
    }


def answers() -> dict[str, object]:
    """Return all answers of a path."""
    taken = {"description": "acknowledged by Kafka", "content": {"application/json": {"schema": _ACCEPTED}}}
    return {"202": taken, **refusals()}


def _shape(media: str) -> str:
    if not media.endswith("json"):
        return "string"
    return "array" if "-batch" in media else "object"


def described(sender: Sender) -> dict[str, object]:
    """Return the operation's description beyond what its function says."""
    headers = [{"name": name, "in": "header", "required": True, "schema": {"type": "string", "minLength": 1}} for name in sender.needs]
    headers += [{"name": name, "in": "header", "required": False, "schema": {"type": "string"}} for name in sender.ids]
    headers += [{"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in sender.asks]
    bodies = {media: {"schema": {"type": _shape(media)}} for media in sender.media}
    return {"parameters": headers, "requestBody": {"required": True, "content": bodies}, "responses": answers()}


def _asked(name: str, schema: dict[str, object], text: str) -> dict[str, object]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": text}


_COUNT: dict[str, object] = {"type": "integer", "minimum": 0, "maximum": 999_999}
_ATTEMPT = _asked("attempt", _COUNT, "which attempt of the run; 1 when not given")
LOGS_UPLOAD: dict[str, object] = {
    "summary": "A part of a job's log as raw text, plain or gzip; the path is SOURCE/PROJECT/RUN_ID/JOB",
    "operationId": "ingest_logs",
    "parameters": [
        _ATTEMPT,
        _asked("seq", _COUNT, "the first chunk's number: 0, or next_seq of the answer to the part before"),
        _asked("eof", {"type": "boolean"}, "false for every part but the last"),
        _asked("step", {"type": "string"}, "the step that printed it"),
    ],
    "requestBody": {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}},
    "responses": answers(),
}
_NEXT: dict[str, object] = {"type": "object", "required": ["next_seq"], "properties": {"next_seq": {"type": "integer"}}}
LOGS_POSITION: dict[str, object] = {
    "summary": "Where the next part of a log begins, as far as it is remembered",
    "operationId": "ingest_logs_position",
    "parameters": [_ATTEMPT],
    "responses": {
        "200": {"description": "known", "content": {"application/json": {"schema": _NEXT}}},
        "404": {"description": "not remembered", "content": {"application/problem+json": {"schema": PROBLEM}}},
        **refusals(),
    },
}
