"""What the raise of a kernel's limit needs from the world, as a Protocol; ``infra/adapters/limits.py`` fits it structurally."""

from __future__ import annotations

from typing import Protocol

from schemas.attempts import StepResult
from schemas.targets.limit import LimitSpec, LimitUse


class LimitPort(Protocol):
    """Limits of this machine's kernel."""

    def use(self, limit: LimitSpec) -> LimitUse | None:
        """Return the limit and what is used of it, None when that cannot be read."""
        ...

    def put(self, limit: LimitSpec, expected: int, value: int) -> StepResult:
        """Set the limit if it is still ``expected``; twice changes nothing more."""
        ...
