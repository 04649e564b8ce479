"""What one look at a target saw."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.events import HealthStatus


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value: the metric's name, its base unit and the value."""

    metric: str
    unit: str
    value: float


@dataclass(frozen=True, slots=True)
class Look:
    """One status and one line of why, and what was measured on the way: a metric of the target."""

    status: HealthStatus
    detail: str = ""
    figures: tuple[Figure, ...] = ()
