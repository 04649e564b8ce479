"""How many commands a target, a strategy and the fleet may still get: exact counts in sliding windows; used by ``streams/admit.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.policy import Budget, Policy
from streams.rows import Rows

MAX_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Spent:
    """When commands were admitted, oldest first; what left the window is dropped when the row is written."""

    at: tuple[datetime, ...] = ()


class Budgets:
    """Counts admissions; its rows survive in admit's state, so a restart forgets nothing."""

    def __init__(self, entries: Mapping[str, str], policy: Policy) -> None:
        self.rows = Rows("budget/", Spent, MAX_ROWS)
        self.rows.load(entries)
        self._policy = policy

    def _limits(self, target: str, strategy: str) -> tuple[tuple[str, Budget], ...]:
        return (
            (f"target/{target}", self._policy.target_budget),
            (f"strategy/{strategy}", self._policy.strategy_budget),
            ("fleet", self._policy.fleet_budget),
        )

    def _within(self, name: str, budget: Budget, now: datetime) -> tuple[datetime, ...]:
        row = self.rows.get(name) or Spent()
        since = now - timedelta(seconds=budget.window_s)
        return tuple(at for at in row.at if at > since)

    def spent_out(self, target: str, strategy: str, now: datetime) -> str | None:
        """Return the first budget that has nothing left, None when all have."""
        for name, budget in self._limits(target, strategy):
            if len(self._within(name, budget, now)) >= budget.limit:
                return f"{name}: {budget.limit} in {budget.window_s:g} s"
        return None

    def spend(self, target: str, strategy: str, now: datetime) -> None:
        """Take one from each budget."""
        for name, budget in self._limits(target, strategy):
            self.rows.put(name, Spent((*self._within(name, budget, now), now)))
