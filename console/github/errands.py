"""The logs that are being asked for: what is due, how long what failed waits, when it is given up, and how far the topic is dealt with.

Pure: time and chance are arguments; ``console/fetch_logs.py`` carries it out. A position is passed only when everything before it is
dealt with, so that a process that ends leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from console.github.wanted import Wanted
from infra.adapters.ci_answers import FINAL, Heard, Trouble
from schemas.services import CiServer

# Detect forgets a run after six hours: what comes later explains nothing.
GIVEN_UP_AFTER = timedelta(hours=6)
# A log may lie there some seconds after its job has ended; one that is not there after this never was.
MISSING_FOR = timedelta(minutes=2)
MOST_HELD = 200
FIRST_WAIT_S, MOST_WAIT_S, MOST_MISSING_WAIT_S = 1.0, 300.0, 15.0
_SLOW_FIRST_S = 15.0


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an event lies on its topic."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Errand:
    """One log to ask for, how often it was, and when it may be again."""

    spot: Spot
    wanted: Wanted
    not_before: datetime
    tries: int = 0


class Fate(StrEnum):
    """What becomes of an errand that came to nothing."""

    AGAIN = "again"
    GIVEN_UP = "given_up"


def wait_after(tries: int, trouble: Trouble, draw: Callable[[], float]) -> float:
    """Return the seconds to wait; ``draw`` gives a number in 0..1 that keeps waits apart."""
    first = _SLOW_FIRST_S if trouble.heard is Heard.DENIED else FIRST_WAIT_S
    most = MOST_MISSING_WAIT_S if trouble.heard is Heard.MISSING else MOST_WAIT_S
    backoff = min(first * 2.0 ** min(tries - 1, 16), most) * (0.5 + draw() / 2)
    # What the server asks for is waited at least, and never all of us at its very end.
    return max(backoff, trouble.wait_s + draw()) if trouble.wait_s else backoff


def is_given_up(errand: Errand, trouble: Trouble, now: datetime) -> bool:
    """Tell whether to ask no more."""
    # By the job's own end: a restart begins no new patience.
    waited = now - errand.wanted.at
    return trouble.heard in FINAL or waited > (MISSING_FOR if trouble.heard is Heard.MISSING else GIVEN_UP_AFTER)


class Errands:
    """All of them, by where their events lie."""

    def __init__(self, draw: Callable[[], float]) -> None:
        """Start with none."""
        self._draw = draw
        self._waiting: dict[Spot, Errand] = {}
        self._under_way: set[Spot] = set()
        self._next: dict[int, int] = {}
        self._pauses: dict[CiServer, datetime] = {}

    @property
    def is_full(self) -> bool:
        """Tell whether no more events should be read for now."""
        return len(self._waiting) >= MOST_HELD

    def pass_by(self, spot: Spot, wanted: Wanted | None, now: datetime) -> None:
        """Take in that an event was read, and the log that it is in want of."""
        self._next[spot.partition] = spot.offset + 1
        # At a first start the topic holds a week; of what is older than this no log would explain anything.
        if wanted is not None and now - wanted.at <= GIVEN_UP_AFTER:
            self._waiting[spot] = Errand(spot, wanted, now)

    def take_due(self, now: datetime, most: int) -> Iterator[Errand]:
        """Yield what to ask for now, each once until it is said what came of it."""
        for errand in [one for one in self._waiting.values() if one.spot not in self._under_way and self._is_due(one, now)][: max(most, 0)]:
            self._under_way.add(errand.spot)
            yield errand

    def done(self, errand: Errand, pause_s: float, now: datetime) -> None:
        """Note that a log was produced; ``pause_s``: for so long its server wants to be left alone."""
        self._drop(errand)
        self._pause(errand.wanted.server, pause_s, now)

    def failed(self, errand: Errand, trouble: Trouble, now: datetime) -> Fate:
        """Note that nothing came of it; return whether it is asked for again."""
        self._under_way.discard(errand.spot)
        # Its partition is another's now, who asks in our place.
        if errand.spot not in self._waiting:
            return Fate.AGAIN
        if is_given_up(errand, trouble, now):
            self._drop(errand)
            return Fate.GIVEN_UP
        wait = timedelta(seconds=wait_after(errand.tries + 1, trouble, self._draw))
        self._waiting[errand.spot] = replace(errand, tries=errand.tries + 1, not_before=now + wait)
        # A limit is the server's, not the log's: nothing is asked of it meanwhile.
        self._pause(errand.wanted.server, trouble.wait_s, now)
        return Fate.AGAIN

    def forget(self, partition: int) -> None:
        """Let go of a partition that is another's now."""
        self._next.pop(partition, None)
        self._waiting = {spot: one for spot, one in self._waiting.items() if spot.partition != partition}

    def positions(self) -> dict[int, int]:
        """Return up to where each partition is dealt with."""
        held: dict[int, int] = {}
        for spot in self._waiting:
            held[spot.partition] = min(spot.offset, held.get(spot.partition, spot.offset))
        return {partition: min(held.get(partition, after), after) for partition, after in self._next.items()}

    def _is_due(self, errand: Errand, now: datetime) -> bool:
        paused = self._pauses.get(errand.wanted.server)
        return errand.not_before <= now and (paused is None or paused <= now)

    def _pause(self, server: CiServer, pause_s: float, now: datetime) -> None:
        if pause_s > 0:
            self._pauses[server] = max(now + timedelta(seconds=pause_s), self._pauses.get(server, now))

    def _drop(self, errand: Errand) -> None:
        self._under_way.discard(errand.spot)
        self._waiting.pop(errand.spot, None)
