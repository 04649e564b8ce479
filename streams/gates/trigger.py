"""Let a job be run again by itself only where its own project started it."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from schemas.events import Trust
from streams.gates.facts import GateFacts, say

NAME = "trigger"
_OWN = frozenset({"push", "schedule"})


def check_trigger(facts: GateFacts) -> GateVerdict:
    """Pushes, schedules and runs of the same repository may be run again; for others a person is asked."""
    if facts.run is None or not facts.is_rerun():
        return say(NAME, Verdict.HEAL, "no job is run again")
    if facts.run.trigger in _OWN or facts.provenance.trust in {Trust.PROTECTED, Trust.SAME_REPOSITORY}:
        return say(NAME, Verdict.HEAL, f"started by {facts.run.trigger or 'the same repository'}")
    return say(NAME, Verdict.ASK, f"started by {facts.run.trigger or 'something unknown'}, not known to be of the same repository")
