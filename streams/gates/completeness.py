"""Ask a person when a part of the log is missing: the missing part may hold the cause."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from streams.gates.facts import GateFacts, say

NAME = "completeness"


def check_completeness(facts: GateFacts) -> GateVerdict:
    """Let no run with gaps in its log be healed by itself."""
    if facts.complete:
        return say(NAME, Verdict.HEAL, "all evidence is there")
    return say(NAME, Verdict.ASK, "a part of the log is missing")
