"""The policy's rules on one decision: which of them hold, and what they add to its risk; pure, called by ``streams/decision_making.py``.

Rules that add risk are asked first and see the score before any rule; the others see the score and the tier that comes of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from schemas.conditions import Failed, Value, hold_all, ready
from schemas.decisions import Decision, Risk, RiskFactor
from schemas.policy import Policy, PolicyRule, RuleThen
from streams.gates.facts import Finding
from streams.risk import capped, tier_of

PREFIX = "when."
FACTOR = "rule:"
_write = json.JSONEncoder(sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class Ruled:
    """What the rules make of a decision: the risk with their points, what they found, and the values that they read."""

    risk: Risk
    findings: tuple[Finding, ...]
    values: Mapping[str, Value]


def ask_rules(policy: Policy, base: Risk, values: Mapping[str, Value]) -> Ruled:
    """Ask every rule; ``values`` are all variables but those of the risk."""
    adding_rules = tuple(rule for rule in policy.rules if rule.then is RuleThen.RISK)
    adding = find(adding_rules, _with_risk(values, base.score, base.score, policy))
    factors = (RiskFactor(f"{FACTOR}{row.rule}", row.reason, round(row.points, 2)) for row in adding)
    risk = capped([*base.factors, *factors]) if adding else base
    after = _with_risk(values, base.score, risk.score, policy)
    others = find(tuple(rule for rule in policy.rules if rule.then is not RuleThen.RISK), after)
    return Ruled(risk, (*adding, *others), after)


def find(rules: tuple[PolicyRule, ...], values: Mapping[str, Value]) -> tuple[Finding, ...]:
    """Return a finding for each rule that holds or fails, in the policy's order."""
    if not rules:
        return ()
    answers = hold_all(tuple(rule.when for rule in rules), ready(values))
    return tuple(_finding(rule, answer) for rule, answer in zip(rules, answers, strict=True) if answer is not False)


def inputs_of_values(values: Mapping[str, Value]) -> tuple[tuple[str, str], ...]:
    """Return every value as JSON text under its name, so that a decision's record can be asked again."""
    return tuple((f"{PREFIX}{name}", _write(value)) for name, value in values.items())


def rules_again(decision: Decision, policy: Policy) -> Ruled:
    """Return what a policy's rules make of a decision, from its record alone; the policy need not be the one that it was made by."""
    read = {name.removeprefix(PREFIX): json.loads(text) for name, text in decision.inputs if name.startswith(PREFIX)}
    own = [row for row in decision.risk.factors if not row.name.startswith(FACTOR)]
    return ask_rules(policy, capped(own), read)


def _with_risk(values: Mapping[str, Value], base: float, score: float, policy: Policy) -> dict[str, Value]:
    return {**values, "base_risk": base, "risk": score, "tier": tier_of(score, policy).value}


def _finding(rule: PolicyRule, answer: bool | Failed) -> Finding:
    # What a failed rule would have added is not known; the gate hands the decision over instead.
    failure, points = (answer.why, 0.0) if isinstance(answer, Failed) else ("", rule.points)
    return Finding(rule.name, rule.then, rule.reason, points, failure)
