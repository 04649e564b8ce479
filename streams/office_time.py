"""Whether anybody is there: the hour and weekday of the policy's zone, and the points that the time of a decision adds to its risk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from schemas.policy import Policy
from schemas.rule_variables import WEEKDAYS

_FIRST_FREE_DAY = 5


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A moment as people there see it; ``name`` is office, night or weekend."""

    hour: int
    weekday: str
    name: str
    points: float


def local_time(at: datetime, policy: Policy) -> LocalTime:
    """Return the moment in the policy's zone."""
    here = at.astimezone(ZoneInfo(policy.zone))
    weekday = WEEKDAYS[here.weekday()]
    if here.weekday() >= _FIRST_FREE_DAY:
        return LocalTime(here.hour, weekday, "weekend", policy.weekend_risk)
    if policy.office_from_hour <= here.hour < policy.office_until_hour:
        return LocalTime(here.hour, weekday, "office", 0.0)
    return LocalTime(here.hour, weekday, "night", policy.night_risk)
