"""How far each strategy may go now: the lowest of the policy's level, of what people said and of what its own failures and loops left it.

Kept by decide in its history (``healing_history.py``), so that the next decision already obeys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from schemas.configuration import Configuration
from schemas.decisions import Decision
from schemas.outputs import Emit, Output
from schemas.oversight import AuditEntry, Control, RolloutLevel
from schemas.recoveries import RecoveryOutcome
from schemas.rollouts import (
    ROLLOUT_REFUSED,
    ROLLOUT_SET,
    RolloutRow,
    details_of,
    lower_of,
    may_raise,
    rollout_after,
    strategy_of,
)
from streams.demotions import Demotions, StrategyRow
from streams.loops import LoopRow, Loops
from streams.rows import Rows

MAX_STRATEGIES = 500
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Levels:
    """Rows by strategy: people's words, the demotions, and the targets that it went round in circles on."""

    def __init__(self, entries: Mapping[str, str], configuration: Configuration) -> None:
        """Begin again from a snapshot's entries."""
        self._configuration = configuration
        self._rollouts = Rows("rollout/", RolloutRow, MAX_STRATEGIES)
        self._rollouts.load(entries)
        self._demotions = Demotions(entries)
        self._loops = Loops(entries)

    def take_up(self, strategy: str, level: RolloutLevel) -> None:
        """Take a level that was kept before it was known who set it: it still holds, and anybody who may can raise it."""
        if self._rollouts.get(strategy) is None:
            self._rollouts.put(strategy, RolloutRow(level, "", _LONG_AGO))

    def note_outcome(self, outcome: RecoveryOutcome, now: datetime) -> Sequence[Output]:
        """Count what a recovery achieved; return what is said when its strategy is demoted for it."""
        return self._demotions.note_outcome(outcome, self.level_of(outcome.strategy or "", now), self._configuration.policy)

    def note_decision(self, decision: Decision) -> Sequence[Output]:
        """Keep a loop that a decision ends; return what is said of it."""
        return self._loops.note_decision(decision)

    def note_rollout(self, control: Control) -> Sequence[Output]:
        """Keep a counted word on a level, or say why one that goes up is refused."""
        strategy, people = strategy_of(control), self._configuration.people
        known = self._rollouts.get(strategy)
        if known and known.at >= control.at:
            return ()
        row = rollout_after(known, control, people, self._configuration.policy.oversight)
        if isinstance(row, str):
            return [Emit(AuditEntry("decide", ROLLOUT_REFUSED, strategy, control.at, (("by", control.by), ("why", row))))]
        self._rollouts.put(strategy, row)
        # Lowering is everybody's who may stop things; taking a demotion back is for those who may release a stop.
        if may_raise(control, people):
            self._demotions.note_raised(strategy, control.at)
            self._loops.note_raised(strategy, control.at)
        return [Emit(AuditEntry("decide", ROLLOUT_SET, strategy, control.at, details_of(row)))]

    def level_of(self, strategy: str, now: datetime, target: str = "") -> RolloutLevel:
        """Return how far a strategy may go on a target: people, its failures and its loops can lower the policy's level, never raise it."""
        word = self._rollouts.get(strategy)
        said = word.level_at(now) if word else RolloutLevel.AUTOMATIC
        own = lower_of(self._demotions.cap(strategy), self._loops.cap(strategy, target))
        return lower_of(self._configuration.policy.for_strategy(strategy).level, own, said)

    def tables(self) -> tuple[Rows[RolloutRow], Rows[StrategyRow], Rows[LoopRow]]:
        """Return the rows whose entries are this state."""
        return (self._rollouts, self._demotions.rows, self._loops.rows)
