"""A circuit breaker per strategy and target: recoveries that keep failing stop being tried; used by ``streams/admit.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from schemas.policy import Policy
from streams.rows import Rows

MAX_ROWS = 50_000


class Circuit(IntEnum):
    """The value of ``healstream_circuit_state``."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed recoveries in a row, and when the last of them ended."""

    count: int
    last_at: datetime


class Breakers:
    """Judges and remembers; once its time is over an open breaker lets one command through (half open)."""

    def __init__(self, entries: Mapping[str, str], policy: Policy) -> None:
        self.rows = Rows("breaker/", Failures, MAX_ROWS)
        self.rows.load(entries)
        self._policy = policy

    def state(self, strategy: str, target: str, now: datetime) -> Circuit:
        """Return the breaker's state."""
        row = self.rows.get(f"{strategy}|{target}")
        if row is None or row.count < self._policy.breaker_failures:
            return Circuit.CLOSED
        is_over = now >= row.last_at + timedelta(seconds=self._policy.breaker_open_s)
        return Circuit.HALF_OPEN if is_over else Circuit.OPEN

    def record(self, strategy: str, target: str, has_healed: bool, now: datetime) -> Circuit:
        """Take a recovery's end in and return the new state."""
        name = f"{strategy}|{target}"
        if has_healed:
            self.rows.drop(name)
        else:
            before = self.rows.get(name)
            self.rows.put(name, Failures((before.count if before else 0) + 1, now))
        return self.state(strategy, target, now)
