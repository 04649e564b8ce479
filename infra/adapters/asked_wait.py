"""How long the other side of an HTTP call asks to be left alone, by its headers or its body; called by ``checks``.

Both times are the server's own, so a wrong clock on either side changes nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx

_SAYS_WHEN = frozenset({403, 429, 503})
_LONGEST_S = 3600.0
_MOST_BYTES = 65_536
# Of a reset that is told as a number: below, seconds from now; above, seconds since 1970.
_EPOCH_FROM = 1_000_000_000.0
_RESETS = ("ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
_LEFT = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
_IN_BODY = ("retry_after", "retry-after", "retryAfter")


def asked_wait_s(answer: httpx.Response) -> float:
    """Return the seconds until the other side wants to be asked again, at most an hour; 0 when it does not say."""
    if answer.status_code not in _SAYS_WHEN:
        return 0.0
    headers = answer.headers
    now = _date_in(headers.get("date", ""))
    told = _seconds_in(headers.get("retry-after", ""), now)
    if told is None and _first(headers, _LEFT) in {"", "0"}:
        told = _seconds_in(_first(headers, _RESETS), now)
    if told is None:
        told = _in_body(answer)
    return min(max(told or 0.0, 0.0), _LONGEST_S)


def _first(headers: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((headers[name].strip() for name in names if name in headers), "")


def _seconds_in(text: str, now: datetime | None) -> float | None:
    number = _number_in(text)
    if number is not None and number < _EPOCH_FROM:
        return number
    if now is None:
        return None
    if number is not None:
        return number - now.timestamp()
    at = _date_in(text)
    return (at - now).total_seconds() if at else None


def _number_in(text: object) -> float | None:
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date_in(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _in_body(answer: httpx.Response) -> float | None:
    content = bytearray()
    for part in answer.iter_bytes():
        content += part
        if len(content) > _MOST_BYTES:
            return None
    try:
        found = json.loads(content)
    except ValueError:
        return None
    rows = [found.get(name) for name in _IN_BODY] if isinstance(found, dict) else []
    return next((number for number in map(_number_in, rows) if number is not None), None)
