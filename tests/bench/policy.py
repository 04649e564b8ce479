"""How long a policy decision takes: risk, all gates and 200 rules in CEL, and the check in Cedar of a word on it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

from schemas.authorization import DEFAULT_RULES
from schemas.conditions import Condition, compile_condition
from schemas.configuration import Configuration
from schemas.decisions import Decision, Verdict
from schemas.ids import id_of
from schemas.matters import matter_of
from schemas.oversight import RolloutLevel
from schemas.people import Right
from schemas.policy import Policy, PolicyRule, RuleThen
from schemas.rule_variables import VARIABLES
from schemas.vocabulary import Kind
from streams.decide import GATES
from streams.decision_making import Question, make_decision
from streams.healing_history import HealingHistory
from tests.bench.figures import Figure, below, quantile
from tests.support.failures import T0, configuration, incident

RULES = 200
# The machine that measures is shared: the p99 of its quietest stretch is the program's, that of the others is their neighbours'.
STRETCHES, ROUNDS = 20, 200
WARM_UP = 200
# Each reads several variables and none holds, so that every one of them is asked to its end. A pattern of text costs as much as twenty
# comparisons, so one in sixteen has one, as in a house that names its targets well.
SHAPES = (
    "kind == 'disk_full' && target_type == 'disk' && risk > {n}.5",
    "environment == 'staging' && team == 'team-{n}' && attempt > 1",
    "strategy == 'service_restart' && dependents > {n} + 10 && !office_hours",
    "target == 'service:shard-{n}' || branch == 'release/{n}'",
    "'tier' in labels && labels.tier == 'gold-{n}' && hour >= 22",
    "project.startsWith('acme-{n}/') && trigger in ['pull_request', 'manual'] && success_rate < 0.5",
    "weekday in ['saturday', 'sunday'] && service_group == 'group-{n}' && confidence < 0.95",
    "deployments > {n} && tier != 'low' && recent_failures + recent_commands > 3",
)
PATTERN = "target.matches('^service:shard-{n}-[0-9]+$') && environment == 'production'"
# Beside the shipped rules on people, some of a larger house.
PEOPLE_RULES = "".join(
    f'forbid (principal, action == Action::"approve", resource) when {{ resource.team == "team-{n}" && principal.name != "lead-{n}" }};\n'
    for n in range(50)
)


def rules() -> tuple[PolicyRule, ...]:
    """Return 200 rules of eight shapes; raises SystemExit when one is no condition."""
    shapes = (*SHAPES, *SHAPES[:-1], PATTERN)
    texts = [shapes[number % len(shapes)].format(n=number) for number in range(RULES)]
    wrong = next((found for text in texts if not isinstance(found := compile_condition(text, VARIABLES), Condition)), None)
    if wrong:
        raise SystemExit(str(wrong))
    words = [then for then in RuleThen if then is not RuleThen.RISK]
    return tuple(PolicyRule(f"rule-{number}", text, words[number % len(words)], "why") for number, text in enumerate(texts))


def decide_once(house: Configuration, history: HealingHistory, number: int) -> Decision:
    """Decide one incident and ask whether an approver may say yes to it, as admit and the executor do."""
    of = replace(incident("service:store", Kind.SERVICE_DOWN), origin_key=(f"n{number}",))
    question = Question(of, id_of(of), 1, None, T0 + timedelta(seconds=number))
    decision = make_decision(question, GATES, house, history, "m")
    about = matter_of(decision.target, house.services, decision.tier, decision.strategy)
    if decision.verdict is not Verdict.HEAL or not house.people.may("anton", Right.APPROVE, about):
        raise SystemExit(f"the decision that is timed is not the one that was meant: {decision.reason}")
    return decision


def slow_milliseconds(house: Configuration) -> float:
    """Return the p99 of processor time of the quietest stretch; the first rounds only fill the caches."""
    history = HealingHistory({}, house)
    taken: list[float] = []
    for number in range(WARM_UP + STRETCHES * ROUNDS):
        began = time.thread_time()
        decide_once(house, history, number)
        taken.append((time.thread_time() - began) * 1000)
    return min(quantile(taken[begin : begin + ROUNDS], 0.99) for begin in range(WARM_UP, len(taken), ROUNDS))


def measure() -> list[Figure]:
    """Return the 99th percentile with all rules, and without any for comparison."""
    base = configuration(RolloutLevel.AUTOMATIC, Policy(rules=rules()))
    house = replace(base, people=replace(base.people, rules=DEFAULT_RULES + PEOPLE_RULES))
    plain = configuration(RolloutLevel.AUTOMATIC)
    how = f"p99 of processor time, quietest {ROUNDS} of {STRETCHES * ROUNDS} decisions: risk, {len(GATES)} gates, one question to Cedar"
    return [
        below("policy_decision", slow_milliseconds(house), "ms", 2, f"{how}, {RULES} CEL rules, 54 Cedar rules"),
        below("policy_decision_bare", slow_milliseconds(plain), "ms", 2, f"{how}, no CEL rule, the shipped Cedar rules"),
    ]
