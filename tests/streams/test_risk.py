"""The risk score: its factors add up, it stays in 0..100, and more danger never scores less."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import CARDS
from schemas.decisions import Tier
from schemas.events import Origin, Provenance, Trust
from schemas.policy import Policy
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
        replace(CALM, from_run=True, provenance=Provenance(Origin.LOCAL, Trust.FORK)),
    ],
)  # fmt: skip
def test_more_danger_scores_more(worse: RiskInputs) -> None:
    assert score_risk(CARDS[0], worse).score > score_risk(CARDS[0], CALM).score


def test_what_cannot_be_undone_scores_more_and_tiers_begin_at_their_thresholds() -> None:
    assert score_risk(replace(CARDS[0], reversibility=Reversibility.NONE), CALM).score == score_risk(CARDS[0], CALM).score + 30
    tiers = [tier_of(score, Policy()) for score in (29.9, 30, 60, 85)]
    assert tiers == [Tier.LOW, Tier.MEDIUM, Tier.HIGH, Tier.CRITICAL]
