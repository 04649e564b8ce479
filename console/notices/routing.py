"""Who is told: the routes that fit a notice's severity, owner and time of day, and the ladders that they name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from console.notices.cases import NEEDS_PEOPLE, Said
from console.notices.rules import NoticeRules, Route, Severity
from schemas.matters import matter_of
from schemas.services import Services
from schemas.windows import open_until


@dataclass(frozen=True, slots=True)
class Routed:
    """Who is told first, and by which ladders others are if nobody acknowledges."""

    targets: tuple[str, ...]
    ladders: tuple[str, ...] = ()


def owner_of(target: str, services: Services) -> tuple[str, str]:
    """Return team and environment of a failing target, empty where nobody has said."""
    matter = matter_of(target, services)
    return matter.team, matter.environment


def routed(rules: NoticeRules, severity: Severity, said: Said, owner: tuple[str, str], now: datetime) -> Routed:
    """Return whom a notice goes to; what needs a person and fits no route goes to ``otherwise``."""
    fitting = [route for route in rules.routes if _fits(route, rules, severity, owner, now)]
    targets = tuple(dict.fromkeys(name for route in fitting for name in route.targets))
    if not targets and said in NEEDS_PEOPLE:
        targets = rules.otherwise
    return Routed(targets, tuple(dict.fromkeys(route.ladder for route in fitting if route.ladder)))


def _fits(route: Route, rules: NoticeRules, severity: Severity, owner: tuple[str, str], now: datetime) -> bool:
    team, environment = owner
    return (
        severity.rank >= route.severity.rank
        and (not route.teams or team in route.teams)
        and (not route.environments or environment in route.environments)
        and (not route.during or any(open_until(hours, now) for hours in rules.hours_named(route.during)))
    )
