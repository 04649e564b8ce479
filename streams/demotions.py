"""Automations that stop working demote themselves, one rung of the rollout's ladder a breach.

A breach is either of two: the strategy fails more often than it used to (``learning/drift.py``), or of its last outcomes so few healed
that its share is below the policy's ``demote_below`` at its upper 90 % bound, which also finds what never worked. After a breach both
begin anew. Kept by decide in ``levels.py``, from the same outcomes as its history, so that the next decision already obeys.
Nobody's key is needed to lower a level; raising it again takes a signed word of a person, later than the demotion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from learning.drift import Watch, WatchRules, observe, upper_bound
from schemas.outputs import Count, Emit, Output
from schemas.oversight import AuditEntry, RolloutLevel
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.rollouts import DEMOTED, rung_below
from streams.rows import Rows

MAX_STRATEGIES = 500
MAX_OUTCOMES = 100
# Until 20 outcomes have shown what is usual, three failures in ten are taken for it; nine failures in a row demote a new strategy,
# four one that never failed. A false demotion only asks a person, so one in some 400 outcomes is borne.
RULES = WatchRules(rise=0.3, bound=6.0, warm_up=20, expected=0.3)
_FAILS_MORE = "its recoveries fail more often than they used to"
SAYS_FAILED = {OutcomeStatus.HEALED: False, OutcomeStatus.ROLLED_BACK: True, OutcomeStatus.ROLLBACK_FAILED: True}
# Fewer outcomes give no share.
_LEAST_OUTCOMES = 10


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """How a strategy does, the commands counted last, and how it was demoted since a person raised it: how often, when last, how far.

    ``healed`` are its latest outcomes since the last breach, oldest first.
    """

    watch: Watch = Watch()
    counted: tuple[str, ...] = ()
    demotions: int = 0
    at: datetime | None = None
    healed: tuple[bool, ...] = ()
    cap: RolloutLevel | None = None


class Demotions:
    """Rows by strategy."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self.rows = Rows("demotion/", StrategyRow, MAX_STRATEGIES)
        self.rows.load(entries)

    def note_outcome(self, outcome: RecoveryOutcome, level: RolloutLevel, policy: Policy) -> Sequence[Output]:
        """Count what a command achieved; what was refused, observed or never run says nothing of a strategy.

        ``level`` is the one that the strategy has now: a breach leaves it the rung below.
        """
        has_failed = SAYS_FAILED.get(outcome.status)
        name = outcome.command_id or ""
        row = self.rows.get(outcome.strategy or "") or StrategyRow()
        if has_failed is None or not outcome.strategy or not name or outcome.dry_run or name in row.counted:
            return ()
        watch, is_drift = observe(row.watch, has_failed, RULES)
        healed = (*row.healed, not has_failed)[-policy.demote_window :]
        row = replace(row, watch=watch, counted=(*row.counted, name)[-MAX_OUTCOMES:], healed=healed)
        why = _FAILS_MORE if is_drift else _why_too_few(healed, policy)
        if why:
            row = replace(
                row, watch=Watch(drifts=watch.drifts), demotions=row.demotions + 1, at=outcome.finished_at, healed=(), cap=rung_below(level)
            )
        self.rows.put(outcome.strategy, row)
        return _say(outcome, row, why) if why else ()

    def note_raised(self, strategy: str, at: datetime) -> None:
        """Forget the demotions of a strategy that a person has looked at and set a level for, later than the last of them."""
        row = self.rows.get(strategy)
        if row and row.at and at > row.at:
            self.rows.put(strategy, replace(row, demotions=0, at=None, cap=None))

    def cap(self, strategy: str) -> RolloutLevel:
        """Return the highest level that the strategy has left."""
        row = self.rows.get(strategy)
        if row is None or not row.demotions:
            return RolloutLevel.AUTOMATIC
        # A demotion of before there were rungs was kept as a number only.
        return row.cap or RolloutLevel.OBSERVE


def _why_too_few(healed: tuple[bool, ...], policy: Policy) -> str:
    # The bound, not the share itself: of a strategy that heals seven in ten, a bad week alone would say too little.
    if len(healed) < _LEAST_OUTCOMES or upper_bound(sum(healed), len(healed)) >= policy.demote_below:
        return ""
    return f"{sum(healed)} of its last {len(healed)} recoveries healed, surely fewer than {100 * policy.demote_below:g} %"


def _say(outcome: RecoveryOutcome, row: StrategyRow, why: str) -> Sequence[Output]:
    level = row.cap or RolloutLevel.OBSERVE
    strategy = outcome.strategy or ""
    details = (("command_id", outcome.command_id or ""), ("level", level.value), ("why", f"{why}; a signed rollout word raises it again"))
    counted = (("model", f"strategy/{strategy}"),)
    return [
        Emit(AuditEntry("decide", DEMOTED, strategy, outcome.finished_at, details)),
        Count("healstream_drift_detected_total", counted),
    ]
