"""The risk score: its factors add up, it stays in 0..100, and more danger never scores less."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalogue import CARDS
from schemas.decisions import Tier
from schemas.events import Origin, Provenance, Trust
from schemas.policy import Policy
from schemas.services import Environment
from schemas.strategy_card import Reversibility
from streams.risk import RiskInputs, score_risk, tier_of

CALM = RiskInputs(1.0, 0, 1, Provenance(Origin.LOCAL, Trust.PROTECTED), False, 0, 0.0)


@given(st.floats(0, 1), st.integers(0, 50), st.integers(1, 9), st.sampled_from(Origin), st.sampled_from(Trust), st.integers(0, 9))
def test_the_factors_add_up_to_a_score_within_the_scale(
    confidence: float, dependents: int, attempt: int, origin: Origin, trust: Trust, failures: int
) -> None:
    risk = score_risk(CARDS[0], RiskInputs(confidence, dependents, attempt, Provenance(origin, trust), True, failures, 5.0))
    assert 0 <= risk.score <= 100
    assert risk.score == pytest.approx(sum(row.points for row in risk.factors))


@pytest.mark.parametrize(
    "worse",
    [
        replace(CALM, confidence=0.9), replace(CALM, dependents=2), replace(CALM, attempt=2), replace(CALM, failures=1),
        replace(CALM, extra=1.0), replace(CALM, provenance=Provenance()),
        replace(CALM, environment=Environment.PRODUCTION), replace(CALM, success_rate=0.9), replace(CALM, time=("night", 2.0)),
        replace(CALM, deployments=1), replace(CALM, dependents=2, services=10),
        replace(CALM, from_run=True, provenance=Provenance(Origin.LOCAL, Trust.FORK)),
    ],
)  # fmt: skip
def test_more_danger_scores_more(worse: RiskInputs) -> None:
    assert score_risk(CARDS[0], worse).score > score_risk(CARDS[0], CALM).score


def test_what_cannot_be_undone_scores_more_and_tiers_begin_at_their_thresholds() -> None:
    assert score_risk(replace(CARDS[0], reversibility=Reversibility.NONE), CALM).score == score_risk(CARDS[0], CALM).score + 30
    tiers = [tier_of(score, Policy()) for score in (29.9, 30, 60, 85, 95)]
    assert tiers == [Tier.LOW, Tier.MEDIUM, Tier.HIGH, Tier.CRITICAL, Tier.NEVER]


@given(
    st.sampled_from([*Environment, None]), st.floats(0, 1), st.integers(0, 9), st.integers(0, 200), st.integers(0, 200), st.floats(0, 100)
)
@settings(max_examples=50, deadline=None)
def test_what_is_around_the_target_keeps_the_score_within_the_scale_too(
    environment: Environment | None, rate: float, deployments: int, dependents: int, services: int, night: float
) -> None:
    given_all = replace(
        CALM, environment=environment, success_rate=rate, deployments=deployments, dependents=dependents,
        services=max(services, dependents), time=("night", night),
    )  # fmt: skip
    risk = score_risk(CARDS[0], given_all)
    assert 0 <= risk.score <= 100
    assert risk.score == pytest.approx(sum(row.points for row in risk.factors))
    assert len({row.name for row in risk.factors}) == len(risk.factors)


def test_a_share_of_a_small_catalogue_says_nothing_and_of_a_large_one_it_weighs() -> None:
    small, large = replace(CALM, dependents=4, services=9), replace(CALM, dependents=4, services=10)
    assert score_risk(CARDS[0], large).score == score_risk(CARDS[0], small).score + 4
