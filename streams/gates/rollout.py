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
    RolloutLevel.AUTOMATIC: Verdict.HEAL,
}


def check_rollout(facts: GateFacts) -> GateVerdict:
    """Targets outside the strategy's list are observed, whatever the level."""
    if not facts.strategy:
        return say(NAME, Verdict.HEAL, "no strategy to roll out")
    if not facts.target_allowed:
        return say(NAME, Verdict.OBSERVE, f"{facts.strategy} is not rolled out to {facts.target}")
    if facts.level is RolloutLevel.CANARY:
        return _judge_canary(facts)
    return say(NAME, _VERDICTS[facts.level], f"{facts.strategy} is at {facts.level}")


def _judge_canary(facts: GateFacts) -> GateVerdict:
    share = f"the canary share of {100 * facts.canary_share:g} %"
    if facts.canary_point < facts.canary_share:
        return say(NAME, Verdict.HEAL, f"{facts.strategy} takes the incident into {share}")
    # The rung below: the others are healed too, by a person's yes, so that nobody waits longer than before the canary.
    return say(NAME, Verdict.ASK, f"{facts.strategy} leaves the incident out of {share}")
