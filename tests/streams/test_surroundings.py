"""What a decision's risk knows of time and of the past, and which incidents are a canary's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from streams.canary import canary_point
from streams.office_time import local_time
from streams.track_record import MAX_ENDS, PRIOR_RATE, TrackRecord
from tests.support.failures import incident, outcome

BERLIN = Policy(zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "hour", "weekday", "name", "points"),
    [
        ("2026-03-02T08:00", 9, "monday", "office", 0.0),
        ("2026-03-02T06:59", 7, "monday", "night", 2.0),
        ("2026-03-02T17:00", 18, "monday", "night", 2.0),
        # A Friday night here is a Saturday there.
        ("2026-03-06T23:30", 0, "saturday", "weekend", 3.0),
        ("2026-03-08T12:00", 13, "sunday", "weekend", 3.0),
        # In summer the clocks there are two hours ahead.
        ("2026-07-06T06:30", 8, "monday", "office", 0.0),
    ],
)
def test_the_hour_is_that_of_the_policys_zone(text: str, hour: int, weekday: str, name: str, points: float) -> None:
    found = local_time(datetime.fromisoformat(text).replace(tzinfo=UTC), BERLIN)
    assert (found.hour, found.weekday, found.name, found.points) == (hour, weekday, name, points)


def told(track: TrackRecord, status: OutcomeStatus, *numbers: int, target: str = "job:a") -> None:
    for number in numbers:
        track.note_outcome(replace(outcome(incident(), status, number, command=f"c{number}"), target=target))


def test_a_strategys_past_on_this_type_of_target_moves_its_rate_from_what_is_usual() -> None:
    track = TrackRecord({})
    assert track.success_rate("rerun_job", "job:b") == PRIOR_RATE
    told(track, OutcomeStatus.HEALED, *range(10))
    assert track.success_rate("rerun_job", "job:b") == pytest.approx(0.85)
    told(track, OutcomeStatus.ROLLED_BACK, *range(100, 120))
    assert track.success_rate("rerun_job", "job:b") == pytest.approx(17 / 40, abs=1e-4)
    assert track.success_rate("rerun_job", "service:b") == PRIOR_RATE
    assert track.success_rate("other", "job:b") == PRIOR_RATE


def test_the_past_counts_a_command_once_forgets_what_is_old_and_survives_a_restart() -> None:
    track = TrackRecord({})
    told(track, OutcomeStatus.ROLLED_BACK, 1, 1, 1)
    told(track, OutcomeStatus.REFUSED, 2)
    track.note_outcome(replace(outcome(incident(), OutcomeStatus.HEALED, 3, command="c3"), dry_run=True))
    assert track.success_rate("rerun_job", "job:a") == pytest.approx(7 / 11, abs=1e-4)
    told(track, OutcomeStatus.HEALED, *range(10, 10 + MAX_ENDS))
    assert track.success_rate("rerun_job", "job:a") == pytest.approx((MAX_ENDS + 7) / (MAX_ENDS + 10), abs=1e-4)
    again = TrackRecord(track.rows.snapshot())
    assert again.success_rate("rerun_job", "job:a") == track.success_rate("rerun_job", "job:a")


@given(st.text(max_size=40), st.text(max_size=20))
@settings(max_examples=30, deadline=None)
def test_a_point_is_always_the_same_and_within_zero_and_one(incident_id: str, strategy: str) -> None:
    assert 0.0 <= canary_point(incident_id, strategy) < 1.0
    assert canary_point(incident_id, strategy) == canary_point(incident_id, strategy)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_share_is_hit_and_strategies_choose_apart(share: float) -> None:
    """Given 20,000 incidents, then the chosen share is within four standard deviations, and two strategies' choices are independent."""
    names = [f"{number:032x}" for number in range(20_000)]
    chosen = [canary_point(name, "a") < share for name in names]
    both = [one and canary_point(name, "b") < share for name, one in zip(names, chosen, strict=True)]

    for count, expected in ((sum(chosen), share), (sum(both), share * share)):
        assert abs(count - expected * 20_000) < 4 * (20_000 * expected * (1 - expected)) ** 0.5 + 1
