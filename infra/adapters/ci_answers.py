"""What a CI server's answer means to who asked: taken, come again and when, or not at all; by status and the headers of its limits.

Pure; read by ``ci_logs.py`` and ``ci_reports.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

# A limit without a time, as the secondary ones often are: the server asks for a minute at least.
_UNTOLD_S = 60.0
# The longest window of a limit is an hour; more is a header that means something else.
_MOST_S = 3900.0
# Our clock and the server's are not the same.
_AFTER_RESET_S = 1.0
_SECONDARY = ("secondary rate limit", "abuse detection")


class Heard(StrEnum):
    """Why something was not done. ``LIMITED`` to ``MISSING`` are asked again, ``GONE`` and ``REFUSED`` never."""

    LIMITED = "limited"
    AWAY = "away"
    DENIED = "denied"
    MISSING = "missing"
    GONE = "gone"
    REFUSED = "refused"


FINAL = frozenset({Heard.GONE, Heard.REFUSED})


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request came to nothing, and in how many seconds the server wants to be asked again at the earliest."""

    heard: Heard
    why: str
    wait_s: float = 0.0


def limit_of(status: int, headers: Mapping[str, str], said: str, now_s: float) -> float | None:
    """Return for how many seconds a server asks to be left alone, None when it does not."""
    if status not in {403, 429}:
        return None
    after = headers.get("retry-after", "")
    if after.isascii() and after.isdecimal():
        return min(float(after), _MOST_S)
    if headers.get("x-ratelimit-remaining") == "0":
        return _until_reset(headers, now_s)
    is_secondary = any(words in said.lower() for words in _SECONDARY)
    return _UNTOLD_S if status == 429 or is_secondary else None


def pause_after(headers: Mapping[str, str], now_s: float) -> float:
    """Return how long to ask nothing more after an answer that was the last one of its window; 0 when there are more."""
    return _until_reset(headers, now_s) if headers.get("x-ratelimit-remaining") == "0" else 0.0


def _until_reset(headers: Mapping[str, str], now_s: float) -> float:
    reset = headers.get("x-ratelimit-reset", "")
    if not (reset.isascii() and reset.isdecimal() and len(reset) < 12):
        return _UNTOLD_S
    return min(max(float(reset) - now_s, 0.0) + _AFTER_RESET_S, _MOST_S)


def trouble_of(status: int, headers: Mapping[str, str], said: str, now_s: float) -> Trouble:
    """Return what a status that is no success means; ``said`` is the beginning of the body."""
    wait_s = limit_of(status, headers, said, now_s)
    if wait_s is not None:
        return Trouble(Heard.LIMITED, f"HTTP {status}: the server's limit is reached", wait_s)
    if status in {401, 403}:
        return Trouble(Heard.DENIED, f"HTTP {status}: the token is not taken, or lacks a right; docs/github.md lists them")
    if status == 404:
        return Trouble(Heard.MISSING, "HTTP 404: not there, or not for this token to see")
    if status == 410:
        return Trouble(Heard.GONE, "HTTP 410: the server keeps it no longer")
    if status == 408 or status >= 500:
        return Trouble(Heard.AWAY, f"HTTP {status}")
    return Trouble(Heard.REFUSED, f"HTTP {status}: {_shown(said)}")


def _shown(said: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in said[:200])
