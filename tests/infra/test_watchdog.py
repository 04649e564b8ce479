"""The watchdog ends what stands still and nothing else; time is a number here."""

from __future__ import annotations

from infra.watchdog import Limits, Pulse, standstill

LIMITS = Limits(ready_s=30, progress_s=60, blocked_s=10, stop_s=4)


def pulse_at(now: float, *, ready: bool = True) -> Pulse:
    pulse = Pulse.starting(0)
    pulse.beat_at, pulse.ready = now, ready
    return pulse


def test_a_worker_with_progress_or_without_work_is_well() -> None:
    idle, busy = pulse_at(500), pulse_at(500)
    idle.note(2, "same", backlog=False)
    idle.note(499, "same", backlog=False)
    busy.note(2, "a", backlog=True)
    busy.note(499, "b", backlog=True)
    assert standstill(idle, LIMITS, 500) is None
    assert standstill(busy, LIMITS, 500) is None


def test_work_that_waits_without_progress_ends_the_process() -> None:
    pulse = pulse_at(64)
    pulse.note(2, "same", backlog=True)
    pulse.note(63, "same", backlog=True)
    assert standstill(pulse, LIMITS, 61) is None
    assert "none was handled" in str(standstill(pulse, LIMITS, 64))


def test_a_blocked_loop_ends_the_process() -> None:
    assert "not turned for 10.5 s" in str(standstill(pulse_at(100), LIMITS, 110.5))


def test_a_worker_that_does_not_become_ready_ends() -> None:
    assert standstill(pulse_at(30, ready=False), LIMITS, 30) is None
    assert "not ready" in str(standstill(pulse_at(31, ready=False), LIMITS, 31))


def test_a_stop_that_hangs_ends_and_a_stop_in_time_may_block_the_loop() -> None:
    pulse = pulse_at(100)
    pulse.stopping_at = 111
    assert standstill(pulse, LIMITS, 114) is None
    assert "after the request to stop" in str(standstill(pulse, LIMITS, 115.5))
