"""Try again only what failed again in the same way."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from schemas.vocabulary import Kind
from streams.gates.facts import GateFacts, say

NAME = "previous_attempt"


def check_previous_attempt(facts: GateFacts) -> GateVerdict:
    """Rest a further attempt on how the one before it failed; without that evidence there is none."""
    # A service's evidence is the failed verification itself; a run's is the log of its new attempt.
    if facts.attempt == 1 or facts.run is None:
        return say(NAME, Verdict.HEAL, f"attempt {facts.attempt}")
    if facts.failed_as is None:
        return say(NAME, Verdict.ESCALATE, "the new attempt was not seen in time")
    if facts.failed_as is Kind.SUCCESS:
        return say(NAME, Verdict.ESCALATE, "the new attempt passed, its verification did not")
    if facts.failed_as is not facts.kind:
        return say(NAME, Verdict.ESCALATE, f"the attempt before failed with {facts.failed_as}, not {facts.kind}")
    return say(NAME, Verdict.HEAL, f"the attempt before failed with {facts.kind} again")
