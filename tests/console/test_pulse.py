"""When a heartbeat goes out: on a clock of the test's own, with leases and processes as values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.pulse import RETRY_S, Pulse, Seen, why_silent
from schemas.oversight import Lease

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LEASE = Lease(1, 7, NOW)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (Seen((), LEASE, 99.0), ""),
        (Seen(("prober", "gateway"), LEASE, 99.0), "not ready: prober, gateway"),
        (Seen(), "no lease was heard yet"),
        (Seen((), LEASE, 98.6), ""),
        (Seen((), LEASE, 98.5), "the lease is old"),
        (Seen((), Lease(1, 7, NOW - timedelta(seconds=2)), 99.9), "the lease is of another time"),
        (Seen((), Lease(1, 7, NOW + timedelta(seconds=2)), 99.9), "the lease is of another time"),
    ],
)
def test_only_a_ready_copy_with_a_fresh_lease_may_beat(seen: Seen, why: str) -> None:
    assert why_silent(seen, NOW, 100.0) == why


def test_the_first_beat_goes_out_at_once_and_the_next_ones_at_their_pace() -> None:
    pulse = Pulse(60.0)
    assert pulse.is_due(5.0)
    pulse = pulse.after(5.0, taken=True)
    assert not pulse.is_due(64.9)
    assert pulse.is_due(65.0)


def test_a_beat_that_was_not_taken_is_tried_again_sooner() -> None:
    assert Pulse(60.0).after(5.0, taken=False).next_s == 5.0 + RETRY_S
    assert Pulse(10.0).after(5.0, taken=False).next_s == 15.0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 30.0), st.booleans(), st.booleans())), st.floats(10.0, 3600.0))
def test_never_two_beats_within_a_period_unless_one_failed_and_never_one_while_unwell(
    steps: list[tuple[float, bool, bool]], every_s: float
) -> None:
    pulse, now_s, last = Pulse(every_s), 0.0, None
    for wait_s, is_well, is_taken in steps:
        now_s += wait_s
        if not (is_well and pulse.is_due(now_s)):
            # a copy that is well is never silent for longer than its period
            assert not is_well or last is None or now_s < last[0] + every_s
            continue
        if last is not None:
            assert now_s - last[0] >= (every_s if last[1] else min(every_s, RETRY_S))
        pulse, last = pulse.after(now_s, taken=is_taken), (now_s, is_taken)
