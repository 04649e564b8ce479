"""How often a token may call, and how often an address may come with a wrong one; pure but for its own rows, time is an argument."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from threading import Lock

from console.site.sessions import Limits
from schemas.errors import TooManyError

_MOST_KEYS = 10_000


class Rate:
    """Counts calls by token and wrong tokens by address, in windows that slide."""

    def __init__(self, limits: Limits) -> None:
        """Begin with no calls."""
        self._limits = limits
        self._calls: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def count_call(self, token: str, now: datetime) -> None:
        """Count one call of a token; raises TooManyError when there were too many."""
        with self._lock:
            row, window = self._row(f"token/{token}", now, self._limits.calls_window), self._limits.calls_window
            _require_room(row, self._limits.calls_per_token, window, now)
            row.append(now)

    def require_address(self, address: str, now: datetime) -> None:
        """Raise TooManyError when too many wrong tokens came from an address."""
        with self._lock:
            row = self._row(f"address/{address}", now, self._limits.window)
            _require_room(row, self._limits.tries_per_address, self._limits.window, now)

    def count_wrong(self, address: str, now: datetime) -> None:
        """Count one wrong token of an address."""
        with self._lock:
            self._row(f"address/{address}", now, self._limits.window).append(now)

    def _row(self, key: str, now: datetime, window: timedelta) -> deque[datetime]:
        row = self._calls.setdefault(key, deque())
        self._calls.move_to_end(key)
        while row and now - row[0] > window:
            row.popleft()
        while len(self._calls) > _MOST_KEYS:
            self._calls.popitem(last=False)
        return row


def _require_room(row: deque[datetime], most: int, window: timedelta, now: datetime) -> None:
    if len(row) >= most:
        wait_s = int((window - (now - row[0])).total_seconds()) + 1
        raise TooManyError("token", "it was used too often", f"Wait {wait_s} s, then try again", wait_s)
