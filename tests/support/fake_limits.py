"""Kernel limits in memory; the real adapter passes the same checks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from schemas.attempts import StepResult, StepStatus
from schemas.targets.limit import LimitSpec, LimitUse


@dataclass
class FakeLimits:
    """Limits by their names."""

    rows: dict[str, LimitUse] = field(default_factory=dict)
    ledger: list[tuple[str, int]] = field(default_factory=list)
    # What is used of it grows with it: a leak.
    leaks: bool = False

    def use(self, limit: LimitSpec) -> LimitUse | None:
        return self.rows.get(limit.name)

    def put(self, limit: LimitSpec, expected: int, value: int) -> StepResult:
        row = self.rows[limit.name]
        if row.value == value:
            return StepResult(StepStatus.OK)
        if row.value != expected:
            return StepResult(StepStatus.FAILED, f"it is {row.value}")
        self.rows[limit.name] = replace(row, value=value, used=value if self.leaks else row.used)
        self.ledger.append((limit.name, value))
        return StepResult(StepStatus.OK)
