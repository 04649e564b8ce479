"""Why a decision must wait at the door just now: one small question each, asked in the order of ``HOLDS``; used by ``admit``.

A storm comes before them: while it lasts a member is not even asked, and when it is over it goes only where nothing else holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.backoff import wait_before_s
from schemas.lifecycle import Hold
from schemas.workflows import Retry
from streams.calendar import Closed
from streams.door_state import DoorState, Queued

_JOB = "job:"
SWITCHED = f"{Hold.FREEZE}: kill switch"


@dataclass(frozen=True, slots=True)
class Held:
    """Why a decision waits, empty when it may go; ``until`` where it is known when that will be over."""

    reason: str = ""
    until: datetime | None = None


HoldCheck = Callable[[DoorState, Queued, datetime], Held | None]


def hold_by_switch(state: DoorState, row: Queued, now: datetime) -> Held | None:
    """Hold while a kill switch that reaches the command is on."""
    stopped = state.control.switches.stops(row.decision, now)
    return Held(f"{SWITCHED} {stopped}") if stopped else None


def hold_by_freeze(state: DoorState, row: Queued, now: datetime) -> Held | None:
    """Hold while a person keeps hands off the target."""
    return _held(state.calendar.closed_by_word(row.decision, state.control.freezes, now))


def hold_by_window(state: DoorState, row: Queued, now: datetime) -> Held | None:
    """Hold while a window of the policy is open."""
    return _held(state.calendar.closed_by_window(row.decision, now))


def hold_by_workflow(state: DoorState, row: Queued, now: datetime) -> Held | None:
    """Hold while a deployment or somebody's workflow runs on the target."""
    running = None if row.decision.dry_run else state.workflows.on(state.calendar.subject_of(row.decision), now)
    return _held(Closed(f"workflow {running.rule} runs as {running.run.partition('|')[0]}", running.until) if running else None)


def _held(closed: Closed | None) -> Held | None:
    return Held(f"{Hold.FREEZE}: {closed.reason}, until {closed.until.isoformat()}", closed.until) if closed else None


def hold_for_approval(state: DoorState, row: Queued, now: datetime) -> Held | None:
    """Hold until the executor has shown its plan and enough people have said yes to exactly that one."""
    decision = row.decision
    if decision.approvals_required == 0:
        return None
    if not row.planned_hash:
        return Held(f"{Hold.APPROVAL}: the executor's plan is awaited")
    missing = decision.approvals_required - len(state.control.approvals(decision, row.planned_hash, now))
    return Held(f"{Hold.APPROVAL}: {missing} more for plan {row.planned_hash}") if missing > 0 else None


def hold_by_backoff(state: DoorState, row: Queued, now: datetime) -> Held | None:
    """Hold a job that was run again in vain: what just failed is hardly well yet, and many that failed with it must not come at once."""
    decision = row.decision
    if decision.attempt == 1 or not decision.target.startswith(_JOB):
        return None
    policy = state.policy
    waits = Retry(decision.max_attempts, policy.again_first_wait_s, longest_wait_s=policy.again_longest_wait_s)
    until = decision.decided_at + timedelta(seconds=wait_before_s(waits, decision.attempt - 1, decision.incident_id))
    is_free = now >= until or state.control.passes_budgets(decision)
    return None if is_free else Held(f"{Hold.BUDGET}: attempt {decision.attempt} waits until {until.isoformat()}", until)


def hold_by_breaker(state: DoorState, row: Queued, now: datetime) -> Held | None:
    """Hold while recoveries of this target, by this strategy or of this way of failing keep failing."""
    closed = state.breakers.why_closed_to(row.decision, now)
    return Held(f"{Hold.BUDGET}: {closed}") if closed else None


def hold_by_budget(state: DoorState, row: Queued, now: datetime) -> Held | None:
    """Hold while the target, the strategy, the team or the fleet has had its share; an admin's word to run it passes."""
    spent = state.budgets.spent_out(row.decision, now)
    return Held(f"{Hold.BUDGET}: {spent}") if spent and not state.control.passes_budgets(row.decision) else None


def hold_by_scope(state: DoorState, row: Queued, now: datetime) -> Held | None:
    """Hold while another command changes the same scope."""
    del now
    return Held(f"{Hold.BUDGET}: another command runs in {row.decision.scope}") if state.flying.get(row.decision.scope) else None


# In this order, so that a person reads of a switch and of a freeze first, then of a missing approval, and last of a queue; while a target
# is to be left alone nobody is asked, and no plan is made on it.
HOLDS: tuple[HoldCheck, ...] = (
    hold_by_switch,
    hold_by_freeze,
    hold_by_window,
    hold_by_workflow,
    hold_for_approval,
    hold_by_backoff,
    hold_by_breaker,
    hold_by_budget,
    hold_by_scope,
)


def first_hold(state: DoorState, row: Queued, now: datetime) -> Held:
    """Return the first reason to wait, an empty one when there is none."""
    return next((held for check in HOLDS if (held := check(state, row, now))), Held())


def hold_of(state: DoorState, row: Queued, now: datetime) -> tuple[Queued, Held]:
    """Return the row and its reason to wait, empty when it may go; the row is marked when a storm lets it go now."""
    parent = state.storms.holder_of(row.decision, row.freed_at, now)
    if not parent:
        return row, first_hold(state, row, now)
    stormy = Held(f"{Hold.STORM}: {parent}")
    if not state.storms.may_go(parent, now):
        return row, stormy
    other = first_hold(state, row, now)
    # What waits for people is asked for now; whatever else holds it, it keeps its turn and its word.
    if other.reason and not other.reason.startswith(Hold.APPROVAL):
        return row, stormy
    state.storms.let_go(parent, now)
    return replace(row, freed_at=now), other
