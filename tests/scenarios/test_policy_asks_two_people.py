"""A rule of the policy asks two people, and the rules on people say on which target a yes of theirs counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from schemas.authorization import DEFAULT_RULES
from schemas.decisions import Decision, HealingCommand, Verdict
from schemas.oversight import Approval, Control
from schemas.people import Person, Role
from schemas.policy import Policy, PolicyRule, RuleThen
from schemas.recoveries import OutcomeStatus
from schemas.signing import private_key_from, public_text, sign
from tests.support.memory_flow import MemoryFlow
from tests.support.story import AUTOMATIC, KEYS, PEOPLE, begin, told_of, untouched

ALL_KEYS = {**KEYS, "anna": private_key_from(b"anna".ljust(32, b"."))}
APPROVERS = replace(PEOPLE, persons=(*PEOPLE.persons, Person("anna", frozenset({Role.APPROVER}), public_text(ALL_KEYS["anna"]))))
RULE = PolicyRule("api-needs-two", "target == 'service:api' && environment == 'production'", RuleThen.ASK_TWO, "money runs through it")
POLICY = Policy(strategies=AUTOMATIC, rules=(RULE,))
NOT_ANNA = 'forbid (principal == Person::"anna", action == Action::"approve", resource) when { resource.environment == "production" };'


def approve(flow: MemoryFlow, people: Sequence[str]) -> None:
    [plan] = [row for row in flow.of(HealingCommand, "recovery.commands") if row.mode == "plan"]
    for name in people:
        yes = Approval(plan.plan_hash, True, flow.now + timedelta(hours=1), f"nonce-{name}")
        flow.send(sign(Control(f"approval/{plan.decision_id}/{name}", name, flow.now, approval=yes), ALL_KEYS[name]))
    flow.pass_time(10)


def test_one_yes_changes_nothing_and_the_second_lets_it_run() -> None:
    flow = begin(POLICY, APPROVERS)
    flow.world.processes.alive -= {"api"}
    flow.pass_time(10)
    [decision] = flow.of(Decision, "heal.decisions")
    assert (decision.verdict, decision.approvals_required) == (Verdict.ASK, 2)
    assert decision.reason == "rules: api-needs-two: money runs through it"

    approve(flow, ["anton"])
    assert untouched(flow)
    approve(flow, ["anna"])
    flow.pass_time(10)

    told = told_of(flow, "service:api")
    assert told.final.status is OutcomeStatus.HEALED
    [run] = [row for row in told.commands if row.mode == "run"]
    assert sorted(row.person for row in run.approvals) == ["anna", "anton"]


def test_a_yes_that_the_rules_do_not_allow_on_this_target_touches_nothing() -> None:
    flow = begin(POLICY, replace(APPROVERS, rules=DEFAULT_RULES + NOT_ANNA))
    flow.world.processes.alive -= {"api"}
    flow.pass_time(10)

    approve(flow, ["anton", "anna"])
    flow.pass_time(10)

    assert untouched(flow)
