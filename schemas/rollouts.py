"""How far people let a strategy go, from their signed words on ``rollout/<strategy>``; kept by decide and shown by ``healstream rollout``.

Pure. Lowering is everybody's who may stop things, at once. Going up takes who may release a stop, and another than the one who lowered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.authorization import Matter
from schemas.control_words import ROLLOUT_PREFIX, SINGLE_OPERATOR_WAIT_S
from schemas.decisions import Oversight
from schemas.oversight import Control, RolloutLevel
from schemas.people import People, Right

LADDER = tuple(RolloutLevel)
# What decide tells the audit chain of a strategy's level; the command line shows it from there.
ROLLOUT_SET, ROLLOUT_REFUSED, DEMOTED = "rollout.set", "rollout.refused", "strategy.demoted"


@dataclass(frozen=True, slots=True)
class RolloutRow:
    """The highest level that people leave a strategy, and who lowered it last; a raise that must wait holds from ``holds_at`` on."""

    level: RolloutLevel
    by: str
    at: datetime
    lowered_by: str = ""
    before: RolloutLevel | None = None
    holds_at: datetime | None = None

    def level_at(self, now: datetime) -> RolloutLevel:
        """Return the level that holds now."""
        waits = self.before is not None and self.holds_at is not None and now < self.holds_at
        return self.before if waits and self.before is not None else self.level


def lower_of(*levels: RolloutLevel) -> RolloutLevel:
    """Return the level that goes the least far."""
    return min(levels, key=LADDER.index)


def rung_below(level: RolloutLevel) -> RolloutLevel:
    """Return the next level that goes less far; nothing is below observing."""
    return LADDER[max(LADDER.index(level) - 1, 0)]


def details_of(row: RolloutRow) -> tuple[tuple[str, str], ...]:
    """Return the row as details of its audit entry, from which ``row_from`` makes it again."""
    waits = (("before", row.before.value), ("holds_at", row.holds_at.isoformat())) if row.before and row.holds_at else ()
    return (("by", row.by), ("level", row.level.value), ("lowered_by", row.lowered_by), *waits)


def row_from(details: tuple[tuple[str, str], ...], at: datetime) -> RolloutRow:
    """Return the row that an audit entry tells of; raises ValueError or KeyError for one that no rollout made."""
    told = dict(details)
    before, holds_at = told.get("before"), told.get("holds_at")
    return RolloutRow(
        level=RolloutLevel(told["level"]),
        by=told["by"],
        at=at,
        lowered_by=told["lowered_by"],
        before=RolloutLevel(before) if before else None,
        holds_at=datetime.fromisoformat(holds_at) if holds_at else None,
    )


def strategy_of(control: Control) -> str:
    """Return the strategy that a rollout's word is about."""
    return control.key.removeprefix(ROLLOUT_PREFIX)


def may_raise(control: Control, people: People) -> bool:
    """Tell whether who said the word may also let things go on again."""
    return people.may(control.by, Right.RELEASE_SWITCH, Matter(strategy=strategy_of(control)))


def rollout_after(row: RolloutRow | None, control: Control, people: People, oversight: Oversight) -> RolloutRow | str:
    """Return what people leave a strategy after a counted word, or why a word that goes up does not count."""
    level = control.rollout.level if control.rollout else RolloutLevel.OBSERVE
    now = row.level_at(control.at) if row else RolloutLevel.AUTOMATIC
    lowered_by = row.lowered_by if row else ""
    if LADDER.index(level) <= LADDER.index(now):
        is_lower = level is not now
        return RolloutRow(level, control.by, control.at, control.by if is_lower else lowered_by)
    if not may_raise(control, people):
        return f"{control.by} has no right to {Right.RELEASE_SWITCH}, and going up from {now} takes it"
    if oversight is Oversight.TWO_PERSON and control.by == lowered_by:
        return f"{lowered_by} has lowered it, and going up from {now} takes another person"
    if oversight is Oversight.SINGLE_OPERATOR:
        return RolloutRow(level, control.by, control.at, lowered_by, now, control.at + timedelta(seconds=SINGLE_OPERATOR_WAIT_S))
    return RolloutRow(level, control.by, control.at, lowered_by)
