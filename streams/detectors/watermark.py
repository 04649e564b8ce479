"""Up to when everything of a partition is taken to have come: by its newest event, and by our own time when nothing comes.

An idle partition's time goes on by our clock, as far behind it as the newest event was when we read it, and only while we are awake to
read. So neither events that we are late in reading, nor a start or a pause of ours, nor a clock that was set, make somebody silent who was
not. Used by ``absence.py``, ``metric_absence.py`` and ``metric_threshold.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.ids import micros
from streams.detectors.shelf import Shelf
from streams.steady_time import was_set_back

# An idle partition's watermark trails our clock by this much and the grace; we must have been awake for as long before it goes by it.
IDLE_S = 30.0
GRACE_S = 2.0
# We look every second; a longer time between two looks was a pause of ours, or a step of the clock.
PAUSE_S = 30.0
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest event time seen on this partition, and how long after it that event was read; microseconds."""

    at: int
    lag: int = 0


class Watermark:
    """Keeps the newest event time on a shelf of its own."""

    def __init__(self, prefix: str) -> None:
        """Start without an event, and just awake."""
        self.mark: Shelf[Mark] = Shelf(prefix, Mark, 1)
        self._awake = 0
        self._looked: int | None = None

    def came(self, at: int, now: datetime) -> None:
        """Take the time (microseconds) of an event in; back it goes only with the clock that it came from."""
        known = self.mark.rows.get("newest")
        if known is None or at > known.at or was_set_back(known.at, at, now):
            self.mark.put("newest", Mark(at, max(micros(now) - at, 0)))
        self._look(now)

    def at(self, now: datetime) -> int:
        """Return the watermark in microseconds; called at each look, since it counts the time between them."""
        newest = self.mark.rows.get("newest", Mark(0))
        return max(newest.at - int(GRACE_S * _SECOND), self.idle_at(now))

    def idle_at(self, now: datetime) -> int:
        """Return up to when everything would have come if nothing came any more, 0 when we were not awake for long enough to tell."""
        self._look(now)
        lag = self.mark.rows.get("newest", Mark(0)).lag
        return micros(now) - lag - int((IDLE_S + GRACE_S) * _SECOND) if self._awake >= IDLE_S * _SECOND else 0

    def _look(self, now: datetime) -> None:
        step = micros(now) - self._looked if self._looked is not None else -1
        self._awake = self._awake + step if 0 <= step <= PAUSE_S * _SECOND else 0
        self._looked = micros(now)
