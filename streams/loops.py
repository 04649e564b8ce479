"""A strategy that goes round in circles on a target loses that target: there it asks people until one of them raises it again.

The loop guard stops the circle for an hour; without this the same would begin again every hour. Kept by decide in ``levels.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.decisions import Decision, Verdict
from schemas.outputs import Emit, Output
from schemas.oversight import AuditEntry, RolloutLevel
from streams.gates.loop_guard import NAME as LOOP_GUARD
from streams.rows import Rows

MAX_LOOPS = 5_000
# Unlike a strategy's own demotion it is not shown as its level: everywhere else it goes on as before.
LOOPED = "strategy.looped"


@dataclass(frozen=True, slots=True)
class LoopRow:
    """When a strategy last went round in circles on a target."""

    at: datetime


class Loops:
    """Rows by strategy and target."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.rows = Rows("loop/", LoopRow, MAX_LOOPS)
        self.rows.load(entries)

    def note_decision(self, decision: Decision) -> Sequence[Output]:
        """Keep a decision that ends a loop; return what is said of it, with the times of the loop's commands."""
        is_loop = decision.verdict is Verdict.ESCALATE and decision.reason.startswith(f"{LOOP_GUARD}:")
        if not is_loop or not decision.strategy:
            return ()
        self.rows.put(_key(decision.strategy, decision.target), LoopRow(decision.decided_at))
        details = (
            ("level", RolloutLevel.APPROVE.value),
            ("target", decision.target),
            ("why", f"{decision.reason}; a signed rollout word raises it again"),
        )
        return (Emit(AuditEntry("decide", LOOPED, decision.strategy, decision.decided_at, details)),)

    def note_raised(self, strategy: str, at: datetime) -> None:
        """Forget the loops of a strategy that a person has looked at and set a level for, later than they were."""
        for key, row in self.rows.items():
            if key.startswith(_key(strategy, "")) and at > row.at:
                self.rows.drop(key)

    def cap(self, strategy: str, target: str) -> RolloutLevel:
        """Return the highest level that the strategy has left on the target."""
        return RolloutLevel.APPROVE if self.rows.get(_key(strategy, target)) else RolloutLevel.AUTOMATIC


def _key(strategy: str, target: str) -> str:
    return f"{strategy}@{target}"
