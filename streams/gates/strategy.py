"""Hand over to a person what no recipe heals, or what no typed parameters can be made for."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from streams.gates.facts import GateFacts, say

NAME = "strategy"


def check_strategy(facts: GateFacts) -> GateVerdict:
    """Without a strategy, or a target that the catalogue knows, there is nothing to do."""
    if not facts.strategy:
        return say(NAME, Verdict.ESCALATE, f"no strategy heals {facts.kind} on {facts.target.partition(':')[0]}")
    if not facts.parameters_known:
        return say(NAME, Verdict.ESCALATE, f"{facts.target} is not in the catalogue")
    return say(NAME, Verdict.HEAL, facts.strategy)
