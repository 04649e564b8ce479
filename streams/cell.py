"""One partition's live stage with what it said and did not send yet; ``streams/agents.py`` moves it on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from schemas.ids import Record
from schemas.outputs import StageLogic
from streams.binding import Guard, Incoming, Letter

# An owner that writes its state later does so once it holds that many events or bytes of them, at each tick, and before each commit.
HELD_EVENTS = 2000
UNSENT_LETTERS = 1000
HELD_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Applied:
    """An event that is in a stage and not yet in its written state."""

    event: Record
    incoming: Incoming
    at: datetime


@dataclass(slots=True)
class Cell:
    """One partition's live stage and its guard, what it said and did not send yet, and what its written state lacks."""

    logic: StageLogic[Record]
    guard: Guard
    generation: int = 0
    unsent: list[Letter] = field(default_factory=list)
    held: list[Applied] = field(default_factory=list)
    held_bytes: int = 0
    is_torn: bool = False
    is_closing: bool = False

    def hold(self, applied: Applied, size: int) -> None:
        """Remember an event until the state is written."""
        self.held.append(applied)
        self.held_bytes += size

    def must_wait(self) -> bool:
        """Tell whether no further event may be applied before what is under way has ended."""
        return self.is_torn or self.is_closing or self.is_full()

    def is_full(self) -> bool:
        """Tell whether all must be made durable before another event is applied."""
        return len(self.held) >= HELD_EVENTS or self.held_bytes >= HELD_BYTES or len(self.unsent) >= UNSENT_LETTERS
