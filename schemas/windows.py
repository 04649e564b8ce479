"""Freeze and maintenance windows: calendar rules by which targets are left alone; rows of the policy, judged in local time.

A window lasts from the first instant at which the clock on the wall shows its beginning to the last at which it shows its end: the hour
that an autumn night has twice is inside as a whole, and a time that a spring night leaves out is the instant at which the clock jumps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
END_OF_DAY = "24:00"
# Windows that follow each other without a gap are told as one, up to a month of days.
_MAX_CHAIN = 31


class WindowKind(StrEnum):
    """Why targets are left alone: nothing may change, or people work on them and failures are expected. Both hold alike."""

    FREEZE = "freeze"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a window, a freeze or a workflow may be about: one action on one target."""

    target: str
    scope: str
    team: str = ""
    environment: str = ""
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class WindowRule:
    """One rule. Times are ``HH:MM`` on the clock of ``zone``; an end that is not after its beginning is on the next day.

    ``dates`` are ``2026-12-24`` or ``2026-12-20/2027-01-04``, days on which a window begins; no weekday and no date is every day. Of
    ``targets``, ``teams`` and ``environments`` each that is named narrows; none is everything. ``except_strategies`` go on.
    """

    name: str
    kind: WindowKind = WindowKind.FREEZE
    zone: str = "UTC"
    from_time: str = "00:00"
    to_time: str = END_OF_DAY
    weekdays: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    except_strategies: tuple[str, ...] = ()

    def is_about(self, subject: Subject) -> bool:
        """Tell whether the rule concerns an action on a target."""
        return (
            subject.strategy not in self.except_strategies
            and (not self.targets or any(names(word, subject) for word in self.targets))
            and (not self.teams or subject.team in self.teams)
            and (not self.environments or subject.environment in self.environments)
        )


def names(word: str, subject: Subject) -> bool:
    """Tell whether a word names a target: itself, its scope, its team, its environment, the fleet, or what it is part of."""
    if word in {"fleet", subject.target, subject.scope}:
        return True
    kind, _, name = word.partition(":")
    if kind in {"team", "environment"}:
        return bool(name) and name == (subject.team if kind == "team" else subject.environment)
    return subject.target.startswith(f"{word}/") or subject.scope.startswith(f"{word}/")


def open_until(rule: WindowRule, now: datetime) -> datetime | None:
    """Return when the window that is open now ends, together with those that follow without a gap; None when none is open."""
    today = now.astimezone(ZoneInfo(rule.zone)).date()
    bounds = (_bounds(rule, day) for day in (today - timedelta(days=1), today))
    end = max((until for found in bounds if found for begin, until in [found] if begin <= now < until), default=None)
    for _ in range(_MAX_CHAIN):
        later = _end_of_next(rule, end) if end else None
        if later is None:
            break
        end = later
    return end


def day_span(text: str) -> tuple[date, date]:
    """Return the first and last day of ``2026-12-24`` or ``2026-12-20/2027-01-04``; raises ValueError for anything else."""
    first, slash, last = text.partition("/")
    span = (date.fromisoformat(first), date.fromisoformat(last if slash else first))
    if span[0] > span[1]:
        raise ValueError(f"{first} is after {last}")
    return span


def clock_time(text: str) -> time:
    """Return the time of ``HH:MM``, ``24:00`` as midnight; raises ValueError for anything else."""
    return time(0) if text == END_OF_DAY else datetime.strptime(text, "%H:%M").replace(tzinfo=UTC).time()


def _end_of_next(rule: WindowRule, end: datetime) -> datetime | None:
    day = end.astimezone(ZoneInfo(rule.zone)).date()
    found = [_bounds(rule, day), _bounds(rule, day - timedelta(days=1))]
    return max((until for bound in found if bound for begin, until in [bound] if begin <= end < until), default=None)


def _bounds(rule: WindowRule, day: date) -> tuple[datetime, datetime] | None:
    """Return the instants between which the window that begins on a day is open; None when none begins on it."""
    if not _begins_on(rule, day):
        return None
    begin, end = clock_time(rule.from_time), clock_time(rule.to_time)
    last_day = day if begin < end else day + timedelta(days=1)
    zone = ZoneInfo(rule.zone)
    return _instant(datetime.combine(day, begin), zone, last=False), _instant(datetime.combine(last_day, end), zone, last=True)


def _begins_on(rule: WindowRule, day: date) -> bool:
    if not rule.weekdays and not rule.dates:
        return True
    spans = (day_span(text) for text in rule.dates)
    return WEEKDAYS[day.weekday()] in rule.weekdays or any(first <= day <= last for first, last in spans)


def _instant(wall: datetime, zone: ZoneInfo, *, last: bool) -> datetime:
    """Return when a clock in the zone shows a time: the first or last of two such instants, or the jump that leaves it out."""
    early, late = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if late.astimezone(zone).replace(tzinfo=None) == wall:
        return late if last else early
    before, low, high = early.astimezone(zone).utcoffset(), 0, int((late - early).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        is_before = (early + timedelta(seconds=middle)).astimezone(zone).utcoffset() == before
        low, high = (middle, high) if is_before else (low, middle)
    return early + timedelta(seconds=high)
