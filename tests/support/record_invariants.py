"""I7, I9 and I14: what is written down about the acts, who allowed them, and whether faults changed any end. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from console.audit_complete import unwritten
from schemas.decisions import Mode, Tier, Verdict
from schemas.ids import id_of
from streams.notary import find_breaks
from tests.support.history import History

_NEEDS_APPROVAL = frozenset({Tier.HIGH, Tier.CRITICAL})


def check_i7(history: History) -> list[str]:
    """Check that the chain verifies with its checkpoints, and that every incident, decision, command and effect is in it."""
    broken = [f"I7: {place}" for place in find_breaks(history.audit, history.notary_key, history.checkpoint_every)]
    return [*broken, *unwritten(history)]


def check_i9(history: History) -> list[str]:
    """Check that each command rests on a decision, and from high on on another person's yes to exactly its plan."""
    found: list[str] = []
    decisions = history.decisions
    for name, command in history.commands.items():
        decision = decisions.get(command.decision_id)
        if decision is None or decision.verdict not in {Verdict.HEAL, Verdict.ASK, Verdict.OBSERVE}:
            found.append(f"I9: command {name} rests on {decision.verdict if decision else 'no decision'}")
            continue
        people = {yes.person for yes in command.approvals if yes.plan_hash == command.plan_hash} - {decision.proposer}
        if command.mode is Mode.RUN and decision.tier in _NEEDS_APPROVAL and len(people) < max(1, decision.approvals_required):
            found.append(f"I9: command {name} of tier {decision.tier} was approved by {sorted(people)}")
    return found


def check_i14(history: History, expected: Mapping[str, str]) -> list[str]:
    """Check that each of these targets ended once, and as it would have without any fault."""
    ended = Counter((one.target, one.status.value) for one in {id_of(one): one for one in history.outcomes if one.final}.values())
    seen = {pair: count for pair, count in ended.items() if pair[0] in expected}
    wanted = Counter(expected.items())
    faults = [
        f"I14: {target} ended {count} times as {status}" for (target, status), count in seen.items() if wanted[target, status] != count
    ]
    return [*faults, *(f"I14: {target} did not end as {status}" for target, status in wanted if (target, status) not in seen)]
