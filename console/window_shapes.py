"""The shapes of the policy's windows and workflows: when targets are left alone; rows of ``console/file_shapes.py``."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from console.shape import Name, Shape
from schemas.watched_workflows import WorkflowRule
from schemas.windows import WindowKind, WindowRule, day_span


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("there is no such time zone; write one as Europe/Berlin or UTC") from error
    return name


def _as_text(value: object) -> object:
    # YAML reads a bare day as one.
    return value.isoformat() if isinstance(value, date) else value


def _check_days(text: str) -> str:
    try:
        day_span(text)
    except ValueError as error:
        raise ValueError(f"write 2026-12-24 or 2026-12-20/2027-01-04: {error}") from error
    return text


Target = Annotated[str, Field(pattern=r"^(fleet|[a-z]+:\S.*)$", max_length=300)]
Targets = Annotated[tuple[Target, ...], Field(max_length=200)]


class WindowRow(Shape):
    """A time in which targets are left alone; ``to`` may be 24:00, and one that is not after ``from`` is on the next day."""

    name: Name
    kind: WindowKind = WindowKind.FREEZE
    zone: Annotated[str, AfterValidator(_check_zone)] = "UTC"
    from_time: Annotated[str, Field(alias="from", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "00:00"
    to_time: Annotated[str, Field(alias="to", pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")] = "24:00"
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    dates: Annotated[tuple[Annotated[str, BeforeValidator(_as_text), AfterValidator(_check_days)], ...], Field(max_length=200)] = ()
    targets: Targets = ()
    teams: tuple[Name, ...] = ()
    environments: tuple[Name, ...] = ()
    except_strategies: Annotated[tuple[str, ...], Field(alias="except")] = ()

    def record(self) -> WindowRule:
        """Return the record."""
        return WindowRule(**self.model_dump())


class WorkflowRow(Shape):
    """A CI workflow that touches targets while it runs."""

    name: Name
    project: Annotated[str, Field(min_length=1)]
    workflow: Annotated[str, Field(min_length=1)]
    targets: Annotated[Targets, Field(min_length=1)]
    source: str = ""
    deployment: bool = True
    longest_s: Annotated[float, Field(ge=60, le=24 * 3600)] = 3600.0

    def record(self) -> WorkflowRule:
        """Return the record."""
        return WorkflowRule(**self.model_dump())
