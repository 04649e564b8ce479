"""Where recipes' code runs: in threads of its own beside the run, or at once in its place where time is not real.

A recipe may raise or hang; only its attempt does. Given to ``recoverers/hands.py`` by the worker.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from recoverers.ports import Attempt, Raised
from schemas.door import redact

T = TypeVar("T")
# A run that rests is told of a lost partition within this, in seconds.
LONGEST_REST_S = 0.5
# The name of every thread that a recipe runs in.
ATTEMPT = "attempt"


class Crew(Protocol):
    """Who carries recipes' code out."""

    def start(self, work: Callable[[], T]) -> Attempt[T]:
        """Begin it."""
        ...

    def rest(self, attempts: Sequence[Attempt[object]], seconds: float, wait: Callable[[float], None]) -> None:
        """Wait until one of the attempts has ended, so many seconds at most."""
        ...


def made(work: Callable[[], T]) -> T | Raised:
    """Return what the code returned, or that it raised."""
    try:
        return work()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the one place: a recipe is a stranger's code, and its run must go on without it
        return Raised(redact(f"{type(error).__name__}: {error}"[:1000])[:300])


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """An attempt that ended when it began."""

    made: T | Raised

    def outcome(self) -> T | Raised | None:
        """Return what came of it."""
        return self.made


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Carries everything out in the caller's place: for virtual time, where nothing can hang."""

    def start(self, work: Callable[[], T]) -> Attempt[T]:
        """Carry it out."""
        return Ended(made(work))

    def rest(self, attempts: Sequence[Attempt[object]], seconds: float, wait: Callable[[float], None]) -> None:
        """Wait, unless an attempt has ended, as all have."""
        if not attempts:
            wait(seconds)


@dataclass(slots=True)
class InThread(Generic[T]):
    """An attempt in a thread of its own."""

    made: list[T | Raised] = field(default_factory=list)

    def outcome(self) -> T | Raised | None:
        """Return what came of it, None while it goes on."""
        return self.made[0] if self.made else None


@dataclass(frozen=True, slots=True)
class Threads:
    """One run's threads, each made for one attempt; they die with the process, as a journal expects."""

    came: threading.Event = field(default_factory=threading.Event)
    begun: list[Attempt[object]] = field(default_factory=list)

    def is_at_work(self) -> bool:
        """Tell whether something that was begun has not ended: also after its run gave it up."""
        return any(attempt.outcome() is None for attempt in self.begun)

    def start(self, work: Callable[[], T]) -> Attempt[T]:
        """Begin it in a new thread."""
        attempt: InThread[T] = InThread()
        self.begun[:] = [*(one for one in self.begun if one.outcome() is None), attempt]

        def carry_out() -> None:
            attempt.made.append(made(work))
            self.came.set()

        threading.Thread(target=carry_out, name=ATTEMPT, daemon=True).start()
        return attempt

    def rest(self, attempts: Sequence[Attempt[object]], seconds: float, wait: Callable[[float], None]) -> None:
        """Wait on what comes first; ``wait`` is asked too, since it says when the partition is lost."""
        wait(0.0)
        self.came.clear()
        if all(attempt.outcome() is None for attempt in attempts):
            self.came.wait(min(seconds, LONGEST_REST_S))
