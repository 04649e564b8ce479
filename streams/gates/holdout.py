"""Leave a random few alone where policy asks for it, to see what heals by itself."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from schemas.recoveries import HOLDOUT
from streams.gates.facts import GateFacts, say

NAME = HOLDOUT


def check_holdout(facts: GateFacts) -> GateVerdict:
    """Only look at a held-out incident; which ones are depends on nothing but their ids."""
    if facts.held_out:
        return say(NAME, Verdict.OBSERVE, "left alone to see whether it heals by itself")
    return say(NAME, Verdict.HEAL, "not held out")
