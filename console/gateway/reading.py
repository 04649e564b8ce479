"""Careful reading of strangers' JSON: caps on depth and length, secrets masked, and errors that name the field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

from schemas.door import redact
from schemas.errors import UsageError

MAX_DEPTH = 40
MAX_LETTERS = 500
MAX_ITEMS = 1000
# Of a list of plain texts, and of each of them.
MAX_TEXTS, TEXT_LETTERS = 64, 100
# The span that Avro's microseconds and everybody's clock can say.
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_ZONES = (" UTC", " Z")

Doc = Mapping[str, object]


def read_json(body: bytes) -> object:
    """Return the JSON in a body; raises UsageError for what is none or is nested too deeply."""
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise UsageError("the body", f"it is no JSON: {error}"[:200], "Send one JSON document in UTF-8") from error
    _require_shallow(found)
    return found


def read_object(body: bytes) -> Doc:
    """Return the JSON object in a body; raises UsageError for anything else."""
    found = read_json(body)
    if not isinstance(found, dict):
        raise UsageError("the body", "it is no JSON object", "Send the sender's own document unchanged")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _too_deep() -> UsageError:
    return UsageError("the body", f"it is nested more than {MAX_DEPTH} levels", "Send the sender's own document unchanged")


def _require_shallow(found: object) -> None:
    # Level by level: a recursion would need the stack that a hostile document is after.
    level = [found]
    for _ in range(MAX_DEPTH):
        level = [part for node in level for part in _parts(node) if isinstance(part, dict | list)]
        if not level:
            return
    raise _too_deep()


def _parts(node: object) -> list[object]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def inside(doc: Doc, *path: str) -> object:
    """Return what lies at a path, None where nothing does."""
    found: object = doc
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def object_in(doc: Doc, *path: str) -> Doc:
    """Return the object at a path, an empty one where there is none."""
    found = inside(doc, *path)
    return found if isinstance(found, dict) else {}


def objects_in(doc: Doc, *path: str) -> list[Doc]:
    """Return the objects of the list at a path, at most ``MAX_ITEMS``."""
    found = inside(doc, *path)
    return [item for item in found[:MAX_ITEMS] if isinstance(item, dict)] if isinstance(found, list) else []


def clean(text: str, letters: int = MAX_LETTERS) -> str:
    """Return a stranger's text as it may be stored: cut, in valid UTF-8, secrets masked."""
    # A cut may halve a secret beyond recognition, so masking comes first; its own input is bounded too.
    masked = redact(text[: 4 * letters])[:letters]
    return masked if masked.isascii() else masked.encode("utf-8", "replace").decode()


def word(found: object, letters: int = MAX_LETTERS) -> str:
    """Return a text or a whole number as clean text, empty for everything else."""
    if isinstance(found, str):
        return clean(found, letters)
    is_number = isinstance(found, int) and not isinstance(found, bool) and abs(found) < 10**30
    return str(found) if is_number else ""


def text_in(doc: Doc, *path: str) -> str:
    """Return the text or whole number at a path as clean text, empty where there is neither."""
    return word(inside(doc, *path))


def need_text(doc: Doc, *path: str) -> str:
    """Return the text at a path; raises UsageError that names the path where there is none."""
    found = text_in(doc, *path)
    if not found:
        raise UsageError(".".join(path), "it is missing or no text", "Send the sender's own document unchanged")
    return found


def texts_in(doc: Doc, *path: str) -> tuple[str, ...]:
    """Return the texts of a list, at most ``MAX_TEXTS``."""
    found = inside(doc, *path)
    return tuple(clean(item, TEXT_LETTERS) for item in found[:MAX_TEXTS] if isinstance(item, str)) if isinstance(found, list) else ()


def pairs_in(doc: Doc, *path: str) -> tuple[tuple[str, str], ...]:
    """Return an object's names and texts, at most 64, in order of the names."""
    found = sorted(object_in(doc, *path).items())[:64]
    return tuple((clean(name, 100), word(value)) for name, value in found)


def count_in(doc: Doc, fallback: int, *path: str) -> int:
    """Return the whole number from 0 to a million at a path, else the fallback."""
    found = inside(doc, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= 10**6 else fallback


def time_of(text: object) -> datetime | None:
    """Return the time in a text as ISO 8601 or GitLab's ``2026-01-02 03:04:05 UTC``; None for what is none."""
    if not isinstance(text, str) or len(text) > 64:
        return None
    for zone in _ZONES:
        text = text.replace(zone, "+00:00")
    try:
        found = datetime.fromisoformat(text)
        # A time without a zone is taken for UTC: the senders whose documents leave it out mean that.
        at = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if _FIRST <= at <= _LAST else None


def time_in(doc: Doc, *path: str) -> datetime | None:
    """Return the time at a path, None where there is none."""
    return time_of(inside(doc, *path))


def need_time(doc: Doc, *path: str) -> datetime:
    """Return the time at a path; raises UsageError that names the path where there is none."""
    found = time_in(doc, *path)
    if found is None:
        raise UsageError(".".join(path), "it is missing or no ISO 8601 time", "Send the sender's own document unchanged")
    return found
