"""I3 to I6 and I11: what runs did to their targets, from the journal and the targets' ledgers. Pure; read by ``invariants.py``."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from recoverers.journal import fact_of
from recoverers.transitions import CARRYING_OUT, IN_FLIGHT, STEP_FACTS, STEP_MOVES, Entered, State, StepState, move
from schemas.decisions import Mode
from schemas.recoveries import LOG_SILENCE, NEIGHBOURS, Direction, JournalKind, JournalRecord, OutcomeStatus
from tests.support.history import Effect, History, runs_of

# A ledger knows a process's begin in clock ticks since boot: 10 ms each, and the boot's own time is no better known.
LEDGER_SLACK = timedelta(milliseconds=50)
ROLLBACK_S = 60.0
FEWEST_SOURCES = 2
# What a target writes down when a step is taken back; it may be asked twice, since the state is the same then.
UNDOES = frozenset({"stop", "put_back"})
_ENDS_BACK = {OutcomeStatus.ROLLED_BACK.value, OutcomeStatus.ROLLBACK_FAILED.value}


def result_in(record: JournalRecord) -> dict[str, object]:
    """Return a journal record's result."""
    return dict(json.loads(record.result)) if record.result else {}


def check_i3(history: History) -> list[str]:
    """Check that a target saw each effect once at most for its key; one without keys saw no more effects than steps were begun."""
    return [sentence for sentence, _ in _doubled(history)]


def doubled_effects(history: History) -> int:
    """Return how many effects the targets' own ledgers hold beyond those that there should be."""
    return sum(beyond for _, beyond in _doubled(history))


def begun_steps(history: History) -> int:
    """Return how many steps were begun, forwards and back: each of them may go wrong in every way that there is."""
    intents = (one for one in history.journal if one.kind in {JournalKind.INTENT, JournalKind.UNDO_INTENT})
    return len({(one.command_id, one.step, one.kind, one.idempotency_key) for one in intents})


def _doubled(history: History) -> Iterator[tuple[str, int]]:
    counted = Counter((one.key, one.act) for one in history.effects if one.key and one.act not in UNDOES)
    yield from ((f"I3: {act} with key {key} happened {count} times", count - 1) for (key, act), count in counted.items() if count > 1)
    commands = history.commands
    begun = Counter(commands[one.command_id].target for one in _intents(history) if one.command_id in commands)
    for target, count in Counter(one.target for one in history.effects if not one.key).items():
        if count > begun[target]:
            yield f"I3: {target} changed {count} times for {begun[target]} steps", count - begun[target]


def check_i4(history: History) -> list[str]:
    """Check that no effect happened without an earlier durable intent."""
    found: list[str] = []
    begun: defaultdict[tuple[str, bool], list[datetime]] = defaultdict(list)
    for record in history.journal:
        if record.kind in {JournalKind.INTENT, JournalKind.UNDO_INTENT}:
            begun[record.idempotency_key, record.kind is JournalKind.UNDO_INTENT].append(record.at)
    for effect in history.effects:
        times = begun[effect.key, effect.act in UNDOES] if effect.key else _begun_on(history, effect.target)
        earlier = sum(at <= effect.at + LEDGER_SLACK for at in times)
        if earlier < (1 if effect.key else _rank(history, effect)):
            found.append(f"I4: {effect.act} on {effect.target} at {effect.at} has no earlier intent")
    return found


def check_i5(history: History) -> list[str]:
    """Check that a rollback takes back exactly the done steps in reverse, within the minute, to the state of before."""
    images = dict(history.images)
    return [fault for name, run in runs_of(history).items() for fault in _faults_of_rollback(name, run, images)]


def check_i6(history: History) -> list[str]:
    """Check that at most one changing command runs in a scope, that a run has one writer at a time, and that fencing rises."""
    return [*_overlapping_runs(history), *_words_out_of_turn(history), *_falling_epochs(history)]


def check_i11(history: History) -> list[str]:
    """Check that every healed outcome has two independent verifications after the last step."""
    found: list[str] = []
    runs = runs_of(history)
    for outcome in history.outcomes:
        if outcome.status is not OutcomeStatus.HEALED:
            continue
        run = list(runs.get(outcome.command_id or "", ()))
        acts = [number for number, record in enumerate(run) if record.kind in {JournalKind.DONE, JournalKind.PROBED}]
        after = run[acts[-1] + 1 :] if acts else run
        passed = (one for one in after if one.kind is JournalKind.VERIFIED and result_in(one)["passed"])
        sources = {result_in(one)["source"] for one in passed if one.factor not in {NEIGHBOURS, LOG_SILENCE}}
        if len(sources) < FEWEST_SOURCES:
            found.append(f"I11: {outcome.target} is called healed on the word of {len(sources)} sources")
    return found


def _intents(history: History) -> Iterator[JournalRecord]:
    return (record for record in history.journal if record.kind is JournalKind.INTENT)


def _begun_on(history: History, target: str) -> list[datetime]:
    commands = history.commands
    return [one.at for one in _intents(history) if one.command_id in commands and commands[one.command_id].target == target]


def _rank(history: History, effect: Effect) -> int:
    return sum(one.target == effect.target and not one.key and one.at <= effect.at for one in history.effects)


def _faults_of_rollback(name: str, run: Sequence[JournalRecord], images: dict[str, str]) -> Iterator[str]:
    done = [one.step for one in run if _says(one, JournalKind.DONE, "ok") or _says(one, JournalKind.PROBED, "done")]
    begun = list(dict.fromkeys(one.step for one in run if one.kind is JournalKind.UNDO_INTENT))
    undone = list(dict.fromkeys(one.step for one in run if _says(one, JournalKind.UNDONE, "ok")))
    ended = next((str(result_in(one)["status"]) for one in run if one.kind is JournalKind.CONCLUDED), "")
    undoable = all(bool(result_in(one).get("undoable", True)) for one in run if one.kind is JournalKind.PLANNED)
    wanted = done[::-1] if undoable else []
    if begun != wanted[: len(begun)] or (ended in _ENDS_BACK) < bool(begun):
        yield f"I5: run {name} ended {ended or 'open'}, did {done} and took back {begun}"
    if ended == OutcomeStatus.ROLLED_BACK:
        if undone != wanted:
            yield f"I5: run {name} is called rolled back, did {done} and took back {undone}"
        pre = {one.step: one.pre_image for one in run if one.kind is JournalKind.INTENT and one.step in images}
        wrong = [step for step in undone if step in pre and json.loads(pre[step]) != json.loads(images[step])]
        yield from (f"I5: {step} was {pre[step]} before run {name}, and is {images[step]} after its rollback" for step in wrong)
    took_s = _rollback_s(run)
    if took_s > ROLLBACK_S:
        yield f"I5: the rollback of run {name} took {took_s:.1f} s"


def _says(record: JournalRecord, kind: JournalKind, status: str) -> bool:
    return record.kind is kind and result_in(record).get("status") == status


def _rollback_s(run: Sequence[JournalRecord]) -> float:
    """Return the seconds from the failed verification (or step) to the last step's being back, without what was paused."""
    back = [one for one in run if one.kind in {JournalKind.UNDO_INTENT, JournalKind.UNDONE}]
    failed = [one for one in run if one.kind in {JournalKind.VERIFIED, JournalKind.DONE} and result_in(one).get("status") == "failed"]
    if not back:
        return 0.0
    paused = sum(float(str(result_in(one).get("paused_s", 0.0))) for one in back)
    return (back[-1].at - (failed[-1] if failed else back[0]).at).total_seconds() - paused


def _overlapping_runs(history: History) -> Iterator[str]:
    running: dict[str, str] = {}
    commands = history.commands
    for record in history.journal:
        command = commands.get(record.command_id)
        if command is None or command.mode is not Mode.RUN:
            continue
        # A scope has one partition, so the order of these records is the order in which things happened.
        holder = running.get(command.scope, record.command_id)
        if record.kind in {JournalKind.INTENT, JournalKind.UNDO_INTENT}:
            if holder != record.command_id:
                yield f"I6: {record.command_id} changes {command.scope} while {holder} runs there"
            running[command.scope] = record.command_id
        elif record.kind is JournalKind.CONCLUDED and holder == record.command_id:
            running.pop(command.scope, None)


def _words_out_of_turn(history: History) -> Iterator[str]:
    """Yield what nobody writes who has read the journal to its end: the word of an owner that was fenced."""
    for name, run in runs_of(history).items():
        state, steps = State.NEW, dict[str, StepState]()
        has_branches = any(fact_of(record) is Entered for record in run)
        for record in run:
            after = _after(state, steps, record)
            if after is State.ROLLING_BACK and has_branches:
                # Of branches one may fail and the run go on.
                after = State.READY
            if after is None:
                yield f"I6: {record.owner} wrote {record.kind} {record.step} of {name} when the run was {state}"
            state = after or state


def _after(state: State, steps: dict[str, StepState], record: JournalRecord) -> State | None:
    """Return the run's state after a record, None when nobody may write it there; ``steps`` is kept up to date."""
    fact = fact_of(record)
    if fact is None or fact not in STEP_FACTS or record.direction is Direction.UNDO:
        return move(state, fact) if fact else state
    stands = STEP_MOVES[steps.get(record.step, StepState.NEW)].get(fact)
    if stands is None or state not in CARRYING_OUT:
        return None
    steps[record.step] = stands
    in_flight = next((run for step, run in IN_FLIGHT if step in steps.values()), None)
    return in_flight or move(state, fact)


def _falling_epochs(history: History) -> Iterator[str]:
    for before, after in pairwise(history.leases):
        if (after.epoch, after.sequence) <= (before.epoch, before.sequence):
            yield f"I6: lease {after.epoch}.{after.sequence} was written after {before.epoch}.{before.sequence}"
    for scope in {one.scope for one in history.commands.values()}:
        epochs = [one.epoch for one in history.commands.values() if one.scope == scope]
        if epochs != sorted(epochs):
            yield f"I6: the epochs of the commands in {scope} fall: {epochs}"
