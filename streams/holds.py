"""Why a decision must wait at the door just now: one small question each, asked in the order of ``HOLDS``; used by ``admit``.

A storm comes before them: while it lasts a member is not even asked, and when it is over it goes only where nothing else holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from schemas.lifecycle import Hold
from streams.door_state import DoorState, Queued

HoldCheck = Callable[[DoorState, Queued, datetime], str | None]


def hold_by_switch(state: DoorState, row: Queued, now: datetime) -> str | None:
    """Hold while a kill switch of the fleet or the scope is on."""
    stopped = state.control.stops(row.decision.scope, now)
    return f"{Hold.FREEZE}: kill switch {stopped}" if stopped else None


def hold_for_approval(state: DoorState, row: Queued, now: datetime) -> str | None:
    """Hold until the executor has shown its plan and enough people have said yes to exactly that one."""
    decision = row.decision
    if decision.approvals_required == 0:
        return None
    if not row.planned_hash:
        return f"{Hold.APPROVAL}: the executor's plan is awaited"
    missing = decision.approvals_required - len(state.control.approvals(decision, row.planned_hash, now))
    return f"{Hold.APPROVAL}: {missing} more for plan {row.planned_hash}" if missing > 0 else None


def hold_by_breaker(state: DoorState, row: Queued, now: datetime) -> str | None:
    """Hold while recoveries of this target, by this strategy or of this way of failing keep failing."""
    closed = state.breakers.why_closed_to(row.decision, now)
    return f"{Hold.BUDGET}: {closed}" if closed else None


def hold_by_budget(state: DoorState, row: Queued, now: datetime) -> str | None:
    """Hold while the target, the strategy, the team or the fleet has had its share."""
    spent = state.budgets.spent_out(row.decision, now)
    return f"{Hold.BUDGET}: {spent}" if spent else None


def hold_by_scope(state: DoorState, row: Queued, now: datetime) -> str | None:
    """Hold while another command changes the same scope."""
    del now
    return f"{Hold.BUDGET}: another command runs in {row.decision.scope}" if state.flying.get(row.decision.scope) else None


# In this order, so that a person reads of a switch first, then of a missing approval, and last of a queue.
HOLDS: tuple[HoldCheck, ...] = (hold_by_switch, hold_for_approval, hold_by_breaker, hold_by_budget, hold_by_scope)


def first_hold(state: DoorState, row: Queued, now: datetime) -> str:
    """Return the first reason to wait, empty when there is none."""
    return next((reason for check in HOLDS if (reason := check(state, row, now))), "")


def hold_of(state: DoorState, row: Queued, now: datetime) -> tuple[Queued, str]:
    """Return the row and its reason to wait, empty when it may go; the row is marked when a storm lets it go now."""
    parent = state.storms.holder_of(row.decision, row.freed_at, now)
    if not parent:
        return row, first_hold(state, row, now)
    stormy = f"{Hold.STORM}: {parent}"
    if not state.storms.may_go(parent, now):
        return row, stormy
    other = first_hold(state, row, now)
    # What waits for people is asked for now; whatever else holds it, it keeps its turn and its word.
    if other and not other.startswith(Hold.APPROVAL):
        return row, stormy
    state.storms.let_go(parent, now)
    return replace(row, freed_at=now), other
