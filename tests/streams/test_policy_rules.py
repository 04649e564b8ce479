"""The policy's rules on a decision: they only make it stricter, what they read is kept, and their failure is a person's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.redecide import rebuilt
from schemas.conditions import Condition, Type, Value, compile_condition
from schemas.configuration import Configuration
from schemas.decisions import Decision, Oversight, Tier, Verdict
from schemas.ids import id_of
from schemas.incidents import Incident
from schemas.oversight import RolloutLevel
from schemas.policy import Policy, PolicyRule, RuleThen
from schemas.rule_variables import VARIABLES
from schemas.services import Environment
from schemas.vocabulary import Kind
from streams.canary import canary_point
from streams.decide import GATES, Decide, DecideRules
from streams.decision_making import LADDER, Question, make_decision, redecide
from streams.healing_history import HealingHistory
from streams.rule_findings import PREFIX, rules_again
from tests.support.failures import PLACE, at, configuration, incident, records

STORE, JOB = incident("service:store", Kind.SERVICE_DOWN), incident()
SOME_RULES = (
    PolicyRule("no-store", "target_name == 'store' && environment == 'production'", RuleThen.ASK, "the store holds the orders"),
    PolicyRule("two-for-many", "dependents >= 2", RuleThen.ASK_TWO, "much rests on it"),
    PolicyRule("tired", "!office_hours && risk > 10.0", RuleThen.RISK, "nobody is there", 12.0),
    PolicyRule("main-only", "trigger == 'push' && branch != 'main'", RuleThen.OBSERVE, "other branches are their authors'"),
    PolicyRule("customers", "labels.data == 'customers'", RuleThen.NEVER, "customers' data is touched by people only"),
)


def ruled(*rules: PolicyRule, level: RolloutLevel = RolloutLevel.AUTOMATIC, **changed: object) -> Configuration:
    return configuration(level, replace(Policy(rules=rules), **changed))  # type: ignore[arg-type]


def decided(of: Incident, given_rules: Configuration) -> Decision:
    [found] = records(Decide.from_state({}, DecideRules(given_rules)).on_event(of, PLACE, at(0)), Decision)
    return cast("Decision", found)


def rule(then: RuleThen, when: str = "target == 'service:store'", points: float = 0.0) -> PolicyRule:
    return PolicyRule("r", when, then, "because", points)


@pytest.mark.parametrize(
    ("then", "verdict", "approvals", "tier"),
    [
        (RuleThen.REFUSE, Verdict.REFUSE, 0, Tier.MEDIUM),
        (RuleThen.ESCALATE, Verdict.ESCALATE, 0, Tier.MEDIUM),
        (RuleThen.OBSERVE, Verdict.OBSERVE, 0, Tier.MEDIUM),
        (RuleThen.ASK, Verdict.ASK, 1, Tier.MEDIUM),
        (RuleThen.ASK_TWO, Verdict.ASK, 2, Tier.MEDIUM),
        (RuleThen.NEVER, Verdict.ESCALATE, 0, Tier.NEVER),
    ],
)
def test_what_a_rule_says_happens_where_it_holds_and_nowhere_else(then: RuleThen, verdict: Verdict, approvals: int, tier: Tier) -> None:
    found, other = decided(STORE, ruled(rule(then))), decided(JOB, ruled(rule(then)))

    assert (found.verdict, found.approvals_required, found.tier) == (verdict, approvals, tier)
    assert found.reason == "rules: r: because"
    assert rebuilt(found).verdict is found.verdict
    assert (other.verdict, other.approvals_required) == (Verdict.HEAL, 0)


def test_two_people_are_not_asked_where_there_is_one() -> None:
    found = decided(STORE, ruled(rule(RuleThen.ASK_TWO), oversight=Oversight.SINGLE_OPERATOR))
    assert found.verdict is Verdict.REFUSE


def test_a_rule_adds_its_points_as_a_factor_and_the_others_see_the_score_after_it() -> None:
    """Given a rule that lifts the score over 60 and one that asks from 60 on, then both are seen, and the first by its own score not."""
    lift = PolicyRule("lift", "risk < 60.0 && base_risk == risk", RuleThen.RISK, "it is Friday", 40.0)
    asks = PolicyRule("asks", "risk >= 60.0 && base_risk < 60.0 && tier == 'high'", RuleThen.OBSERVE, "it is risky now")
    plain, found = decided(STORE, ruled()), decided(STORE, ruled(lift, asks))

    assert found.risk.score == pytest.approx(plain.risk.score + 40.0)
    assert found.risk.score == pytest.approx(sum(row.points for row in found.risk.factors))
    assert found.risk.factors[-1].name == "rule:lift"
    assert (found.tier, found.verdict, found.reason) == (Tier.HIGH, Verdict.OBSERVE, "rules: asks: it is risky now")
    assert decided(STORE, ruled(replace(lift, points=100.0))).tier is Tier.NEVER


@pytest.mark.parametrize("then", RuleThen)
def test_a_rule_that_fails_is_a_persons_whatever_it_would_have_said(then: RuleThen) -> None:
    found = decided(STORE, ruled(rule(then, "labels.data == 'x'", 5.0)))

    assert found.verdict is Verdict.ESCALATE
    assert found.reason.startswith("rules: r failed: KeyError")
    assert found.tier is Tier.MEDIUM
    assert rebuilt(found).verdict is Verdict.ESCALATE


def test_every_variable_has_a_value_of_its_type_in_every_decision() -> None:
    types: Mapping[Type, type] = {Type.TEXT: str, Type.COUNT: int, Type.NUMBER: float, Type.FLAG: bool, Type.WORDS: dict}
    for of in (STORE, JOB, incident("config:web.yaml", Kind.CONFIG_DRIFT), incident(kind=Kind.UNKNOWN)):
        values: Mapping[str, Value] = rules_again(decided(of, ruled()), Policy()).values
        assert set(values) == {row.name for row in VARIABLES}
        for row in VARIABLES:
            assert type(values[row.name]) is types[row.type], row.name
            assert not row.choices or values[row.name] in row.choices, row.name


@given(
    picked=st.lists(st.sampled_from(SOME_RULES), unique=True),
    others=st.lists(st.sampled_from(SOME_RULES), unique=True),
    of=st.sampled_from([STORE, JOB]),
    level=st.sampled_from(RolloutLevel),
)
@settings(max_examples=40, deadline=None)
def test_rules_only_make_it_stricter_and_any_policys_rules_are_asked_again_from_the_record(
    picked: list[PolicyRule], others: list[PolicyRule], of: Incident, level: RolloutLevel
) -> None:
    plain, found = decided(of, ruled(level=level)), decided(of, ruled(*picked, level=level))
    fresh = decided(of, ruled(*others, level=level))

    assert LADDER.index(found.verdict) >= LADDER.index(plain.verdict)
    assert rebuilt(found).verdict is found.verdict
    assert rules_again(found, ruled(*picked).policy).risk == found.risk
    assert redecide(found, ruled(*others).policy) is fresh.verdict
    assert {name for name, _ in found.inputs if name.startswith(PREFIX)} == {PREFIX + row.name for row in VARIABLES}


def asked(of: Incident, house: Configuration, attempt: int = 1, deployments: int = 0, past: HealingHistory | None = None) -> Decision:
    question = Question(of, id_of(of), attempt, of.kind if attempt > 1 else None, at(0), deployments)
    return make_decision(question, GATES, house, past or HealingHistory({}, house), "m")


def test_a_canary_heals_its_share_by_itself_asks_for_the_others_and_stays_with_its_choice() -> None:
    """Given 200 incidents and a share of a quarter, then each is chosen by its hash alone, on a further attempt too."""
    base = ruled(level=RolloutLevel.CANARY)
    rows = tuple(replace(row, canary_share=0.25) for row in base.policy.strategies)
    house = replace(base, policy=replace(base.policy, strategies=rows))
    past, verdicts = HealingHistory({}, house), []
    for number in range(200):
        of = replace(JOB, origin_key=("github", "acme/api", str(number), "build", "1"))
        first, second = asked(of, house, past=past), asked(of, house, attempt=2, past=past)
        verdicts.append(first.verdict)
        assert first.verdict is second.verdict is rebuilt(first).verdict
        assert (first.verdict is Verdict.HEAL) == (canary_point(first.incident_id, "rerun_job") < 0.25)
        assert (first.approvals_required, first.dry_run) == (0 if first.verdict is Verdict.HEAL else 1, False)
    assert set(verdicts) == {Verdict.HEAL, Verdict.ASK}
    assert 26 <= verdicts.count(Verdict.HEAL) <= 74


def test_deployments_on_the_target_weigh_and_rules_read_them() -> None:
    calm, busy = asked(STORE, ruled()), asked(STORE, ruled(), deployments=2)
    assert busy.risk.score == calm.risk.score + 50
    assert (calm.verdict, busy.verdict) == (Verdict.HEAL, Verdict.ASK)
    assert asked(STORE, ruled(rule(RuleThen.OBSERVE, "deployments > 0")), deployments=1).verdict is Verdict.OBSERVE


def test_team_environment_and_labels_come_from_the_catalogue() -> None:
    base = ruled(rule(RuleThen.REFUSE, "team == 'shop' && environment == 'staging' && labels.data == 'orders' && service_group == 'shop'"))
    store = replace(base.services.services[0], team="shop", environment=Environment.STAGING, labels=(("data", "orders"),))
    known = replace(base, services=replace(base.services, services=(store, *base.services.services[1:])))

    assert decided(STORE, known).verdict is Verdict.REFUSE


@pytest.mark.parametrize("row", SOME_RULES, ids=lambda row: row.name)
def test_the_rules_of_this_file_are_conditions(row: PolicyRule) -> None:
    assert isinstance(compile_condition(row.when, VARIABLES), Condition)
