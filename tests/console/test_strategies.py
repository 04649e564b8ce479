"""The strategies as people see them: level, success rate with its interval, who leads, chances, and credit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.casefile import case_markdown
from console.readmodel import IncidentView
from console.strategies import strategy_card, strategy_rows
from learning.strategy_choice import Arm, interval_of
from schemas.catalogue import CARDS
from schemas.configuration import Configuration
from schemas.errors import NotFoundError
from schemas.ids import id_of
from schemas.incidents import IncidentUpdate, UpdateCause
from schemas.oversight import RolloutLevel
from schemas.policy import Policy, StrategyPolicy
from schemas.recoveries import FactorResult, OutcomeStatus
from streams.decide import Decide, DecideRules
from tests.support.failures import PLACE, at, configuration, incident, outcome

RERUN = next(card for card in CARDS if card.name == "rerun_job")
OTHER = replace(RERUN, name="cache_clear")
KIND = "network_connectivity"


def rules(holdout: float = 0.0) -> Configuration:
    known = configuration(policy=Policy(holdout_share=holdout))
    rows = (*known.policy.strategies, StrategyPolicy(OTHER.name, RolloutLevel.AUTOMATIC))
    return replace(known, policy=replace(known.policy, strategies=rows), cards=(*CARDS, OTHER))


def lived(known: Configuration, cases: int, clears: int = 0) -> dict[str, str]:
    """Return decide's state after incidents of which every fourth recovery fails; of the held-out ones the first clear."""
    decide, cleared = Decide.from_state({}, DecideRules(known)), 0
    for number in range(cases):
        of = replace(incident(), origin_key=("github", "acme/api", str(number), "build", "1"))
        [emitted, *_] = decide.on_event(of, PLACE, at(number))
        decision = emitted.record  # type: ignore[union-attr]
        if decision.reason.startswith("holdout") and cleared < clears:  # type: ignore[union-attr]
            cleared += 1
            decide.on_event(IncidentUpdate(id_of(of), UpdateCause.RESOLVED, f"d{number}", at(number + 5)), PLACE, at(number + 5))
        status = OutcomeStatus.HEALED if number % 4 else OutcomeStatus.ROLLED_BACK
        end = replace(outcome(of, status, number + 1, attempt=1, command=f"c{number}"), verification=(FactorResult("a", "x", True),))
        decide.on_event(replace(end, strategy=decision.strategy), PLACE, at(number + 1))  # type: ignore[union-attr]
    decide.on_tick(at(cases + 4000))
    return dict(decide.snapshot())


def test_a_fresh_installation_shows_what_is_believed_beforehand() -> None:
    rows = strategy_rows({}, Configuration(), at(0))
    assert [(row["strategy"], row["level"], row["kind"]) for row in rows] == [(card.name, "observe", "") for card in CARDS]
    assert {(row["cases"], row["healed"]) for row in rows} == {(0.0, 0.6667)}


def test_each_kind_with_a_choice_shows_who_leads_and_the_chances() -> None:
    known = rules()
    rows = {row["strategy"]: row for row in strategy_rows(lived(known, 60), known, at(60)) if row["kind"] == KIND}
    assert rows["rerun_job"]["leads"] is True
    assert rows["cache_clear"]["leads"] is False
    assert float(str(rows["rerun_job"]["chance"])) + float(str(rows["cache_clear"]["chance"])) == pytest.approx(1.0)
    assert 0.55 < float(str(rows["rerun_job"]["low"])) < 0.75 < float(str(rows["rerun_job"]["high"])) < 0.9
    assert rows["rerun_job"]["credit"] is None


def test_credit_is_shown_when_a_hold_out_was_measured() -> None:
    known = rules(0.2)
    [row] = [row for row in strategy_card(lived(known, 150, clears=5), known, "rerun_job", at(4200))["cases"] if row["kind"] == KIND]  # type: ignore[attr-defined]
    assert row["held_out"] > 15
    assert row["credit_low"] < row["credit"] < row["credit_high"]
    assert 0.3 < row["credit"] < 0.75


def test_a_card_tells_its_prior_and_why_and_a_wrong_name_the_right_ones() -> None:
    found = strategy_card({}, configuration(), "service_restart", at(0))
    assert (found["level"], found["policy_level"], found["reversibility"]) == ("automatic", "automatic", "full")
    assert "three cases" in str(found["prior"])
    with pytest.raises(NotFoundError) as error:
        strategy_card({}, configuration(), "dance", at(0))
    assert "service_restart" in error.value.mend


def test_the_interval_holds_the_middle_of_the_posterior() -> None:
    low, high = interval_of(Arm("x", 2.0, 1.0))
    # The quantiles of Beta(2, 1) are the roots of the probabilities.
    assert low == pytest.approx(0.025**0.5, abs=0.002)
    assert high == pytest.approx(0.975**0.5, abs=0.002)


def test_a_case_says_among_what_its_strategy_was_chosen() -> None:
    view, alone = IncidentView(incident()), IncidentView(incident())
    for of, known in ((view, rules()), (alone, configuration())):
        [emitted, *_] = Decide.from_state({}, DecideRules(known)).on_event(of.incident, PLACE, at(1))
        of.decisions.append(emitted.record)  # type: ignore[union-attr, arg-type]
    assert "- choice: rerun_job, among rerun_job 9" in case_markdown(id_of(view.incident), view)
    assert "choice:" not in case_markdown(id_of(alone.incident), alone)
