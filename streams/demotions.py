"""Automations that stop working demote themselves: a strategy that fails more often than it used to must ask first, then only observes.

Kept by decide beside its history (``healing_history.py``), from the same outcomes, so that the next decision already obeys. Nobody's key
is needed to lower a level; raising it again takes a signed word of a person, later than the demotion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from learning.drift import Watch, WatchRules, observe
from schemas.outputs import Count, Emit, Output
from schemas.oversight import AuditEntry, RolloutLevel
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from streams.rows import Rows

MAX_STRATEGIES = 500
MAX_OUTCOMES = 100
# Until 20 outcomes have shown what is usual, three failures in ten are taken for it; nine failures in a row demote a new strategy,
# four one that never failed. A false demotion only asks a person, so one in some 400 outcomes is borne.
RULES = WatchRules(rise=0.3, bound=6.0, warm_up=20, expected=0.3)
_SAYS = {OutcomeStatus.HEALED: False, OutcomeStatus.ROLLED_BACK: True, OutcomeStatus.ROLLBACK_FAILED: True}
_LEVELS = (RolloutLevel.APPROVE, RolloutLevel.OBSERVE)


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """How a strategy does, the commands counted last, how often it was demoted since a person raised it, and when last."""

    watch: Watch = Watch()
    counted: tuple[str, ...] = ()
    demotions: int = 0
    at: datetime | None = None


class Demotions:
    """Rows by strategy."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.rows = Rows("demotion/", StrategyRow, MAX_STRATEGIES)
        self.rows.load(entries)

    def note_outcome(self, outcome: RecoveryOutcome) -> Sequence[Output]:
        """Count what a command achieved; what was refused, observed or never run says nothing of the strategy."""
        has_failed = _SAYS.get(outcome.status)
        name = outcome.command_id or ""
        row = self.rows.get(outcome.strategy or "") or StrategyRow()
        if has_failed is None or not outcome.strategy or not name or outcome.dry_run or name in row.counted:
            return ()
        watch, is_drift = observe(row.watch, has_failed, RULES)
        row = replace(row, watch=watch, counted=(*row.counted, name)[-MAX_OUTCOMES:])
        if is_drift:
            row = replace(row, demotions=row.demotions + 1, at=outcome.finished_at)
        self.rows.put(outcome.strategy, row)
        return _say(outcome, row) if is_drift else ()

    def note_raised(self, strategy: str, at: datetime) -> None:
        """Forget the demotions of a strategy that a person has looked at and set a level for, later than the last of them."""
        row = self.rows.get(strategy)
        if row and row.at and at > row.at:
            self.rows.put(strategy, replace(row, demotions=0, at=None))

    def cap(self, strategy: str) -> RolloutLevel:
        """Return the highest level that the strategy has left."""
        row = self.rows.get(strategy)
        demotions = row.demotions if row else 0
        return _LEVELS[min(demotions, len(_LEVELS)) - 1] if demotions else RolloutLevel.AUTOMATIC


def _say(outcome: RecoveryOutcome, row: StrategyRow) -> Sequence[Output]:
    level = _LEVELS[min(row.demotions, len(_LEVELS)) - 1]
    strategy = outcome.strategy or ""
    why = "its recoveries fail more often than they used to; a signed rollout word raises it again"
    details = (("command_id", outcome.command_id or ""), ("level", level.value), ("why", why))
    counted = (("model", f"strategy/{strategy}"),)
    return [
        Emit(AuditEntry("decide", "strategy.demoted", strategy, outcome.finished_at, details)),
        Count("healstream_drift_detected_total", counted),
    ]
