"""Ask people before a risky action; two of them before a critical one; leave to them what is too risky for any machine."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Oversight, Tier, Verdict
from schemas.oversight import RolloutLevel
from streams.gates.facts import GateFacts, say

NAME = "risk_tier"


def check_risk_tier(facts: GateFacts) -> GateVerdict:
    """Judge by the tier of the risk score."""
    return judge_tier(facts.tier, facts.oversight, facts.level)


def judge_tier(tier: Tier, oversight: Oversight, level: RolloutLevel) -> GateVerdict:
    """Return the tier's verdict; also asked by ``redecide``, with what a record holds."""
    if level is RolloutLevel.SHADOW:
        return say(NAME, Verdict.HEAL, "a shadow changes nothing")
    if tier is Tier.NEVER:
        return say(NAME, Verdict.ESCALATE, "the risk is such that only a person does it, by hand")
    if tier is Tier.CRITICAL and oversight is Oversight.SINGLE_OPERATOR:
        return say(NAME, Verdict.REFUSE, "a critical action needs two people, and there is one operator")
    if tier in {Tier.HIGH, Tier.CRITICAL}:
        return say(NAME, Verdict.ASK, f"the risk is {tier}")
    return say(NAME, Verdict.HEAL, f"the risk is {tier}")
