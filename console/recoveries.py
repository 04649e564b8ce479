"""Recoveries as people ask about them, projected from admissions, the executor's journal and outcomes. Pure; called by ``cli/recovery.py``.

The journal alone tells how far a run is; an outcome how it ended; an admission what waits at the door or was let through just now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from recoverers.journal import RunState, replay
from recoverers.steps import Entry
from recoverers.transitions import State
from schemas.decisions import Admission, AdmissionState, Mode
from schemas.errors import NotFoundError, UsageError
from schemas.ids import Record
from schemas.lifecycle import Life
from schemas.recoveries import JournalRecord, OutcomeStatus, RecoveryOutcome, StepDone

TOPICS = ("heal.admissions", "recovery.journal", "recovery.outcomes")
COLUMNS = ("id", "state", "target", "strategy", "step", "reason")
_RUNNING = frozenset({Life.RUNNING, Life.VERIFYING, Life.ROLLING_BACK})
_WAITING = {AdmissionState.QUEUED: Life.QUEUED, AdmissionState.ADMITTED: Life.ADMITTED}
_BACK = frozenset({State.ROLLING_BACK, State.UNDOING, State.STUCK})
_SEEN = frozenset({State.VERIFYING, State.VERIFIED})


@dataclass(frozen=True, slots=True)
class Recovery:
    """One command's life as far as it is known; ``id`` is the command's, the decision's while there is none."""

    id: str
    incident_id: str
    target: str
    state: Life
    at: datetime
    strategy: str = ""
    reason: str = ""
    run: RunState | None = None
    outcome: RecoveryOutcome | None = None

    @property
    def is_running(self) -> bool:
        """Whether an executor has it."""
        return self.state in _RUNNING

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes of it."""
        return not self.is_running and self.state not in _WAITING.values()


def recoveries_of(records: Iterable[Record]) -> tuple[Recovery, ...]:
    """Return the recoveries, the newest first; of several records with one id the first counts."""
    admissions: dict[str, Admission] = {}
    journal: list[JournalRecord] = []
    outcomes: dict[str, RecoveryOutcome] = {}
    for record in records:
        if isinstance(record, Admission):
            admissions[record.decision_id] = record
        elif isinstance(record, JournalRecord):
            journal.append(record)
        elif isinstance(record, RecoveryOutcome) and record.command_id and record.status is not OutcomeStatus.PLANNED:
            outcomes.setdefault(record.command_id, record)
    found = {name: _of_run(name, run, outcomes.get(name)) for name, run in replay(journal).items() if not _was_shown_only(run)}
    found |= {name: _of_outcome(name, outcome) for name, outcome in outcomes.items() if name not in found}
    known = {row.run.command.decision_id for row in found.values() if row.run} | {row.decision_id for row in outcomes.values()}
    waiting = [_of_admission(row) for name, row in admissions.items() if name not in known and row.state in _WAITING]
    return tuple(sorted([*found.values(), *waiting], key=lambda row: (row.at, row.id), reverse=True))


def _was_shown_only(run: RunState) -> bool:
    return run.command.mode is Mode.PLAN


def _of_run(name: str, run: RunState, outcome: RecoveryOutcome | None) -> Recovery:
    command = run.command
    state = Life(outcome.status.value) if outcome else _life_of(run.state)
    at = run.started_at or command.issued_at
    reason = outcome.reason if outcome else run.reason
    return Recovery(name, command.incident_id, command.target, state, at, command.strategy, reason, run, outcome)


def _life_of(state: State) -> Life:
    if state in _BACK:
        return Life.ROLLING_BACK
    return Life.VERIFYING if state in _SEEN else Life.RUNNING


def _of_outcome(name: str, outcome: RecoveryOutcome) -> Recovery:
    strategy, state = outcome.strategy or "", Life(outcome.status.value)
    return Recovery(name, outcome.incident_id, outcome.target, state, outcome.finished_at, strategy, outcome.reason, outcome=outcome)


def _of_admission(row: Admission) -> Recovery:
    return Recovery(row.command_id or row.decision_id, row.incident_id, row.target, _WAITING[row.state], row.at, reason=row.reason)


def found_in(rows: Iterable[Recovery], text: str) -> Recovery:
    """Return the one recovery whose id or incident begins so, the newest of one incident; raises NotFoundError."""
    named = [row for row in rows if text and (row.id.startswith(text) or row.incident_id.startswith(text))]
    if len({row.incident_id for row in named}) != 1:
        why = f"recoveries of {len({row.incident_id for row in named})} incidents begin so" if named else "there is none"
        raise NotFoundError(f"recovery {text}", why, "List them with `healstream recovery list -o json`")
    return named[0]


def require_cancellable(row: Recovery) -> None:
    """Raise UsageError when there is nothing to cancel any more."""
    if row.has_ended:
        why = f"it has ended as {row.state}"
        raise UsageError(f"recovery {row.id}", why, f"Look at it with `healstream recovery get {row.id[:12]}`; nothing of it goes on")


def require_rollback(row: Recovery) -> None:
    """Raise UsageError unless the recovery runs: only then does its run know what it did, and hold its target."""
    if row.is_running:
        return
    if not row.has_ended:
        mend = f"Take it out of the queue with `healstream recovery cancel {row.id[:12]}`"
        raise UsageError(f"recovery {row.id}", f"it is {row.state} and has done nothing that could be taken back", mend)
    if row.state in {Life.ROLLED_BACK, Life.REFUSED, Life.OBSERVED, Life.SELF_HEALED, Life.EXPIRED}:
        why = f"it has ended as {row.state}: nothing of it is in force"
        raise UsageError(f"recovery {row.id}", why, "There is nothing to do; `healstream incident get` shows the target's case")
    why = f"it has ended as {row.state}, and what came after it may rest on it: its target may have changed since"
    mend = "Look at its steps with `healstream recovery get`, then change the target back by hand, or open the incident again with"
    raise UsageError(f"recovery {row.id}", why, f"{mend} `healstream recovery run {row.incident_id[:12]}`")


def row_of(row: Recovery) -> dict[str, object]:
    """Return one recovery as the row that lists show."""
    return {
        "id": row.id,
        "incident_id": row.incident_id,
        "state": row.state.value,
        "target": row.target,
        "strategy": row.strategy,
        "step": _now_at(row.run) if row.run and row.is_running else "",
        "reason": row.reason,
        "at": row.at.isoformat(),
    }


def _now_at(run: RunState) -> str:
    """Return the steps that are being made or taken back now."""
    if run.undo and run.undo[-1].status == "intended":
        return f"undo {run.undo[-1].name}"
    return ", ".join(step.name for step in run.steps if step.status in {"intended", "in_doubt", "waiting"})


def whole_of(row: Recovery) -> dict[str, object]:
    """Return everything that is known of one recovery."""
    run, outcome = row.run, row.outcome
    return {
        **row_of(row),
        "planned": list(run.planned) if run else [],
        "entered": [_entry(entry) for entry in run.entries if entry.name] if run else [],
        "steps": [_step(step) for step in (outcome.steps if outcome else [step.shown() for step in run.steps] if run else [])],
        "rollback": [_step(step) for step in (outcome.rollback if outcome else [step.shown() for step in run.undo] if run else [])],
        "verification": [
            {"factor": seen.factor, "source": seen.source, "passed": seen.passed, "detail": seen.detail}
            for seen in (outcome.verification if outcome else run.factors if run else ())
        ],
        "neighbours": [
            {"target": near.target, "before": near.before.value, "after": near.after.value, "worse": near.is_worse, "detail": near.detail}
            for near in (outcome.neighbours if outcome else run.neighbours if run else ())
        ],
        "finished_at": outcome.finished_at.isoformat() if outcome else None,
        "advice": [advice.what for advice in outcome.recommendations] if outcome else [],
    }


def _entry(entry: Entry) -> dict[str, object]:
    return {"step": entry.name, "status": entry.status.value, "target": entry.target, "detail": entry.detail}


def _step(step: StepDone) -> dict[str, object]:
    return {"step": step.name, "status": step.status, "detail": step.detail, "tries": step.tries, "took_ms": round(step.took_ms, 1)}
