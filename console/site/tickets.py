"""The logins at an identity provider that are under way, by a digest of what the browser's cookie holds; each is taken once.

Pure but for its own rows; time is an argument.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock

from console.site.provider import Ticket

LASTS = timedelta(minutes=10)
_MOST = 1000


class Tickets:
    """Keeps tickets for ten minutes; the oldest makes room when there are too many."""

    def __init__(self) -> None:
        """Begin with none."""
        self._rows: OrderedDict[str, tuple[datetime, Ticket]] = OrderedDict()
        self._lock = Lock()

    def put(self, word: str, ticket: Ticket, now: datetime) -> None:
        """Keep a ticket under the word that the browser holds."""
        with self._lock:
            self._rows[_digest(word)] = (now, ticket)
            while len(self._rows) > _MOST:
                self._rows.popitem(last=False)

    def take(self, word: str, now: datetime) -> Ticket | None:
        """Return the ticket of a word, this once; None when there is none or it is too old."""
        with self._lock:
            found = self._rows.pop(_digest(word), None)
        return found[1] if found and now - found[0] <= LASTS else None


def _digest(word: str) -> str:
    return sha256(word.encode()).hexdigest()
