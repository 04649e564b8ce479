"""Let a strategy go only as far as its rollout level says."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from schemas.oversight import RolloutLevel
from streams.gates.facts import GateFacts, say

NAME = "rollout"

_VERDICTS = {
    RolloutLevel.OBSERVE: Verdict.OBSERVE,
    # A shadow's command only pretends.
    RolloutLevel.SHADOW: Verdict.HEAL,
    RolloutLevel.APPROVE: Verdict.ASK,
    # The targets of a canary are those of its policy; the others are observed below.
    RolloutLevel.CANARY: Verdict.HEAL,
    RolloutLevel.AUTOMATIC: Verdict.HEAL,
}


def check_rollout(facts: GateFacts) -> GateVerdict:
    """Targets outside the strategy's list are observed, whatever the level."""
    if not facts.strategy:
        return say(NAME, Verdict.HEAL, "no strategy to roll out")
    if not facts.target_allowed:
        return say(NAME, Verdict.OBSERVE, f"{facts.strategy} is not rolled out to {facts.target}")
    return say(NAME, _VERDICTS[facts.level], f"{facts.strategy} is at {facts.level}")
