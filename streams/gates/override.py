"""Carry a person's word on one incident: it may make a verdict stricter, never looser."""

from __future__ import annotations

from schemas.decisions import FORCEABLE, GateVerdict, Verdict
from streams.gates.facts import GateFacts, say

NAME = "override"


def check_override(facts: GateFacts) -> GateVerdict:
    """Whoever started an action does not approve it: a second person is asked."""
    forced = next((verdict for verdict in FORCEABLE if verdict == facts.forced), None)
    if forced:
        return say(NAME, forced, f"a person said {forced}")
    if facts.is_asked_for():
        return say(NAME, Verdict.ASK, f"started by {facts.opened_by}; another person approves")
    return say(NAME, Verdict.HEAL, "nobody has said otherwise")
