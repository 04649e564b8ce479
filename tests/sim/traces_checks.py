"""I1 (dead letters), I12, I13 and I14 over one simulated run. Pure; see ``judge.py``."""

from __future__ import annotations

from collections import Counter

from schemas.ids import id_of
from schemas.recoveries import JournalKind
from tests.sim.failures import named_in_records
from tests.sim.plan import Budgets, Plan, Trouble
from tests.sim.witness import Witness
from tests.support.history import History
from tests.support.record_invariants import check_i14
from tests.support.run_invariants import result_in

# Ends that depend on when things happen: a person's answer, a window of a budget, a clock that is an hour off.
BY_TIME = (Trouble.CLOCK,)


def check_i1_letters(witness: Witness) -> list[str]:
    """Check that whatever nobody could use is in the dead letters."""
    dead = witness.history.dead_places
    return [f"I1: the record at {place} cannot be used and is in no dead letter" for place in witness.unread if place not in dead]


def check_i3_probes(witness: Witness) -> list[str]:
    """Check that what a probe calls done was done: the target's own record has it."""
    commands = witness.history.commands
    found: list[str] = []
    for record in witness.history.journal:
        command = commands.get(record.command_id)
        if command is None or record.kind is not JournalKind.PROBED or result_in(record).get("status") != "done":
            continue
        keyed = (
            one for one in witness.history.effects if one.key == record.idempotency_key or (not one.key and one.target == command.target)
        )
        if not any(one.at <= record.at for one in keyed):
            found.append(f"I3: {record.step} of {command.target} was called done by a probe, and its target knows nothing of it")
    return found


def check_i12(witness: Witness) -> list[str]:
    """Check that no planted secret is in anything that we wrote."""
    found = {topic for topic, raw in witness.written for secret in witness.secrets if secret.encode() in raw}
    return [f"I12: a planted secret is in {topic}" for topic in sorted(found)]


def check_i13(witness: Witness) -> list[str]:
    """Check that all became quiet."""
    return [] if witness.quiet_s < float("inf") else ["I13: records are unread or incidents open 120 s after the last fault"]


def check_i14_ends(witness: Witness) -> list[str]:
    """Check that each failure whose end follows from it alone ended so, once."""
    if not is_exact(witness.plan):
        return []
    certain = {named_in_records(one): next(iter(one.ends)).value for one in witness.plan.failures if one.is_certain}
    return check_i14(witness.history, certain)


def is_exact(plan: Plan) -> bool:
    """Tell whether the ends of a plan's certain failures do not depend on time."""
    return not (plan.crowd or plan.asks_people or plan.has(*BY_TIME) or plan.brakes != Budgets())


def ends_of(history: History) -> Counter[tuple[str, str]]:
    """Return the multiset of I14: how often each target ended how."""
    return Counter((one.target, one.status.value) for one in {id_of(one): one for one in history.outcomes if one.final}.values())
