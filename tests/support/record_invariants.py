"""I7, I9 and I14: what is written down about the acts, who allowed them, and whether faults changed any end. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from schemas.decisions import Mode, Tier, Verdict
from schemas.ids import id_of
from schemas.recoveries import JournalKind
from streams.notary import find_breaks
from tests.support.history import History
from tests.support.run_invariants import result_in

_NEEDS_APPROVAL = frozenset({Tier.HIGH, Tier.CRITICAL})


def check_i7(history: History) -> list[str]:
    """Check that the chain verifies with its checkpoints, and that every incident, decision, command and effect is in it."""
    broken = [f"I7: {place}" for place in find_breaks(history.audit, history.notary_key, history.checkpoint_every)]
    return [*broken, *_unwritten(history)]


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


def _unwritten(history: History) -> Iterator[str]:
    said = {(record.entry.action.split(".")[0], record.entry.subject) for record in history.audit}
    details = {(record.entry.action, name, value) for record in history.audit for name, value in record.entry.details}
    yield from (f"I7: incident {name} has no record of its opening" for name in history.incidents if ("incident", name) not in said)
    for name, decision in history.decisions.items():
        if (f"decision.{decision.verdict}", "decision_id", name) not in details:
            yield f"I7: decision {name} has no record"
    for name, command in history.commands.items():
        if command.mode is not Mode.PLAN and ("command.admitted", "command", name) not in details:
            yield f"I7: command {name} has no record"
    keys = {(action.split(".")[1], value) for action, name, value in details if name == "idempotency_key"}
    ended = {one.command_id for one in history.journal if one.kind is JournalKind.CONCLUDED}
    words = {JournalKind.DONE: "step", JournalKind.PROBED: "step", JournalKind.UNDONE: "undo"}
    for record in history.journal:
        happened = record.kind in words and result_in(record).get("status") in {"ok", "done"}
        if happened and record.command_id in ended and (words[record.kind], record.idempotency_key) not in keys:
            yield f"I7: {words[record.kind]} {record.step} of {record.command_id} has no record"
