"""Recovery success: each heal row of the scenario table x 20 seeds x one random fault, and each refuse row likewise.

One play is one scenario in memory with one fault of N1-N11 drawn from its seed. A heal row has succeeded when every one of its targets
ended healed and the targets themselves are as they should be; a refuse row when nothing was touched. Each row is played once without a
fault as well: a violation that it has then is the row's, and is shown but not the fault's.
``python -m tests.bench recovery`` prints the table by row and writes ``build/recovery_success.json``;
``python -m tests.bench.recovery 8 9`` plays those rows alone and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random

from console.audit_stored import SPOKEN
from infra.kafka import Located
from schemas.decisions import HealingCommand, Mode
from schemas.ids import id_of
from schemas.incidents import Incident
from schemas.oversight import Approval, Control
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.signing import public_text, sign
from tests.bench.figures import Figure, at_least, commit
from tests.bench.recovery_faults import FAULTS, NOT_DRAWN, draw_harm, put_on
from tests.bench.recovery_rows import HEAL, ROWS, Row
from tests.sim.world import light_rules
from tests.support import memory_flow
from tests.support.history import History
from tests.support.invariants import violations
from tests.support.memory_flow import CHECKPOINT_EVERY, NOTARY_KEY, MemoryFlow, secret_hints
from tests.support.memory_topics import CODEC
from tests.support.story import KEYS

OUT = Path(__file__).parents[2] / "build" / "recovery_success.json"
SEEDS = 20
# The seed of a row's play without any fault.
WITHOUT = 0
SHIPPED = "shipped_rules"
LEFT_OUT = "those that a row has without a fault left out"
STEP_S = 5.0
QUIET = 2
WORKERS = 2
# The effects are the fakes' own, judged by ``Row.is_well``; the checks below need none.
JUDGED = ("I1", "I2", "I5", "I6", "I7", "I9", "I11")


@dataclass(frozen=True, slots=True)
class Played:
    """One play: the row, the seed, the fault, how each target ended, and whether that was right."""

    number: int
    name: str
    seed: int
    fault: str
    ends: tuple[str, ...]
    succeeded: bool
    found: tuple[str, ...] = ()


def play(row: Row, seed: int) -> Played:
    """Play one row under the fault of a seed."""
    flow = row.begin()
    harm = draw_harm(Random(f"{row.number}/{row.name}/{seed}")) if seed != WITHOUT else None
    if harm:
        put_on(flow, harm, Random(seed))
    row.fail(flow)
    over_s = harm.over_s if harm else 0.0
    meanwhile = list(row.meanwhile)
    answered: set[str] = set()
    # What is over twice in a row is over: an end may bring out the next incident.
    passed_s, quiet = 0.0, 0
    while passed_s < row.for_s and quiet < QUIET:
        flow.pass_time(STEP_S)
        passed_s += STEP_S
        _say_yes(flow, answered)
        while meanwhile and meanwhile[0][0] <= passed_s:
            meanwhile.pop(0)[1](flow)
        quiet = quiet + 1 if passed_s > over_s and _is_over(flow, row) else 0
    return judge(flow, row, seed, harm.fault.value if harm else "no fault")


def judge(flow: MemoryFlow, row: Row, seed: int, fault: str) -> Played:
    """Say how it ended: by the last word on each target, and by the targets themselves."""
    ends = tuple(_last_end(flow, target) for target in row.targets)
    said = _found(flow)
    wrong = tuple(sentence for name in JUDGED for sentence in said[name])
    is_well = row.is_well(flow)
    if row.heals and not is_well and set(ends) == {OutcomeStatus.HEALED.value}:
        wrong += ("it is called healed, and its target is not well",)
    right = all(end in {str(status) for status in row.ends} for end in ends) and is_well
    return Played(row.number, row.name, seed, fault, ends, right, wrong)


def _is_over(flow: MemoryFlow, row: Row) -> bool:
    incidents = {id_of(one) for one in flow.of(Incident, "heal.incidents")}
    finals = {one.incident_id for one in flow.of(RecoveryOutcome, "recovery.outcomes") if one.final}
    done = all(_last_end(flow, target) in {str(status) for status in row.ends} for target in row.targets)
    return incidents <= finals and done and row.is_well(flow)


def _last_end(flow: MemoryFlow, target: str) -> str:
    ends = [one for one in flow.of(RecoveryOutcome, "recovery.outcomes") if one.target == target and one.final]
    return str(max(ends, key=lambda one: one.finished_at).status) if ends else "open"


def _say_yes(flow: MemoryFlow, answered: set[str]) -> None:
    """Let an approver say yes to each plan that is shown."""
    shown = {one.decision_id for one in flow.of(RecoveryOutcome, "recovery.outcomes") if one.status is OutcomeStatus.PLANNED}
    for plan in flow.of(HealingCommand, "recovery.commands"):
        if plan.mode is Mode.PLAN and plan.decision_id in shown and plan.decision_id not in answered:
            answered.add(plan.decision_id)
            yes = Approval(plan.plan_hash, True, flow.now + timedelta(hours=1), f"nonce-{len(answered)}")
            flow.send(sign(Control(f"approval/{plan.decision_id}/anton", "anton", flow.now, approval=yes), KEYS["anton"]))


def _found(flow: MemoryFlow) -> Mapping[str, list[str]]:
    records = tuple(record for topic in (*SPOKEN, "heal.deadletter", "heal.audit") for record in flow.topics.records(topic))
    side = frozenset(id_of(record) for record in flow.topics.records("heal.side"))
    history = History(records, tuple(_located(flow)), side, notary_key=public_text(NOTARY_KEY), checkpoint_every=CHECKPOINT_EVERY)
    return violations(history)


def _located(flow: MemoryFlow) -> Iterator[Located]:
    for (topic, partition), rows in sorted(flow.topics.rows.items()):
        for row in rows if topic == "ci.events" else ():
            yield Located(CODEC.decode(row.raw), topic, partition, row.place.offset)


@contextmanager
def light() -> Iterator[None]:
    """Let flows begin with a model that knows nothing: no row asks it, and to read the shipped one takes longer than a whole play."""
    whole = memory_flow.shipped_rules
    setattr(memory_flow, SHIPPED, light_rules)
    try:
        yield
    finally:
        setattr(memory_flow, SHIPPED, whole)


def plays_of(rows: Sequence[Row], seeds: Sequence[int]) -> Iterator[Played]:
    """Play rows by seeds, side by side, in their order; a row is found again by its place, for its parts are code."""
    places = [(ROWS.index(row), seed) for row in rows for seed in seeds]
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
        yield from pool.map(_play_place, places)


def _play_place(place: tuple[int, int]) -> Played:
    number, seed = place
    with light():
        return play(ROWS[number], seed)


def line_of(row: Row, found: Sequence[Played]) -> str:
    """Return how often a row succeeded, and how and under what it did not."""
    own = [one for one in found if (one.number, one.name) == (row.number, row.name) and one.seed != WITHOUT]
    failed = Counter(f"{' '.join(sorted(set(one.ends)))} under {one.fault}" for one in own if not one.succeeded)
    why = "".join(f"; {count} x {what}" for what, count in failed.most_common())
    return f"{row.number:>3} {sum(one.succeeded for one in own):>3} of {len(own)} {'healed' if row.heals else 'refused'}  {row.name}{why}"


def figures_of(found: Sequence[Played]) -> list[Figure]:
    """Return the two shares, and what the invariants say."""
    heal = [one for one in found if one.number in HEAL and one.seed != WITHOUT]
    refuse = [one for one in found if one.number not in HEAL and one.seed != WITHOUT]
    how = f"{len({one.number for one in heal})} heal rows x {SEEDS} seeds x one of {len(FAULTS)} faults"
    wrong = len(by_faults(found))
    against = f"{len({one.number for one in refuse})} refuse rows x {SEEDS} seeds x one fault"
    return [
        at_least("recovery_success", _share(heal), "%", 90, how),
        at_least("right_refusals", _share(refuse), "%", 100, against),
        Figure("recovery_violations", wrong, "violations", "= 0", wrong == 0, f"{', '.join(JUDGED)}; {LEFT_OUT}"),
    ]


def by_faults(found: Sequence[Played]) -> list[str]:
    """Return the violations of invariants that the row keeps when nothing is done to the system."""
    own = {(one.name, name_of(sentence)) for one in found if one.seed == WITHOUT for sentence in one.found}
    return [
        f"{one.name}, seed {one.seed}, {one.fault}: {sentence}"
        for one in found
        for sentence in one.found
        if (one.name, name_of(sentence)) not in own
    ]


def name_of(sentence: str) -> str:
    """Return the invariant that a sentence is about."""
    return sentence.partition(":")[0]


def _share(found: Sequence[Played]) -> float:
    return 100.0 * sum(one.succeeded for one in found) / len(found) if found else 0.0


def played(rows: Sequence[Row]) -> list[Played]:
    """Play rows, print each as soon as it is through, and what is wrong with any of them."""
    found: list[Played] = []
    # Read before the processes part, and so once.
    light_rules()
    secret_hints()
    for row in rows:
        found += plays_of((row,), range(WITHOUT, SEEDS + 1))
        sys.stdout.write(f"{line_of(row, found)}\n")
        sys.stdout.flush()
    sys.stdout.writelines(f"{sentence}\n" for sentence in by_faults(found))
    kept = Counter((one.name, name_of(sentence)) for one in found if one.seed == WITHOUT for sentence in one.found)
    sys.stdout.writelines(f"without any fault, {name}: {count} x {invariant}\n" for (name, invariant), count in kept.items())
    return found


def measure() -> list[Figure]:
    """Play everything and write it down."""
    found = played(ROWS)
    sys.stdout.write(f"not drawn: {NOT_DRAWN}\n")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"row": one.number, "name": one.name, "seed": one.seed, "fault": one.fault, "ends": one.ends, "ok": one.succeeded} for one in found
    ]
    OUT.write_text(json.dumps({"commit": commit(), "plays": rows}, indent=1) + "\n", encoding="utf-8")
    return figures_of(found)


def main() -> int:
    """Play the rows whose numbers are named, without writing a figure; return 1 when one of their plays was not right."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.recovery", description="play a few rows of the scenario table under faults"
    )
    parser.add_argument("numbers", nargs="+", type=int, choices=sorted({row.number for row in ROWS}), metavar="ROW")
    words = parser.parse_args()
    found = played([row for row in ROWS if row.number in words.numbers])
    return 0 if all(one.succeeded for one in found) and not by_faults(found) else 1


if __name__ == "__main__":
    sys.exit(main())
