"""The door and clocks that are wrong: decide's when it stamps a decision, and the door's own when it is set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.decisions import Verdict
from schemas.recoveries import OutcomeStatus
from streams.admission_records import AdmitRules
from streams.admit import Admit
from tests.streams.test_admit import ADMIT_KEY, at, commands, configured, decision, door, outcomes, take, tick
from tests.streams.test_budgets import CATALOGUE, TIGHT


@pytest.mark.parametrize("ahead_s", [0, 3600, 86_400])
def test_a_decision_stamped_by_a_clock_that_is_ahead_waits_no_longer_than_it_was_made_for(ahead_s: int) -> None:
    #   seen 1 s ---- made for 60 s ---- 61 s: expired, whatever the hour that decide's clock showed
    stage = door()
    wanted = decision(verdict=Verdict.ASK, approvals_required=1, decided_at=at(1 + ahead_s), expires_at=at(61 + ahead_s))
    take(stage, wanted, 1)
    [plan] = commands(tick(stage, 1))
    assert plan.not_after <= at(61)
    assert outcomes(tick(stage, 60)) == []
    restarted = door(before=stage)
    assert [one.status for one in outcomes(tick(restarted, 61))] == [OutcomeStatus.EXPIRED]


def test_a_decision_stamped_by_a_clock_that_is_behind_expires_at_the_end_that_it_bears() -> None:
    stage = door()
    take(stage, decision(verdict=Verdict.ASK, approvals_required=1, decided_at=at(-3600), expires_at=at(-3540)), 1)
    assert [one.status for one in outcomes(tick(stage, 1))] == [OutcomeStatus.EXPIRED]


def test_a_clock_that_is_set_forward_and_back_frees_no_budget_and_blocks_none() -> None:
    #   two commands at 0 s and 1 s, limit 2 in 50 s; at 2 s the clock is set forward by 1 h, at 40 s back again
    door = Admit.from_state({}, AdmitRules(replace(configured(TIGHT), services=CATALOGUE), ADMIT_KEY, 3))
    for number in range(2):
        take(door, decision(number, target="service:s1", scope=f"x{number}", expires_at=at(20_000)), number)
        assert len(commands(tick(door, number))) == 1
    take(door, decision(2, target="service:s1", scope="x2", expires_at=at(20_000)), 2)
    for seconds in (2, 3602, 3620, 3640, 40, 49):
        assert commands(tick(door, seconds)) == []
    assert len(commands(tick(door, 50.5))) == 1
