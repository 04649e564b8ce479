"""Cuts a plan that violates an invariant down to the failures and faults without which it does not; used by ``__main__.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.sim.plan import Budgets, Plan


def shrink(plan: Plan, still_fails: Callable[[Plan], bool]) -> Plan:
    """Return a plan from which nothing more can be taken; each cut is kept only when the run still fails."""
    changed = True
    while changed:
        changed = False
        for smaller in _cuts(plan):
            if still_fails(smaller):
                plan, changed = smaller, True
                break
    return plan


def _cuts(plan: Plan) -> Iterator[Plan]:
    for number in range(len(plan.faults)):
        yield replace(plan, faults=plan.faults[:number] + plan.faults[number + 1 :])
    for number in range(len(plan.failures)):
        yield replace(plan, failures=plan.failures[:number] + plan.failures[number + 1 :])
    simpler = (
        replace(plan, copies=1),
        replace(plan, late_s=0.0),
        replace(plan, brakes=Budgets()),
        replace(plan, workers=1),
        replace(plan, partitions=1),
        replace(plan, asks_people=False),
    )
    yield from (one for one in simpler if one != plan)
