"""Now, for whoever compares it with the times of events: a clock that is set back takes no event's time into the future.

Used by ``streams/ingest.py``, by ``streams/detectors/job_log.py`` for how long a log is waited for, and by ``runtime_incidents.py`` for
its waits; ``ClockSteps`` by the door, whose windows must not end because a clock was set. Both hold within one life of a process: what
the clock showed before, nobody can tell. For the clocks of others there is ``was_set_back``, by which detectors compare events, and
``past_of``, by which incidents take the word of executors.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from schemas.ids import micros

_NONE = timedelta(0)
# The door looks at the clock 2.5 times a second, and waits no longer than this for its broker.
LONGEST_GAP = timedelta(seconds=60)
# Clocks that are looked after differ by less.
_SKEW = timedelta(seconds=60)
# Microseconds: what is behind the newest by more than anything that the way here puts out of order (faults.md, N5).
_REORDERED = 60_000_000


def was_set_back(newest: int, at: int, now: datetime) -> bool:
    """Tell whether the source of events has set its clock back; times in microseconds.

    Its newest event is still to come by our clock, and this one is far behind that: were it taken for late, so would be all that follow
    until the time of the newest has really come.
    """
    return newest > micros(now) and at < newest - _REORDERED


def past_of(at: datetime, now: datetime) -> datetime:
    """Return when something happened that is known to be over: now, when the clock of who did it was too far ahead to be believed."""
    return at if at <= now + _SKEW else now


class SteadyTime:
    """Goes on at the clock's own pace after a step back, until a step forward has made it good."""

    def __init__(self) -> None:
        """Begin with the first time that is told."""
        self._told: datetime | None = None
        self._set_back = _NONE

    def after(self, now: datetime) -> datetime:
        """Return the time at which the clock shows ``now``; it never goes back."""
        step = now - self._told if self._told is not None else _NONE
        if step < _NONE:
            self._set_back -= step
        elif step >= self._set_back:
            # The clock was put right, or so much time has passed that both say the same.
            self._set_back = _NONE
        self._told = now
        return now + self._set_back


class ClockSteps:
    """Tells a clock that was set from time that passed, for one who looks at it many times a second."""

    def __init__(self) -> None:
        """Begin with the first time that is told."""
        self._told: datetime | None = None

    def since(self, now: datetime) -> timedelta:
        """Return by how much the clock was set since the last look; who was kept from looking for long takes that for a step, too."""
        step = now - self._told if self._told is not None else _NONE
        self._told = now
        return step if step < _NONE or step > LONGEST_GAP else _NONE
