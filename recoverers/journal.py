"""From journal records to the state of a run: ``replay`` is a fold, so any worker continues where the last one stopped.

The ``accepted`` record carries the whole command: the journal alone is enough to resume. Called by ``execute.py`` and the worker.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from recoverers.ports import Facts
from recoverers.transitions import (
    Accepted,
    Concluded,
    Did,
    Doubted,
    Fact,
    FactorSeen,
    Failed,
    FoundDone,
    FoundMissing,
    FoundUnclear,
    Intended,
    Planned,
    Settled,
    State,
    UndoFailed,
    UndoIntended,
    Undone,
    VerificationFailed,
    move,
)
from schemas.avro_shape import record_from_plain, record_to_plain
from schemas.decisions import HealingCommand
from schemas.ids import from_micros, id_of, micros
from schemas.recoveries import Direction, FactorResult, JournalKind, JournalRecord, OutcomeStatus, StepDone

_TIMES = ("opened_at", "detected_at", "issued_at", "not_after")


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step as far as it went."""

    name: str
    key: str = ""
    pre_image: str = ""
    status: str = "intended"
    detail: str = ""
    tries: int = 1
    began: datetime | None = None
    ended: datetime | None = None

    def shown(self) -> StepDone:
        """Return the step as an outcome shows it."""
        took = (self.ended - self.began).total_seconds() * 1000 if self.ended and self.began else 0.0
        return StepDone(self.name, self.status, self.detail, self.tries, took)


@dataclass(frozen=True, slots=True)
class RunState:
    """Everything that the next move depends on. ``cancelled`` is a person's word of now; all else comes from the journal."""

    command: HealingCommand
    state: State = State.NEW
    facts: Facts = Facts()
    planned: tuple[str, ...] = ()
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

    def next_step(self) -> str | None:
        """Return the first planned step that is not done."""
        ended = {step.name for step in self.steps if step.status == "done"}
        return next((name for name in self.planned if name not in ended), None)

    def next_undo(self) -> StepRun | None:
        """Return the last done step that is not taken back; None where nothing can be."""
        if not self.undoable:
            return None
        back = {step.name for step in self.undo if step.status != "intended"}
        return next((step for step in reversed(self.steps) if step.status == "done" and step.name not in back), None)


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


def fact_of(record: JournalRecord) -> type[Fact] | None:
    """Return what the record says has happened; None for a checkpoint."""
    status = str(result_of(record).get("status", ""))
    by_status: dict[JournalKind, dict[str, type[Fact]]] = {
        JournalKind.DONE: {"ok": Did},
        JournalKind.PROBED: {"done": FoundDone, "missing": FoundMissing},
        JournalKind.VERIFIED: {"settled": Settled, "failed": VerificationFailed},
        JournalKind.UNDONE: {"ok": Undone},
    }
    plain: dict[JournalKind, type[Fact]] = {
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
    return by_status.get(record.kind, {}).get(status) or plain.get(record.kind)


def fold(run: RunState, record: JournalRecord) -> RunState:
    """Return the run after one more record; a record that the table does not know here is a duplicate and changes nothing."""
    fact = fact_of(record)
    after = move(run.state, fact) if fact else None
    if fact is None or after is None:
        return run
    result = result_of(record)
    paused = float(cast("float", result.get("paused_s", 0.0)))
    run = replace(run, state=after, paused_s=run.paused_s + paused)
    if record.direction is Direction.UNDO:
        return replace(_fold_undo(run, record, fact, result), undo_paused_s=run.undo_paused_s + paused)
    return _fold_do(run, record, fact, result)


def _fold_do(run: RunState, record: JournalRecord, fact: type[Fact], result: Mapping[str, object]) -> RunState:
    detail = str(result.get("detail", ""))
    if fact is Accepted:
        return replace(run, started_at=record.at)
    if fact is Planned:
        values = tuple(sorted((str(k), str(v)) for k, v in cast("dict[str, str]", result["facts"]).items()))
        steps = tuple(cast("list[str]", result["steps"]))
        # Journals of before it was written know one way to give up.
        gives_up_as = OutcomeStatus(str(result.get("gives_up_as", OutcomeStatus.ROLLED_BACK)))
        planned = replace(run, planned=steps, facts=Facts(values=values), acted_at=record.at, gives_up_as=gives_up_as)
        return replace(planned, undoable=bool(result.get("undoable", True)))
    if fact is Intended:
        step = StepRun(record.step, record.idempotency_key, record.pre_image, began=record.at)
        return replace(run, steps=(*run.steps, step))
    if fact in {Did, FoundDone}:
        return replace(_ended(run, record, "done", detail), acted_at=record.at)
    if fact is Failed:
        return replace(_ended(run, record, "failed", detail), failed_at=record.at, reason=f"step {record.step} failed: {detail}")
    if fact in {FoundMissing, FoundUnclear}:
        last = run.steps[-1]
        return replace(run, steps=(*run.steps[:-1], replace(last, tries=last.tries + 1, detail=detail)))
    if record.kind is JournalKind.VERIFIED:
        return _fold_factor(run, record, fact, result)
    return run


def _ended(run: RunState, record: JournalRecord, status: str, detail: str) -> RunState:
    return replace(run, steps=(*run.steps[:-1], replace(run.steps[-1], status=status, detail=detail, ended=record.at)))


def _fold_factor(run: RunState, record: JournalRecord, fact: type[Fact], result: Mapping[str, object]) -> RunState:
    seen = FactorResult(record.factor, str(result["source"]), bool(result["passed"]), str(result.get("detail", "")))
    kept = tuple(other for other in run.factors if other.factor != record.factor) if record.round == run.rounds else ()
    run = replace(run, rounds=record.round, factors=(*kept, seen))
    since = from_micros(int(cast("int", result["passing_since"]))) if result.get("passing_since") is not None else None
    if fact is Settled:
        return replace(run, recovered_at=since or record.at, verified_at=record.at)
    return replace(run, failed_at=record.at, reason="verification failed") if fact is VerificationFailed else run


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
