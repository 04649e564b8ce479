"""How many commands a target, a strategy, a team and the fleet may still get, and how many service groups may still be changed.

Exact counts in sliding windows; used by ``streams/admit.py``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from schemas.decisions import Decision
from schemas.policy import Budget, Policy
from schemas.services import Services
from streams.owners import Owners
from streams.rows import Rows

SPENT_PREFIX = "spent/"
MAX_ROWS = 50_000
# A new owner's clock may be behind the one before: what a window may still reach from there is kept, too.
CLOCK_SLACK_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Spent:
    """One command that was admitted, and when; ``group`` is the service group that it changes, empty when it changes none."""

    target: str
    strategy: str
    at: datetime
    team: str = ""
    group: str = ""


class Budgets:
    """Counts admissions; its rows, one a command, survive in admit's state, so a restart forgets nothing.

    A command counts in every window that is younger than it *or not yet there*: a clock that is set back between two owners takes nothing
    out of a budget. What is set while an owner looks at it moves its commands with it, so that nothing leaves a window early or late.
    """

    def __init__(self, entries: Mapping[str, str], policy: Policy, services: Services) -> None:
        """Begin again from a snapshot."""
        self.rows = Rows(SPENT_PREFIX, Spent, MAX_ROWS)
        self.rows.load(entries)
        self._policy = policy
        self._owners = Owners(services)
        self._changeable = changeable_groups(policy, services)
        budgets = (policy.target_budget, policy.strategy_budget, policy.team_budget, policy.fleet_budget)
        self._longest_s = max(policy.change_window_s, *(budget.window_s for budget in budgets))
        self._kept_s = self._longest_s + CLOCK_SLACK_S
        self._times: dict[str, list[datetime]] = {}
        for row in self.rows.values():
            self._note(row)

    def shift(self, step: timedelta, now: datetime) -> None:
        """Move with the clock, which was set by ``step`` to ``now``, what a window reaches or would reach again."""
        since = now - max(step, timedelta(0)) - timedelta(seconds=self._longest_s)
        for command, row in self.rows.items():
            if row.at > since:
                self._forget(row)
                moved = replace(row, at=row.at + step)
                self.rows.put(command, moved)
                self._note(moved)

    def spent_out(self, decision: Decision, now: datetime) -> str | None:
        """Return the first budget that has nothing left for a decision, None when all have."""
        row = self._row_of(decision, now)
        for name, budget in _limits(self._policy, row):
            if self._within(name, budget.window_s, now) >= budget.limit:
                return f"{name}: {budget.limit} in {budget.window_s:g} s"
        return self._share_out(row, now) or self._full_book(now)

    def spend(self, command: str, decision: Decision, now: datetime) -> None:
        """Take one from each budget for a command; rows that no window can reach any more are dropped."""
        row = self._row_of(decision, now)
        self.rows.put(command, row)
        self._note(row)
        since = now - timedelta(seconds=self._kept_s)
        while (oldest := self.rows.oldest()) and oldest[1].at <= since:
            self.rows.drop(oldest[0])
            self._forget(oldest[1])

    def _row_of(self, decision: Decision, now: datetime) -> Spent:
        spec = self._owners.of(decision.target)
        group = spec.group if spec and not decision.dry_run else ""
        return Spent(decision.target, decision.strategy, now, spec.team if spec else "", group)

    def _names(self, row: Spent) -> tuple[str, ...]:
        return (*(name for name, _ in _limits(self._policy, row)), *((_GROUP + row.group,) if row.group else ()))

    def _note(self, row: Spent) -> None:
        for name in self._names(row):
            insort(self._times.setdefault(name, []), row.at)

    def _forget(self, row: Spent) -> None:
        for name in self._names(row):
            times = self._times[name]
            del times[bisect_left(times, row.at)]
            if not times:
                del self._times[name]

    def _within(self, name: str, window_s: float, now: datetime) -> int:
        times = self._times.get(name, [])
        return len(times) - bisect_right(times, now - timedelta(seconds=window_s))

    def _share_out(self, row: Spent, now: datetime) -> str | None:
        """Return why one more service group may not be changed; one that was changed in the window already may be again."""
        window_s = self._policy.change_window_s
        if not row.group or self._within(_GROUP + row.group, window_s, now):
            return None
        changed = sum(bool(self._within(name, window_s, now)) for name in self._times if name.startswith(_GROUP))
        if changed < self._changeable:
            return None
        return f"share of the fleet: {changed} service groups changed in {window_s:g} s, {self._changeable} may be"

    def _full_book(self, now: datetime) -> str | None:
        """Return why nothing may go while the book could only take one more by forgetting what a window still reaches."""
        oldest = self.rows.oldest() if len(self.rows) >= MAX_ROWS else None
        is_reached = oldest is not None and oldest[1].at > now - timedelta(seconds=self._kept_s)
        return f"the book of budgets is full: {MAX_ROWS} commands" if is_reached else None


_GROUP = "group/"


def _limits(policy: Policy, row: Spent) -> tuple[tuple[str, Budget], ...]:
    """Return the budgets that a command counts in, by name."""
    team = ((f"team/{row.team}", policy.team_budget),) if row.team else ()
    return (
        (f"target/{row.target}", policy.target_budget),
        (f"strategy/{row.strategy}", policy.strategy_budget),
        *team,
        ("fleet", policy.fleet_budget),
    )


def changeable_groups(policy: Policy, services: Services) -> int:
    """Return how many service groups may be changed within the policy's window."""
    groups = len({spec.group for spec in services.services})
    return max(min(int(policy.change_share * groups), policy.change_most), policy.change_least)
