"""Why a decision must wait at the door just now: one small question each, asked in the order of ``HOLDS``; used by ``admit``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from schemas.lifecycle import Hold
from streams.breakers import Circuit
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
    """Hold while recoveries of this kind keep failing on this target."""
    circuit = state.breakers.state(row.decision.strategy, row.decision.target, now)
    return f"{Hold.BUDGET}: the breaker is open" if circuit is Circuit.OPEN else None


def hold_by_budget(state: DoorState, row: Queued, now: datetime) -> str | None:
    """Hold while the target, the strategy or the fleet has had its share."""
    spent = state.budgets.spent_out(row.decision.target, row.decision.strategy, now)
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
