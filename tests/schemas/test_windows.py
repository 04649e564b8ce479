"""Windows by the calendar: which days, across midnight, across the two nights on which clocks are changed, and about whom."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.windows import Subject, WindowRule, clock_time, day_span, names, open_until

BERLIN = "Europe/Berlin"
WEB = Subject("service:web", "group:shop", "blue", "production", "service_restart")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rule(**changes: object) -> WindowRule:
    return WindowRule(**{"name": "w", "zone": BERLIN, **changes})  # type: ignore[arg-type]


def times(begin: str, end: str, **more: object) -> WindowRule:
    return rule(from_time=begin, to_time=end, **more)


@pytest.mark.parametrize(
    ("window", "now", "until"),
    [
        (times("09:00", "17:00"), "2026-01-07T07:59:59", None),
        (times("09:00", "17:00"), "2026-01-07T08:00:00", "2026-01-07T16:00:00"),
        (times("09:00", "17:00"), "2026-07-07T07:00:00", "2026-07-07T15:00:00"),
        (times("09:00", "17:00"), "2026-01-07T16:00:00", None),
        # From Friday 22:00 to Saturday 06:00, whatever the day after midnight is called.
        (times("22:00", "06:00", weekdays=("fri",)), "2026-01-10T04:00:00", "2026-01-10T05:00:00"),
        (times("22:00", "06:00", weekdays=("fri",)), "2026-01-09T04:00:00", None),
        (rule(dates=("2026-12-24",)), "2026-12-24T12:00:00", "2026-12-24T23:00:00"),
        # Whole days without a gap are one window.
        (rule(dates=("2026-12-20/2027-01-04",)), "2026-12-24T12:00:00", "2027-01-04T23:00:00"),
        (rule(weekdays=("sat", "sun")), "2026-01-10T12:00:00", "2026-01-11T23:00:00"),
        (rule(weekdays=("sat",), dates=("2026-01-12",)), "2026-01-11T12:00:00", None),
        (rule(dates=("2026-01-01/2026-01-02",)), "2026-01-02T23:00:00", None),
    ],
)
def test_a_window_is_open_between_its_times_on_its_days(window: WindowRule, now: str, until: str | None) -> None:
    assert open_until(window, utc(now)) == (utc(until) if until else None)


def opened(window: WindowRule, begin: str, hours: int) -> tuple[datetime, datetime]:
    """Return the first and last minute in which the window is open, and require that it has no hole."""
    minutes = [utc(begin) + timedelta(minutes=one) for one in range(60 * hours)]
    inside = [minute for minute in minutes if open_until(window, minute)]
    assert inside, "it never opens"
    assert len(inside) == (inside[-1] - inside[0]) / timedelta(minutes=1) + 1
    return inside[0], inside[-1] + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("begin", "end", "first", "last"),
    [
        # 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC. What begins or ends in the hour that is not there does so at the jump.
        ("02:30", "04:00", "2026-03-29T01:00:00", "2026-03-29T02:00:00"),
        ("01:00", "02:30", "2026-03-29T00:00:00", "2026-03-29T01:00:00"),
        ("01:30", "03:30", "2026-03-29T00:30:00", "2026-03-29T01:30:00"),
    ],
)
def test_in_spring_a_time_that_the_clock_leaves_out_is_its_jump(begin: str, end: str, first: str, last: str) -> None:
    assert opened(times(begin, end, dates=("2026-03-29",)), "2026-03-28T20:00:00", 12) == (utc(first), utc(last))


def test_in_spring_a_window_inside_the_hour_that_is_not_there_never_opens() -> None:
    window = times("02:00", "03:00", dates=("2026-03-29",))
    minutes = (utc("2026-03-28T20:00:00") + timedelta(minutes=one) for one in range(720))
    assert not any(open_until(window, minute) for minute in minutes)


@pytest.mark.parametrize(
    ("begin", "end", "first", "last"),
    [
        # 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC. What is there twice begins the first and ends the second time.
        ("02:30", "04:00", "2026-10-25T00:30:00", "2026-10-25T03:00:00"),
        ("01:00", "02:30", "2026-10-24T23:00:00", "2026-10-25T01:30:00"),
        ("02:15", "02:45", "2026-10-25T00:15:00", "2026-10-25T01:45:00"),
    ],
)
def test_in_autumn_the_hour_that_is_there_twice_is_inside_as_a_whole(begin: str, end: str, first: str, last: str) -> None:
    assert opened(times(begin, end, dates=("2026-10-25",)), "2026-10-24T20:00:00", 12) == (utc(first), utc(last))


@settings(max_examples=100, deadline=None)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - hypothesis wants them so, and adds the zone
    st.sampled_from((BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC")),
    st.integers(0, 23),
    st.integers(0, 23),
)
def test_wherever_the_clock_shows_a_time_inside_the_window_is_open(wall: datetime, zone: str, begin: int, end: int) -> None:
    now = wall.replace(tzinfo=UTC)
    shown = now.astimezone(ZoneInfo(zone)).hour
    inside = begin <= shown < end if begin < end else shown >= begin or shown < end
    until = open_until(times(f"{begin:02}:00", f"{end:02}:00", zone=zone), now)
    assert until is None or until > now
    # On the night that has an hour twice a window may be open a little longer, never shorter.
    assert until is not None or not inside


@pytest.mark.parametrize(
    ("changes", "is_about"),
    [
        ({}, True),
        ({"targets": ("service:web",)}, True),
        ({"targets": ("group:shop",)}, True),
        ({"targets": ("service:we",)}, False),
        ({"teams": ("blue",), "environments": ("production",)}, True),
        ({"teams": ("blue",), "environments": ("staging",)}, False),
        ({"except_strategies": ("service_restart",)}, False),
    ],
)
def test_what_a_rule_names_narrows_it(changes: dict[str, object], is_about: bool) -> None:
    assert rule(**changes).is_about(WEB) is is_about


@pytest.mark.parametrize(
    ("word", "is_named"),
    [
        ("fleet", True),
        ("team:blue", True),
        ("team:", False),
        ("environment:production", True),
        ("environment:staging", False),
        ("service:api", False),
    ],
)
def test_a_word_names_a_target_by_itself_its_team_its_environment_or_the_fleet(word: str, is_named: bool) -> None:
    assert names(word, WEB) is is_named


def test_a_project_names_the_jobs_of_its_runs_and_no_other_project() -> None:
    job = Subject("job:github/acme/api/77/build", "run:github/acme/api/77")
    assert names("job:github/acme/api", job)
    assert not names("job:github/acme/ap", job)
    assert not names("team:", job)


def test_days_and_times_are_read_strictly() -> None:
    assert day_span("2026-12-20/2027-01-04") == (date(2026, 12, 20), date(2027, 1, 4))
    assert clock_time("24:00") == clock_time("00:00")
    for text in ("2026-13-01", "2027-01-04/2026-12-20", "tomorrow"):
        with pytest.raises(ValueError, match=r".+"):
            day_span(text)
    with pytest.raises(ValueError, match=r".+"):
        clock_time("25:00")
