"""How many commands a target, a strategy and the fleet may still get: exact counts in sliding windows; used by ``streams/admit.py``."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.policy import Budget, Policy
from streams.rows import Rows

MAX_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Spent:
    """One command that was admitted, and when."""

    target: str
    strategy: str
    at: datetime


class Budgets:
    """Counts admissions; its rows, one a command, survive in admit's state, so a restart forgets nothing."""

    def __init__(self, entries: Mapping[str, str], policy: Policy) -> None:
        self.rows = Rows("spent/", Spent, MAX_ROWS)
        self.rows.load(entries)
        self._policy = policy
        self._kept_s = max(budget.window_s for _, budget in self._limits("", ""))
        self._times: dict[str, deque[datetime]] = defaultdict(deque)
        for row in self.rows.values():
            self._note(row)

    def _limits(self, target: str, strategy: str) -> tuple[tuple[str, Budget], ...]:
        return (
            (f"target/{target}", self._policy.target_budget),
            (f"strategy/{strategy}", self._policy.strategy_budget),
            ("fleet", self._policy.fleet_budget),
        )

    def _note(self, row: Spent) -> None:
        for name, _ in self._limits(row.target, row.strategy):
            self._times[name].append(row.at)

    def _within(self, name: str, budget: Budget, now: datetime) -> int:
        times = self._times.get(name)
        since = now - timedelta(seconds=budget.window_s)
        while times and times[0] <= since:
            times.popleft()
        if times is not None and not times:
            del self._times[name]
        return len(times) if times else 0

    def spent_out(self, target: str, strategy: str, now: datetime) -> str | None:
        """Return the first budget that has nothing left, None when all have."""
        for name, budget in self._limits(target, strategy):
            if self._within(name, budget, now) >= budget.limit:
                return f"{name}: {budget.limit} in {budget.window_s:g} s"
        return None

    def spend(self, command: str, target: str, strategy: str, now: datetime) -> None:
        """Take one from each budget for a command; rows that no window reaches any more are dropped."""
        row = Spent(target, strategy, now)
        self.rows.put(command, row)
        self._note(row)
        since = now - timedelta(seconds=self._kept_s)
        while (oldest := self.rows.oldest()) and oldest[1].at <= since:
            self.rows.drop(oldest[0])
