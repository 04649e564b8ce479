"""Who is logged in: random tokens kept as digests, ended by idleness, by age and by logging out; and how often a login may be tried.

Pure but for their own rows; time and randomness are arguments. A restart ends every session.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock

from schemas.errors import TooManyError
from schemas.people import Role


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lasts, and how many wrong passwords in ``window`` close the door to a name or an address."""

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=12)
    sessions: int = 1000
    tries_per_name: int = 5
    tries_per_address: int = 20
    window: timedelta = timedelta(minutes=5)
    streams: int = 64
    calls_per_token: int = 300
    calls_window: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """One person's stay: ``csrf`` is what each change must bring along, ``roles`` what they came in with; None limits nothing."""

    name: str
    csrf: str
    began: datetime
    seen: datetime
    roles: frozenset[Role] | None = None


class Sessions:
    """The sessions by their token's digest; the one that was seen longest ago makes room when there are too many."""

    def __init__(self, limits: Limits, draw: Callable[[], str]) -> None:
        """Begin with nobody; ``draw`` returns a new secret text."""
        self._limits, self._draw = limits, draw
        self._rows: OrderedDict[str, Session] = OrderedDict()
        self._lock = Lock()

    def open(self, name: str, now: datetime, roles: frozenset[Role] | None = None) -> str:
        """Begin a session and return its token."""
        token = self._draw()
        with self._lock:
            self._rows[_digest(token)] = Session(name, self._draw(), now, now, roles)
            while len(self._rows) > self._limits.sessions:
                self._rows.popitem(last=False)
        return token

    def of(self, token: str, now: datetime, *, attended: bool = True) -> Session | None:
        """Return the session of a token, None when there is none or it is over; what a page asks by itself keeps nobody logged in."""
        key = _digest(token)
        with self._lock:
            found = self._rows.get(key)
            if found is None:
                return None
            if now - found.seen > self._limits.idle or now - found.began > self._limits.longest:
                del self._rows[key]
                return None
            if attended:
                self._rows[key] = replace(found, seen=now)
                self._rows.move_to_end(key)
        return found

    def lives(self, token: str, now: datetime) -> bool:
        """Tell whether the session still lasts, without making it last longer: an open page alone is nobody's presence."""
        with self._lock:
            found = self._rows.get(_digest(token))
        return found is not None and now - found.seen <= self._limits.idle and now - found.began <= self._limits.longest

    def close(self, token: str) -> None:
        """End a session."""
        with self._lock:
            self._rows.pop(_digest(token), None)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def is_same(one: str, other: str) -> bool:
    """Tell whether two secrets are the same, in a time that does not say where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


class LoginRate:
    """Counts tries by name and by address; a login that succeeds forgets those of its name."""

    def __init__(self, limits: Limits, most_keys: int = 10_000) -> None:
        """Begin with no tries."""
        self._limits, self._most = limits, most_keys
        self._tries: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def require(self, name: str, address: str, now: datetime) -> None:
        """Count one try; raises TooManyError when there were too many."""
        limits = self._limits
        with self._lock:
            for key, most in ((f"address/{address}", limits.tries_per_address), (f"name/{name}", limits.tries_per_name)):
                row = self._tries.setdefault(key, deque())
                self._tries.move_to_end(key)
                while row and now - row[0] > limits.window:
                    row.popleft()
                if len(row) >= most:
                    wait_s = int((limits.window - (now - row[0])).total_seconds()) + 1
                    raise TooManyError("login", "it was tried too often", f"Wait {wait_s} s, then try again", wait_s)
                row.append(now)
            while len(self._tries) > self._most:
                self._tries.popitem(last=False)

    def forget(self, name: str) -> None:
        """Forget the tries of a name: its person is in."""
        with self._lock:
            self._tries.pop(f"name/{name}", None)
