"""Refuse a run that somebody cancelled: a person's wish is no failure."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from schemas.vocabulary import Result
from streams.gates.facts import GateFacts, say

NAME = "ended_on_purpose"


def check_ended_on_purpose(facts: GateFacts) -> GateVerdict:
    """Leave a cancelled job as it is, whatever its log shows."""
    if facts.result is Result.CANCELLATION:
        return say(NAME, Verdict.REFUSE, "the run was cancelled")
    return say(NAME, Verdict.HEAL, "nobody ended it on purpose")
