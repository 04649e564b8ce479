"""Choosing among strategies by the evidence: chances, weights, bounds and who leads, each against a reference of its own."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import beta

from learning.off_policy import MAX_SOURCES, MEMORY, Tally, Worth, add_case, bounds_of, credit_of, fade, is_surely_above, wilson, worth_of
from learning.strategy_choice import Arm, best_chances, chances_of, lead_among, pick, weight_among

FEW, GOOD, BAD = Worth(), Worth(60.0, 0.95), Worth(60.0, 0.4)


def arms(*worths: Worth) -> tuple[Arm, ...]:
    return tuple(Arm(f"s{number}", 2.0, 1.0, worth) for number, worth in enumerate(worths))


def filled(source: str, good: int, bad: int, weight: float = 1.0) -> tuple[Tally, ...]:
    tallies: tuple[Tally, ...] = ()
    for number in range(good + bad):
        tallies = add_case(tallies, source, weight, is_good=number < good)
    return tallies


@pytest.mark.parametrize(("good", "bad"), [((2.0, 2.0), (1.0, 1.0)), ((3.0, 9.0), (4.0, 2.0)), ((80.0, 60.0), (20.0, 40.0))])
def test_the_chance_to_be_the_best_is_that_of_draws_from_the_posteriors(good: tuple[float, ...], bad: tuple[float, ...]) -> None:
    draws = beta.rvs(good, bad, size=(400_000, 2), random_state=np.random.default_rng(7))
    found = best_chances(np.array(good), np.array(bad))
    assert found.sum() == pytest.approx(1.0)
    assert found[0] == pytest.approx((draws[:, 0] > draws[:, 1]).mean(), abs=0.004)


def test_of_three_alike_each_is_the_best_as_often() -> None:
    assert best_chances(np.full(3, 5.0), np.full(3, 2.0)) == pytest.approx(np.full(3, 1 / 3), abs=1e-6)


def test_who_does_not_lead_gets_no_more_than_the_share_and_each_of_them_something() -> None:
    chances = chances_of(arms(BAD, GOOD, FEW), "s0", 0.1)
    assert sum(chance.propensity for chance in chances) == pytest.approx(1.0)
    assert chances[0].propensity >= 0.9
    assert chances[1].propensity > chances[2].propensity >= 0.025
    # A chance below its role's part weighs more, one above it less, and none by far.
    assert all(0.5 < weight_among(chances, chance.strategy, "s0", 0.1) <= 2.0 for chance in chances)
    assert [chance.propensity for chance in chances_of(arms(BAD, GOOD), "s0", 0.0)] == [1.0, 0.0]


def test_a_draw_falls_on_each_strategy_as_often_as_its_chance_says() -> None:
    chances = chances_of(arms(BAD, GOOD), "s0", 0.2)
    picked = [pick(chances, (number + 0.5) / 1000).strategy for number in range(1000)]
    assert picked.count("s1") == pytest.approx(1000 * chances[1].propensity, abs=1)
    assert pick(chances, 1.0).strategy == "s0"


def test_bounds_hold_at_every_look_nineteen_times_in_twenty() -> None:
    """Given 2,000 rows of 300 cases each, when one looks after each tenth case, then few rows ever have the truth outside."""
    truth, rng = 0.7, np.random.default_rng(3)
    good = np.cumsum(rng.random((2000, 300)) < truth, axis=1)[:, 9::10].astype(float)
    lower, upper = bounds_of(good, np.arange(10, 301, 10) - good, 0.05)
    missed = ((lower > truth) | (upper < truth)).any(axis=1).mean()
    assert 0.0 < missed <= 0.05


def test_bounds_of_no_case_say_nothing_and_more_cases_say_more() -> None:
    lower, upper = bounds_of(np.array([0.0, 9.0, 90.0]), np.array([0.0, 1.0, 10.0]), 0.05)
    assert (lower[0], upper[0]) == (0.0, 1.0)
    assert lower[0] < lower[1] < lower[2] < 0.9 < upper[2] < upper[1]
    for gap in (-0.001, 0.001):
        assert list(is_surely_above(np.array([9.0, 90.0]), np.array([1.0, 10.0]), [lower[1:] + gap], 0.05)[0]) == [gap < 0] * 2


def test_a_challenger_leads_only_when_its_lower_bound_beats_the_incumbent() -> None:
    assert lead_among(arms(BAD, FEW), "") == "s0"
    assert lead_among(arms(BAD, Worth(4.0, 1.0)), "") == "s0"
    assert lead_among(arms(BAD, GOOD), "") == "s1"
    assert lead_among(arms(GOOD, BAD), "s1") == "s0"


def test_of_two_that_beat_the_incumbent_the_one_that_leads_goes_on_until_the_other_beats_it_too() -> None:
    near = Worth(60.0, 0.94)
    assert lead_among(arms(BAD, near, GOOD), "s1") == "s1"
    assert lead_among(arms(BAD, near, GOOD), "") == "s2"
    assert lead_among(arms(Worth(60.0, 0.1), Worth(90.0, 0.6), Worth(90.0, 0.99)), "s1") == "s2"


def test_weights_take_back_that_some_cases_were_chosen_rarely() -> None:
    rare = add_case(add_case((), "a", 1.0, is_good=True), "a", 2.0, is_good=False)
    assert worth_of(rare).rate == pytest.approx(1 / 3)
    assert worth_of(rare).cases == pytest.approx(9 / 5)


def test_cases_fade_with_time_and_the_share_stays() -> None:
    before = worth_of(filled("a", 30, 10))
    after = worth_of(fade(filled("a", 30, 10), 86_400.0, 43_200.0))
    assert after.rate == pytest.approx(before.rate)
    assert after.cases == pytest.approx(before.cases / 4)


@pytest.mark.parametrize("half_lives", [30, 600, 3000])
def test_what_has_faded_away_is_forgotten(half_lives: float) -> None:
    gone = fade(filled("a", 30, 10), half_lives * 3600.0, 3600.0)
    assert worth_of(gone) == FEW
    assert [tally.source for tally in add_case(gone, "b", 1.0, is_good=True)] == ["b"]


def test_a_long_good_past_is_no_shield_and_the_state_is_bounded() -> None:
    tallies = filled("a", 1000, 0)
    assert worth_of(tallies).cases == pytest.approx(MEMORY)
    rates = []
    for number in range(100):
        tallies = add_case(tallies, f"s{number}", 1.0, is_good=False)
        rates.append(sum(tally.good for tally in tallies) / sum(tally.weight for tally in tallies))
    assert all(later < earlier for earlier, later in pairwise(rates))
    assert len(tallies) == MAX_SOURCES


def test_one_loud_source_among_many_counts_no_more_than_its_share() -> None:
    """Given nine sources with two good cases each and one with 60 bad ones, then the bad ones are a quarter of what was seen at most."""
    tallies = filled("loud", 0, 60)
    for number in range(18):
        tallies = add_case(tallies, f"calm{number % 9}", 1.0, is_good=True)
    alone = sum(tally.good for tally in tallies) / sum(tally.weight for tally in tallies)
    assert worth_of(tallies).rate > alone + 0.2
    assert worth_of(tallies).cases <= 18 + 0.25 * 78


def test_one_loud_source_does_not_make_its_favourite_lead() -> None:
    """Given a strategy that one of ten sources praises sixty times and the others blame twice each, then the incumbent goes on leading."""
    tallies = filled("loud", 60, 0)
    for number in range(18):
        tallies = add_case(tallies, f"calm{number % 9}", 1.0, is_good=False)
    uncapped = Worth(78.0, 60 / 78)
    assert lead_among(arms(BAD, uncapped), "") == "s1"
    assert lead_among(arms(BAD, worth_of(tallies)), "") == "s0"


def test_credit_is_what_a_strategy_adds_to_what_heals_by_itself() -> None:
    credit = credit_of(Worth(100.0, 0.9), Worth(50.0, 0.3))
    assert credit is not None
    assert credit.value == pytest.approx(0.6)
    assert 0.4 < credit.low < 0.6 < credit.high < 0.75
    assert credit_of(Worth(100.0, 0.9), FEW) is None
    # Newcombe's own example (1998, table II): 56 of 70 and 48 of 80, 0.0524 to 0.3339.
    example = credit_of(Worth(70.0, 56 / 70), Worth(80.0, 48 / 80))
    assert example is not None
    assert (round(example.low, 4), round(example.high, 4)) == (0.0524, 0.3339)
    assert wilson(FEW) == (0.0, 1.0)
