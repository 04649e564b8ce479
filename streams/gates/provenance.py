"""Cap what evidence may trigger by whose code wrote it."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from schemas.events import Origin, Trust
from streams.gates.facts import GateFacts, say

NAME = "provenance"


def check_provenance(facts: GateFacts) -> GateVerdict:
    """Refuse to run a fork's job again; what nobody vouches for needs a person."""
    # A stranger's log could name any failure it likes.
    if facts.provenance.trust is Trust.FORK:
        return say(NAME, Verdict.REFUSE, "the evidence comes from a fork")
    if facts.provenance.origin is Origin.UNSIGNED:
        return say(NAME, Verdict.ASK, "nobody vouches for the evidence")
    return say(NAME, Verdict.HEAL, f"the evidence is {facts.provenance.origin}")
