"""One budget of time per command, used up by every step; waiting under a halt is left out. Called by ``execute``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# records.md: a rollback ends within one minute of the failed verification.
ROLLBACK_S = 60.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment at which a budget is used up."""

    ends_at: datetime

    @classmethod
    def after(cls, began: datetime, budget_s: float, paused_s: float = 0.0) -> Deadline:
        """Return the end of ``budget_s`` seconds from ``began``, moved on by the time spent halted."""
        return cls(began + timedelta(seconds=budget_s + paused_s))

    def left_s(self, now: datetime) -> float:
        """Return the seconds that are left, 0 when it is over."""
        return max(0.0, (self.ends_at - now).total_seconds())

    def is_over(self, now: datetime) -> bool:
        """Tell whether nothing is left."""
        return now >= self.ends_at
