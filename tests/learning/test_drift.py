"""Drift: seldom a false alarm while nothing changes, soon an alarm when something does, and the same after a restart."""

from __future__ import annotations

from dataclasses import asdict
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.drift import MAX_NAMES, Familiar, Watch, WatchRules, observe
from tests.support.chance import seeded

RULES = WatchRules()


def drifts_in(shares: list[float], seed: int, rules: WatchRules = RULES) -> list[int]:
    """Return after how many observations drift was said, for a stream of these chances of a yes."""
    draw, watch, found = seeded(seed), Watch(), []
    for number, share in enumerate(shares, start=1):
        watch, is_drift = observe(watch, draw.random() < share, rules)
        if is_drift:
            found.append(number)
    return found


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3, 0.6])
def test_a_steady_stream_is_seldom_called_drift(share: float) -> None:
    """Given 30 streams of 4,000 steady observations, then there are no more false alarms than one in e**bound observations."""
    alarms = sum(len(drifts_in([share] * 4_000, seed)) for seed in range(30))
    assert alarms <= 30 * 4_000 / exp(RULES.bound)


@pytest.mark.parametrize(("before", "after", "soon"), [(0.05, 0.4, 60), (0.1, 0.5, 60), (0.3, 0.7, 90), (0.05, 1.0, 15)])
def test_a_step_is_seen_soon(before: float, after: float, soon: int) -> None:
    """Given 500 usual observations and then a step up, then 9 of 10 streams say so within the stated number of observations."""
    first = [next(iter(drifts_in([before] * 500 + [after] * soon, seed)), 0) for seed in range(100, 140)]
    assert sum(500 < number <= 500 + soon for number in first) >= 36


def test_after_a_drift_the_new_share_is_usual() -> None:
    found = drifts_in([0.05] * 300 + [0.6] * 3_000, 7)
    assert len(found) == 1
    assert 300 < found[0] <= 360


def test_what_is_expected_stands_in_until_the_usual_is_known() -> None:
    rules = WatchRules(rise=0.3, bound=6.0, warm_up=20, expected=0.3)
    watch, count = Watch(), 0
    while watch.drifts == 0:
        watch, _ = observe(watch, said_yes=True, rules=rules)
        count += 1
    assert count == 9
    assert drifts_in([0.0] * 60 + [1.0] * 4, 1, rules) == [64]
    assert drifts_in([1.0] * 99, 1, WatchRules(warm_up=100)) == []


@given(st.lists(st.booleans(), max_size=400), st.integers(0, 400))
def test_a_watch_from_its_own_data_goes_on_the_same(said: list[bool], cut: int) -> None:
    """Given any observations and a restart from plain data anywhere, then state and drifts are those without a restart; all is bounded."""
    plain, broken = Watch(), Watch()
    for number, yes in enumerate(said):
        if number == cut:
            broken = Watch(**asdict(broken))
        plain, first = observe(plain, yes, RULES)
        broken, second = observe(broken, yes, RULES)
        assert (plain, first) == (broken, second)
        assert 0.0 <= plain.evidence < RULES.bound
        assert plain.yes <= plain.seen <= RULES.warm_up


def test_names_are_bounded_and_the_rarest_goes() -> None:
    mix = Familiar()
    for number in range(MAX_NAMES + 50):
        mix = mix.learn("often").learn(f"once-{number}")
    assert len(mix.counts) == MAX_NAMES
    assert mix.knows("often")
    assert mix.n == 2 * (MAX_NAMES + 50)
