"""How long what failed waits: exponentially longer up to a cap, with jitter that a key decides."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.backoff import wait_before_s
from schemas.workflows import Retry

RETRY = Retry(attempts=9, first_wait_s=2.0, factor=3.0, longest_wait_s=100.0)
KEYS = [f"incident-{number}" for number in range(200)]
RETRIES = st.builds(Retry, st.just(9), st.floats(0.1, 60.0), st.floats(1.0, 10.0), st.floats(60.0, 3600.0))


@given(RETRIES, st.integers(1, 2_000), st.text(max_size=40))
def test_every_wait_lies_between_half_of_the_exponential_wait_and_all_of_it(retry: Retry, failures: int, key: str) -> None:
    whole = retry.first_wait_s
    for _ in range(failures - 1):
        whole = min(retry.longest_wait_s, whole * retry.factor)
    assert whole * 0.4999 <= wait_before_s(retry, failures, key) <= whole * 1.0001


@pytest.mark.parametrize(("failures", "whole"), [(1, 2.0), (2, 6.0), (3, 18.0), (4, 54.0), (5, 100.0), (6, 100.0), (500, 100.0)])
def test_the_wait_grows_by_its_factor_with_each_failure_up_to_the_longest(failures: int, whole: float) -> None:
    waits = [wait_before_s(RETRY, failures, key) for key in KEYS]
    assert whole / 2 <= min(waits) < 0.55 * whole, "of many keys some wait hardly more than half"
    assert 0.95 * whole < max(waits) <= whole, "and some nearly all of it"


@pytest.mark.parametrize("key", KEYS[:5])
def test_for_one_key_each_wait_is_longer_than_the_one_before_until_the_longest(key: str) -> None:
    waits = [wait_before_s(RETRY, failures, key) for failures in (1, 2, 3, 4)]
    assert all(before < after for before, after in pairwise(waits))


def test_the_jitter_is_drawn_from_the_key_and_the_failure_so_that_a_replay_waits_as_long_and_others_do_not() -> None:
    first = [wait_before_s(RETRY, 1, key) for key in KEYS]
    assert first == [wait_before_s(RETRY, 1, key) for key in KEYS]
    assert len(set(first)) == len(KEYS), "what failed together does not come back together"
    shares = [(wait_before_s(RETRY, 5, key) / 100.0, wait_before_s(RETRY, 6, key) / 100.0) for key in KEYS]
    assert all(before != after for before, after in shares), "each failure draws anew"
    assert 0.7 < sum(share for share, _ in shares) / len(shares) < 0.8, "evenly: the mean is three quarters"
