"""From a run and its ending to the RecoveryOutcome and the audit entries. Called by ``perform``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from recoverers.advice import NOTICED, advice_on
from recoverers.journal import RunState, made_worse
from recoverers.precondition import Ending
from recoverers.transitions import State
from schemas.decisions import HealingCommand, Mode, Scalar
from schemas.ids import id_of
from schemas.oversight import AuditEntry
from schemas.recoveries import OutcomeStatus, PlanShown, Recommendation, RecoveryOutcome

_ADVICE = {
    OutcomeStatus.ROLLBACK_FAILED: "Look at the target now: a step could not be taken back and its state is in between",
    OutcomeStatus.ESCALATED: "Find out whether the step in doubt acted, then finish or undo it by hand",
    OutcomeStatus.ROLLED_BACK: "The recovery did not help and was taken back; look for another cause",
}

_GAVE_UP = "The target did not come back while it was waited for; ask whoever runs it, then `healstream incident mark-healed`"


def is_final(command: HealingCommand, status: OutcomeStatus) -> bool:
    """Tell whether an outcome ends its incident; of what never ran the door alone says the last word, a refusal to plan included."""
    if command.mode is Mode.PLAN:
        return False
    return status is not OutcomeStatus.ROLLED_BACK or command.attempt >= command.max_attempts


def conclude(run: RunState, ending: Ending, at: datetime, outputs: Mapping[str, Scalar]) -> tuple[RecoveryOutcome, tuple[AuditEntry, ...]]:
    """Return what the run came to, complete enough to be read without its journal; ``outputs`` are its workflow's."""
    outcome = outcome_of(run, ending, at)
    command = run.command
    details = (
        ("command_id", id_of(command)),
        ("incident_id", command.incident_id),
        ("strategy", command.strategy),
        ("reason", ending.reason),
        ("final", str(outcome.final).lower()),
        *((("made_worse", made_worse(run)),) if made_worse(run) else ()),
        *((f"output.{name}", str(value)) for name, value in sorted(outputs.items())),
    )
    head = AuditEntry("executor", f"recovery.{ending.status.value}", command.target, at, details, (), command.traceparent)
    return outcome, (*_steps_audited(run), head)


def _steps_audited(run: RunState) -> tuple[AuditEntry, ...]:
    """Return one entry per effect: I7 asks for a record of each."""
    command = run.command
    rows = [("step", step) for step in run.steps] + [("undo", step) for step in run.undo]
    return tuple(
        AuditEntry(
            actor="executor",
            action=f"recovery.{word}.{step.status}",
            subject=command.target,
            at=step.ended or step.began or command.issued_at,
            details=(("command_id", id_of(command)), ("step", step.name), ("idempotency_key", step.key)),
            traceparent=command.traceparent,
        )
        for word, step in rows
    )


def outcome_of(run: RunState, ending: Ending, at: datetime) -> RecoveryOutcome:
    """Return the outcome's record."""
    command = run.command
    healed = ending.status is OutcomeStatus.HEALED
    external = _external_wait_s(run)
    recovered = run.recovered_at if healed else None
    return RecoveryOutcome(
        incident_id=command.incident_id,
        decision_id=command.decision_id,
        attempt=command.attempt,
        final=is_final(command, ending.status),
        target=command.target,
        kind=command.kind,
        status=ending.status,
        reason=ending.reason,
        opened_at=command.opened_at,
        detected_at=command.detected_at,
        finished_at=at,
        command_id=id_of(command),
        strategy=command.strategy,
        scope=command.scope,
        steps=tuple(step.shown() for step in run.steps),
        verification=run.factors,
        rollback=tuple(step.shown() for step in run.undo),
        recommendations=tuple(Recommendation(advice, reason) for reason, advice in _advice_of(run, ending) if advice),
        started_at=run.started_at,
        recovered_at=recovered,
        verified_at=run.verified_at if healed else None,
        time_to_detect_s=(command.detected_at - command.opened_at).total_seconds(),
        time_to_recover_s=(recovered - command.opened_at).total_seconds() - external if recovered else None,
        external_wait_s=external,
        rollback_s=(at - run.failed_at).total_seconds() - run.undo_paused_s if run.failed_at and run.undo else None,
        paused_s=run.paused_s,
        dry_run=command.mode is Mode.DRY_RUN,
        oversight=command.oversight,
        plan=PlanShown(command.parameters, run.planned, command.plan_hash) if run.planned else None,
        traceparent=command.traceparent,
        neighbours=run.neighbours,
    )


def _advice_of(run: RunState, ending: Ending) -> tuple[tuple[str, str], ...]:
    """Return what a person should do for the ending's reason, and for what the recipe noticed beside it, however the run ended."""
    noticed = run.facts.value(NOTICED)
    return ((ending.reason, _advice_on_ending(run, ending)), (noticed, advice_on(noticed)))


def _advice_on_ending(run: RunState, ending: Ending) -> str:
    gave_up = ending.status is run.gives_up_as is OutcomeStatus.ESCALATED and run.state is not State.UNCLEAR
    if gave_up:
        return _GAVE_UP
    worse = made_worse(run)
    if worse and ending.status is OutcomeStatus.ROLLED_BACK:
        return (
            f"The recovery made {worse} worse and was taken back; find out what {worse} needs of {run.command.target} before the next try"
        )
    return advice_on(ending.reason) or _ADVICE.get(ending.status, "")


def _external_wait_s(run: RunState) -> float:
    """Return the time that passed inside somebody's CI job: from the last act to its end."""
    if not run.command.target.startswith("job:") or run.acted_at is None or run.recovered_at is None:
        return 0.0
    return max(0.0, (run.recovered_at - run.acted_at).total_seconds())
