"""A thousand simulated installations: a worse strategy never leads, a better one does, and one that breaks gives the lead back.

Run with ``-s`` to see the distributions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from learning.off_policy import Tally, add_case, worth_of
from schemas.policy import Policy
from tests.support.choice_world import SEEDS, Evidence, Leads, play

POLICY = Policy()
# The error that ``learning/strategy_choice.py`` states, over all looks.
RISK = 0.05
BREAKS_AT = 600


def told(name: str, cases: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Print and return the median and the 95th percentile of a number of cases."""
    median, most = np.quantile(cases, [0.5, 0.95])
    print(f"{name}: median {median:.0f}, p95 {most:.0f} cases over {len(cases)} seeds")  # noqa: T201 - the figures are the point
    return float(median), float(most)


def ever(led: Leads) -> float:
    return float(led.any(axis=0).mean())


def test_a_worse_strategy_never_leads_within_the_stated_error_and_costs_no_more_than_its_share() -> None:
    led, healed = play(lambda _: (0.7, 0.6), 800, POLICY)
    print(f"worse: led at any time in {ever(led):.1%} of {SEEDS} seeds")  # noqa: T201
    assert ever(led) <= RISK
    assert healed.mean() >= 0.7 - POLICY.exploration_share * 0.1 - 0.003


def test_an_equal_strategy_leads_by_chance_no_more_often_than_the_stated_error() -> None:
    led, _ = play(lambda _: (0.7, 0.7), 400, POLICY, seed=2)
    print(f"equal: led at any time in {ever(led):.1%} of {SEEDS} seeds")  # noqa: T201
    assert ever(led) <= RISK


def test_a_better_strategy_leads_within_400_cases_and_gives_the_lead_back_within_80_when_it_breaks() -> None:
    """Given 0.5 against 0.9 and, from case 600 on, 0.5 against 0.1, at the default share."""
    led, healed = play(lambda number: (0.5, 0.9) if number < BREAKS_AT else (0.5, 0.1), BREAKS_AT + 120, POLICY, seed=3)
    assert led[:BREAKS_AT].any(axis=0).all()
    median, most = told("takes the lead after", led[:BREAKS_AT].argmax(axis=0) + 1)
    assert (median <= 150, most <= 400) == (True, True)
    assert led[BREAKS_AT - 1].mean() >= 1.0 - RISK
    # Most of what the better one adds is won.
    assert healed[BREAKS_AT - 100 : BREAKS_AT].mean() >= 0.85
    leading = led[BREAKS_AT:, led[BREAKS_AT - 1]]
    assert not leading.all(axis=0).any()
    median, most = told("gives it back after", (~leading).argmax(axis=0) + 1)
    assert (median <= 50, most <= 80) == (True, True)
    assert led[-1].mean() <= RISK


def test_a_share_of_nothing_never_tries_anything() -> None:
    led, healed = play(lambda _: (0.0, 1.0), 50, Policy(exploration_share=0.0))
    assert (ever(led), healed.sum()) == (0.0, 0.0)


def test_the_simulated_evidence_is_that_of_the_stages() -> None:
    """Given the same 150 cases, weights and fading, then the arrays hold what ``learning/off_policy.py`` makes of them one by one."""
    rng, evidence = np.random.default_rng(5), Evidence.none()
    tallies: dict[int, tuple[Tally, ...]] = {0: (), 1: ()}
    for _ in range(150):
        second, healed, weight, factor = rng.random() < 0.2, rng.random() < 0.7, rng.uniform(0.9, 2.0), rng.uniform(0.98, 1.0)
        chosen = np.tile(np.array([not second, second]), (SEEDS, 1))
        evidence.fade(np.array(factor))
        evidence.add(chosen, np.full((SEEDS, 2), weight), np.full(SEEDS, healed))
        tallies = {arm: tuple(tally.faded(factor) for tally in rows) for arm, rows in tallies.items()}
        tallies[int(second)] = add_case(tallies[int(second)], "one", weight, is_good=bool(healed))
    good, bad = evidence.worth()
    for arm in (0, 1):
        worth = worth_of(tallies[arm])
        assert (good[0, arm] + bad[0, arm], good[0, arm]) == (pytest.approx(worth.cases), pytest.approx(worth.cases * worth.rate))
