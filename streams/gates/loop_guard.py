"""Stop healing what does not stay healed."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from streams.gates.facts import GateFacts, say

NAME = "loop_guard"


def check_loop_guard(facts: GateFacts) -> GateVerdict:
    """Count the commands on this target over all incidents; the history goes to the person."""
    count = f"{len(facts.commands)} of {facts.loop_limit} commands on {facts.target}"
    if len(facts.commands) < facts.loop_limit:
        return say(NAME, Verdict.HEAL, count)
    verdict = Verdict.ASK if facts.is_asked_for() else Verdict.ESCALATE
    return say(NAME, verdict, f"{count}, at {', '.join(facts.commands)}")
