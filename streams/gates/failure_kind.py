"""Refuse what is no infrastructure's fault: a retry would only hide a real bug."""

from __future__ import annotations

from schemas.decisions import GateVerdict, Verdict
from schemas.vocabulary import Group, Kind, group_of, is_asked_first, is_healable
from streams.gates.facts import GateFacts, say

NAME = "failure_kind"


def check_failure_kind(facts: GateFacts) -> GateVerdict:
    """Code and what no recipe may heal are refused, the unknown goes to a person."""
    # A real bug stays red until somebody mends it.
    if group_of(facts.kind) is Group.CODE:
        return say(NAME, Verdict.REFUSE, f"{facts.kind} is a fault of the code, not of its surroundings")
    # There is nothing to heal.
    if facts.kind is Kind.SUCCESS:
        return say(NAME, Verdict.REFUSE, "nothing failed")
    # Nobody acts on what nobody has understood.
    if facts.abstained or facts.kind is Kind.UNKNOWN:
        return say(NAME, Verdict.ESCALATE, "the failure is unknown")
    # A missing permission, package or tool is missing the next time too: its owner is told. Only whoever can ask whether it is may look.
    if not is_healable(facts.kind) and not (facts.strategy and is_asked_first(facts.kind)):
        return say(NAME, Verdict.REFUSE, f"{facts.kind} fails again until its owner mends it")
    return say(NAME, Verdict.HEAL, f"{facts.kind} may be healed")
