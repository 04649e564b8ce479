"""Act only on what is known well enough."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from streams.gates.facts import GateFacts, say

NAME = "confidence"


def check_confidence(facts: GateFacts) -> GateVerdict:
    """Below the needed confidence a person looks; one who started it has looked, so another is asked."""
    shown = f"{facts.confidence:.2f} of {facts.confidence_needed:.2f} needed"
    if facts.may_act and facts.confidence >= facts.confidence_needed:
        return say(NAME, Verdict.HEAL, shown)
    # A sure kind may still be one that nobody should act on: the incident's reasons say why.
    why = shown if facts.may_act else "the classification itself says that it does not act"
    return say(NAME, Verdict.ASK if facts.is_asked_for() else Verdict.ESCALATE, why)
