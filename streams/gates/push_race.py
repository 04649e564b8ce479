"""Leave a lost race of pushes to whoever lost it, unless that is a bot of the catalogue."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from schemas.targets.push import RACES
from streams.gates.facts import GateFacts, say

NAME = "push_race"
_FOR_BOTS = "push_rebase"


def check_push_race(facts: GateFacts) -> GateVerdict:
    """Refuse a person's: to run its job again pushes the same commits, and how they fit those of others is for their author to see."""
    if facts.cause not in RACES:
        return say(NAME, Verdict.HEAL, "no push was overtaken")
    if facts.strategy == _FOR_BOTS:
        return say(NAME, Verdict.HEAL, "a bot's commits may be put on top of others")
    return say(NAME, Verdict.REFUSE, "somebody else pushed first; whoever pushes fetches, looks, and pushes again")
