"""What one look at a target saw."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.events import HealthStatus


@dataclass(frozen=True, slots=True)
class Look:
    """One status and one line of why."""

    status: HealthStatus
    detail: str = ""
