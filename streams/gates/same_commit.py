"""Limit how often one job is run again on one commit: what fails every time is not transient."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from streams.gates.facts import GateFacts, say

NAME = "same_commit"


def check_same_commit(facts: GateFacts) -> GateVerdict:
    """Count our re-runs of the job on this commit, over all of its runs."""
    if not facts.is_rerun():
        return say(NAME, Verdict.HEAL, "no job is run again")
    count = f"{facts.commit_reruns} of {facts.commit_limit} re-runs on this commit"
    return say(NAME, Verdict.HEAL if facts.commit_reruns < facts.commit_limit else Verdict.ESCALATE, count)
