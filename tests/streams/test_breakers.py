"""Breakers: what opens them, the one command that tries a half-open one, and that none of it is lost with an owner."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.policy import Policy
from schemas.vocabulary import Kind
from streams.breakers import Breakers, Circuit, circuits_of
from tests.streams.test_admit import at, decision

POLICY = Policy(breaker_failures=2, breaker_wide_failures=3, breaker_open_s=100.0)
FIRST = decision(1)
TARGET = "target/service:s1"


def breakers(before: Breakers | None = None) -> Breakers:
    return Breakers(before.rows.snapshot() if before else {}, POLICY)


def failing(times: int, number: int = 1) -> Breakers:
    made = breakers()
    for one in range(times):
        made.record(f"c{one}", circuits_of(decision(number)), False, at(one))
    return made


def test_a_target_opens_alone_and_its_strategy_and_way_of_failing_after_more_failures() -> None:
    made = failing(2)
    assert made.why_closed_to(FIRST, at(3)) == f"the breaker of {TARGET} is open"
    assert made.why_closed_to(decision(2), at(3)) is None
    made.record("c9", circuits_of(decision(2)), False, at(4))
    assert made.why_closed_to(decision(3), at(5)) == "the breaker of strategy/service_restart is open"
    assert made.why_closed_to(decision(3, strategy="other"), at(5)) == f"the breaker of pattern/{Kind.SERVICE_DOWN}/f is open"
    assert made.why_closed_to(decision(3, strategy="other", fingerprint="g"), at(5)) is None


def test_a_success_in_between_begins_the_count_anew() -> None:
    made = failing(1)
    made.record("c2", circuits_of(FIRST), True, at(2))
    made.record("c3", circuits_of(FIRST), False, at(3))
    assert made.state(TARGET, at(4)) is Circuit.CLOSED


@pytest.mark.parametrize(("has_healed", "after"), [(True, Circuit.CLOSED), (False, Circuit.OPEN), (None, Circuit.HALF_OPEN)])
def test_one_single_command_tries_a_half_open_breaker_and_its_end_alone_counts(has_healed: bool | None, after: Circuit) -> None:
    made = failing(2)
    assert made.state(TARGET, at(101)) is Circuit.HALF_OPEN
    assert made.why_closed_to(FIRST, at(101)) is None
    made.begin("probe", FIRST, at(101))
    made = breakers(made)
    assert made.why_closed_to(FIRST, at(102)) == f"the breaker of {TARGET} is tried by another command"
    made.record("another", circuits_of(FIRST), True, at(103))
    assert made.why_closed_to(FIRST, at(104)) == f"the breaker of {TARGET} is tried by another command"
    made.record("probe", circuits_of(FIRST), has_healed, at(105))
    assert made.state(TARGET, at(106)) is after
    assert (made.why_closed_to(FIRST, at(106)) is None) is (after is not Circuit.OPEN)


def test_a_dry_run_tries_nothing_and_a_reset_closes_what_is_open() -> None:
    made = failing(2)
    made.begin("shadow", decision(1, dry_run=True), at(101))
    assert made.why_closed_to(FIRST, at(102)) is None
    assert made.reset(TARGET)
    assert not made.reset(TARGET)
    assert made.state(TARGET, at(102)) is Circuit.CLOSED


def test_measures_name_no_run_and_no_fingerprint() -> None:
    made = failing(3)
    job = decision(7, target="job:github/acme/api/77/build", strategy="rerun_job", kind=Kind.TIMEOUT)
    shown = {gauge.labels: gauge.value for gauge in made.gauges((*circuits_of(FIRST), *circuits_of(job)), at(3))}
    assert shown == {
        (("circuit", "target"), ("name", "service:s1")): 2,
        (("circuit", "strategy"), ("name", "service_restart")): 2,
        (("circuit", "pattern"), ("name", "service_down")): 2,
        (("circuit", "target"), ("name", "job")): 0,
        (("circuit", "strategy"), ("name", "rerun_job")): 0,
        (("circuit", "pattern"), ("name", "timeout")): 0,
    }


@pytest.mark.parametrize("step_s", [3600, -3600])
def test_a_clock_that_is_set_opens_no_breaker_early_and_keeps_none_open_longer(step_s: int) -> None:
    made = failing(2)
    left_s = POLICY.breaker_open_s - 1
    made.shift(timedelta(seconds=step_s))
    assert made.state(TARGET, at(1 + step_s + left_s)) is Circuit.OPEN
    assert made.state(TARGET, at(1 + step_s + left_s + 1)) is Circuit.HALF_OPEN


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(("try", "healed", "failed", "nothing", "restart")), st.integers(0, 80)), max_size=60))
def test_never_do_two_commands_try_a_half_open_breaker(story: list[tuple[str, int]]) -> None:
    made, now, flying, tried = failing(2), 2.0, [], ""
    for number, (what, wait) in enumerate(story):
        now += wait
        if what == "restart":
            made = breakers(made)
        elif what == "try" and made.why_closed_to(FIRST, at(now)) is None:
            is_half_open = made.state(TARGET, at(now)) is Circuit.HALF_OPEN
            assert not (is_half_open and tried)
            made.begin(str(number), FIRST, at(now))
            flying.append(str(number))
            tried = str(number) if is_half_open else tried
        elif what in {"healed", "failed", "nothing"} and flying:
            command = flying.pop(0)
            made.record(command, circuits_of(FIRST), {"healed": True, "failed": False}.get(what), at(now))
            tried = "" if command == tried else tried
