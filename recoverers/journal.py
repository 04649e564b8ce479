"""From journal records to the state of a run: ``replay`` is a fold, so any worker continues where the last one stopped.

The ``accepted`` record carries the whole command: the journal alone is enough to resume. Called by ``execute.py`` and the worker.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from recoverers.neighbour_lines import neighbours_after
from recoverers.ports import Facts
from recoverers.progress import Place, Seen, Standing, places_of, standing_of
from recoverers.steps import Entry, EntryStatus, StepRun
from recoverers.transitions import (
    CARRYING_OUT,
    IN_FLIGHT,
    STEP_FACTS,
    STEP_MOVES,
    Accepted,
    Concluded,
    Did,
    Doubted,
    Entered,
    Fact,
    FactorSeen,
    Failed,
    FoundDone,
    FoundMissing,
    FoundUnclear,
    Intended,
    Planned,
    Retried,
    Settled,
    State,
    StepState,
    UndoFailed,
    UndoIntended,
    Undone,
    VerificationFailed,
    move,
)
from schemas.avro_shape import record_from_plain, record_to_plain
from schemas.decisions import HealingCommand, Scalar
from schemas.ids import from_micros, id_of, micros
from schemas.recoveries import Direction, FactorResult, JournalKind, JournalRecord, Neighbour, OutcomeStatus
from schemas.workflow_text import workflow_of
from schemas.workflows import Chain, Use, Workflow

_TIMES = ("opened_at", "detected_at", "issued_at", "not_after")
_ALONE = Chain((Use("", ""),))


@dataclass(frozen=True, slots=True)
class RunState:
    """Everything that the next move depends on.

    ``cancelled`` is a person's word of now, ``set_s`` by how much the clock was set since this process took the run up; all else comes
    from the journal.
    A recipe's own run is a workflow of one nameless step that was entered when it was planned.
    """

    command: HealingCommand
    state: State = State.NEW
    facts: Facts = Facts()
    planned: tuple[str, ...] = ()
    workflow: Workflow | None = None
    entries: tuple[Entry, ...] = ()
    steps: tuple[StepRun, ...] = ()
    undo: tuple[StepRun, ...] = ()
    rounds: int = 0
    factors: tuple[FactorResult, ...] = ()
    reason: str = ""
    started_at: datetime | None = None
    acted_at: datetime | None = None
    recovered_at: datetime | None = None
    verified_at: datetime | None = None
    failed_at: datetime | None = None
    paused_s: float = 0.0
    undo_paused_s: float = 0.0
    undoable: bool = True
    gives_up_as: OutcomeStatus = OutcomeStatus.ROLLED_BACK
    cancelled: bool = False
    set_s: float = 0.0
    neighbours: tuple[Neighbour, ...] = ()

    def places(self, *, stop: bool) -> list[Place]:
        """Return what may go on now."""
        return places_of(self.body, self._seen(), stop=stop)

    def standing(self) -> Standing:
        """Return what came of the whole plan so far."""
        return standing_of(self.body, self._seen())

    @property
    def body(self) -> Chain:
        """The plan as a workflow's body."""
        return self.workflow.body if self.workflow else _ALONE

    def step(self, name: str) -> StepRun | None:
        """Return the step of that name, None before its intent."""
        return next((step for step in self.steps if step.name == name), None)

    def entry(self, name: str) -> Entry | None:
        """Return the workflow's step of that name, None before it was entered."""
        return next((entry for entry in self.entries if entry.name == name), None)

    def entry_of(self, step: str) -> Entry | None:
        """Return the workflow's step that a recipe's step belongs to."""
        return next((entry for entry in self.entries if step in entry.steps), None)

    def next_undo(self) -> StepRun | None:
        """Return the step that was done last and is not taken back; None where nothing can be."""
        if not self.undoable:
            return None
        back = {step.name for step in self.undo if step.status != StepState.ACTING}
        done = (step for step in self.steps if step.status == StepState.DONE and step.name not in back and self._is_undone(step.name))
        return max(done, key=lambda step: step.place, default=None)

    def _is_undone(self, step: str) -> bool:
        entry = self.entry_of(step)
        use = self.workflow.use(entry.name) if self.workflow and entry else None
        return use is None or use.undo

    def _seen(self) -> Seen:
        return Seen({entry.name: entry for entry in self.entries}, {step.name: StepState(step.status) for step in self.steps})


def command_text(command: HealingCommand) -> str:
    """Return the command as JSON text, times as microseconds."""
    plain = cast("dict[str, object]", record_to_plain(HealingCommand)(command))
    plain["approvals"] = [{**row, "at": micros(row["at"])} for row in cast("list[dict[str, datetime]]", plain["approvals"])]
    return json.dumps({**plain, **{name: micros(cast("datetime", plain[name])) for name in _TIMES}}, sort_keys=True)


def command_from(text: str) -> HealingCommand:
    """Return the command that ``command_text`` wrote."""
    plain = json.loads(text)
    plain["approvals"] = [{**row, "at": from_micros(row["at"])} for row in plain["approvals"]]
    return cast("HealingCommand", record_from_plain(HealingCommand)({**plain, **{name: from_micros(plain[name]) for name in _TIMES}}))


def result_of(record: JournalRecord) -> Mapping[str, object]:
    """Return a record's result."""
    return cast("Mapping[str, object]", json.loads(record.result)) if record.result else {}


_BY_STATUS: dict[JournalKind, dict[str, type[Fact]]] = {
    JournalKind.DONE: {"ok": Did, "again": Retried},
    JournalKind.PLANNED: {status.value: Entered for status in EntryStatus},
    JournalKind.PROBED: {"done": FoundDone, "missing": FoundMissing},
    JournalKind.VERIFIED: {"settled": Settled, "failed": VerificationFailed},
    JournalKind.UNDONE: {"ok": Undone},
}
_BY_KIND: dict[JournalKind, type[Fact]] = {
    JournalKind.ACCEPTED: Accepted,
    JournalKind.PLANNED: Planned,
    JournalKind.INTENT: Intended,
    JournalKind.DONE: Failed,
    JournalKind.IN_DOUBT: Doubted,
    JournalKind.PROBED: FoundUnclear,
    JournalKind.VERIFIED: FactorSeen,
    JournalKind.UNDO_INTENT: UndoIntended,
    JournalKind.UNDONE: UndoFailed,
    JournalKind.CONCLUDED: Concluded,
}


def fact_of(record: JournalRecord) -> type[Fact] | None:
    """Return what the record says has happened; None for a checkpoint."""
    status = str(result_of(record).get("status", ""))
    return _BY_STATUS.get(record.kind, {}).get(status) or _BY_KIND.get(record.kind)


def is_in_turn(run: RunState, record: JournalRecord) -> bool:
    """Tell whether the tables know the record's fact where the run and its step stand."""
    fact = fact_of(record)
    if fact is None:
        return False
    if record.direction is Direction.DO and fact in STEP_FACTS:
        step = run.step(record.step)
        return run.state in CARRYING_OUT and fact in STEP_MOVES[StepState(step.status) if step else StepState.NEW]
    if fact is Entered:
        return run.state in CARRYING_OUT and run.entry(record.step) is None
    return move(run.state, fact) is not None


def fold(run: RunState, record: JournalRecord) -> RunState:
    """Return the run after one more record; a record that the tables do not know here is a duplicate and changes nothing."""
    fact = fact_of(record)
    if fact is None or not is_in_turn(run, record):
        return run
    result = result_of(record)
    paused = float(cast("float", result.get("paused_s", 0.0)))
    run = replace(run, paused_s=run.paused_s + paused)
    run = replace(run, neighbours=neighbours_after(run.neighbours, result))
    if record.direction is Direction.DO and (fact in STEP_FACTS or fact is Entered):
        return _settle(_fold_step(run, record, fact, result), record.at)
    run = replace(run, state=move(run.state, fact) or run.state)
    if record.direction is Direction.UNDO:
        return replace(_fold_undo(run, record, fact, result), undo_paused_s=run.undo_paused_s + paused)
    return _fold_run(run, record, fact, result)


def _fold_run(run: RunState, record: JournalRecord, fact: type[Fact], result: Mapping[str, object]) -> RunState:
    if fact is Accepted:
        return replace(run, started_at=record.at)
    if fact is Planned:
        steps = tuple(cast("list[str]", result["steps"]))
        # Journals of before it was written know one way to give up.
        gives_up_as = OutcomeStatus(str(result.get("gives_up_as", OutcomeStatus.ROLLED_BACK)))
        planned = replace(run, planned=steps, facts=_facts_in(result), acted_at=record.at, gives_up_as=gives_up_as)
        planned = replace(planned, undoable=bool(result.get("undoable", True)))
        if "workflow" in result:
            return replace(planned, workflow=workflow_of(cast("Mapping[str, object]", result["workflow"])))
        return replace(planned, entries=(Entry("", EntryStatus.OPEN, facts=planned.facts, steps=steps),))
    if record.kind is JournalKind.VERIFIED:
        return _fold_factor(run, record, fact, result)
    return run


def _facts_in(result: Mapping[str, object]) -> Facts:
    return Facts(values=tuple(sorted((str(k), str(v)) for k, v in cast("dict[str, str]", result.get("facts", {})).items())))


def _fold_step(run: RunState, record: JournalRecord, fact: type[Fact], result: Mapping[str, object]) -> RunState:
    if fact is Entered:
        return replace(run, entries=(*run.entries, _entry_in(record, result)))
    old = run.step(record.step)
    if old is None:
        return replace(run, steps=(*run.steps, StepRun(record.step, record.idempotency_key, record.pre_image, began=record.at)))
    step = replace(old, status=STEP_MOVES[StepState(old.status)][fact])
    detail = str(result.get("detail", ""))
    if fact is Intended:
        # What was there before the first try is what a rollback puts back.
        step = replace(step, again_at=None, doubt="")
    elif fact is Doubted:
        step = replace(step, doubt=str(result.get("doubt", "")))
    elif fact in {FoundMissing, FoundUnclear}:
        step = replace(step, tries=step.tries + 1, detail=detail)
    elif fact is Retried:
        again_at = record.at + timedelta(seconds=float(cast("float", result["wait_s"])))
        step = replace(step, tries=step.tries + 1, failures=step.failures + 1, detail=detail, again_at=again_at)
    else:
        outputs = tuple(sorted(cast("dict[str, Scalar]", result.get("outputs", {})).items()))
        place = 1 + max(other.place for other in run.steps)
        step = replace(step, detail=detail, ended=record.at, place=place, outputs=outputs)
    acted_at = record.at if fact in {Did, FoundDone} else run.acted_at
    return replace(run, acted_at=acted_at, steps=tuple(step if other.name == step.name else other for other in run.steps))


def _entry_in(record: JournalRecord, result: Mapping[str, object]) -> Entry:
    return Entry(
        name=record.step,
        status=EntryStatus(str(result["status"])),
        detail=str(result.get("detail", "")),
        target=str(result.get("target", "")),
        bounds=tuple(sorted(cast("dict[str, Scalar]", result.get("bounds", {})).items())),
        facts=_facts_in(result),
        steps=tuple(cast("list[str]", result.get("steps", []))),
    )


def _settle(run: RunState, at: datetime) -> RunState:
    """Return the run in the state that follows from all of its steps."""
    stands = {step.status for step in run.steps}
    in_flight = next((state for step, state in IN_FLIGHT if step in stands), None)
    if in_flight:
        return replace(run, state=in_flight)
    if run.standing() is not Standing.FAILED:
        return replace(run, state=State.READY)
    return replace(run, state=State.ROLLING_BACK, failed_at=at, reason=_why_failed(run))


def _why_failed(run: RunState) -> str:
    # The last one: an earlier branch may have failed where another one was enough.
    failed = max((step for step in run.steps if step.status == StepState.FAILED), key=lambda step: step.place, default=None)
    if failed:
        return f"step {failed.name} failed: {failed.detail}"
    refused = (f"step {entry.name} may not be made: {entry.detail}" for entry in run.entries if entry.status is EntryStatus.REFUSED)
    return next(refused, "")


def _fold_factor(run: RunState, record: JournalRecord, fact: type[Fact], result: Mapping[str, object]) -> RunState:
    seen = FactorResult(record.factor, str(result["source"]), bool(result["passed"]), str(result.get("detail", "")))
    kept = tuple(other for other in run.factors if other.factor != record.factor) if record.round == run.rounds else ()
    run = replace(run, rounds=record.round, factors=(*kept, seen))
    since = from_micros(int(cast("int", result["passing_since"]))) if result.get("passing_since") is not None else None
    if fact is Settled:
        return replace(run, recovered_at=since or record.at, verified_at=record.at)
    return replace(run, failed_at=record.at, reason=_why_not_verified(run)) if fact is VerificationFailed else run


def made_worse(run: RunState) -> str:
    """Return the neighbours that were well before the run and are not, empty when there are none."""
    return ", ".join(row.target for row in run.neighbours if row.is_worse)


def _why_not_verified(run: RunState) -> str:
    worse = made_worse(run)
    return f"verification failed: it made {worse} worse" if worse else "verification failed"


def _fold_undo(run: RunState, record: JournalRecord, fact: type[Fact], result: Mapping[str, object]) -> RunState:
    if fact is UndoIntended:
        begun = replace(run, failed_at=run.failed_at or record.at, reason=run.reason or str(result.get("reason", "")))
        return replace(begun, undo=(*run.undo, StepRun(record.step, record.idempotency_key, record.pre_image, began=record.at)))
    if fact in {Undone, UndoFailed} and run.undo:
        last = replace(run.undo[-1], status="undone" if fact is Undone else "failed", detail=str(result.get("detail", "")), ended=record.at)
        return replace(run, undo=(*run.undo[:-1], last))
    return run


def replay(records: Iterable[JournalRecord]) -> dict[str, RunState]:
    """Return the runs in a journal by command id, in the order of their acceptance."""
    runs: dict[str, RunState] = {}
    for record in records:
        if record.kind is JournalKind.ACCEPTED and record.command_id not in runs:
            command = command_from(record.result)
            runs[id_of(command)] = RunState(command)
        if record.command_id in runs:
            runs[record.command_id] = fold(runs[record.command_id], record)
    return runs
