"""Keep hands off a target whose owner switched healing off."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from streams.gates.facts import GateFacts, say

NAME = "healing_switch"


def check_healing_switch(facts: GateFacts) -> GateVerdict:
    """Put the catalogue's word on a target above every strategy."""
    if facts.healing_on:
        return say(NAME, Verdict.HEAL, "healing is on")
    return say(NAME, Verdict.REFUSE, f"healing is switched off for {facts.target}")
