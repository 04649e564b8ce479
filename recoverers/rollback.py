"""Taking back what was done: the done steps in reverse, each with an intent before and a record after. Called by ``execute``."""

from __future__ import annotations

from dataclasses import replace

from recoverers.deadline import ROLLBACK_S, Deadline
from recoverers.journal import RunState, StepRun
from recoverers.ports import Hands
from recoverers.terms import Terms, call_for, line, text_of
from schemas.attempts import StepStatus
from schemas.recoveries import Direction, JournalKind, JournalRecord


def begin_undo(run: RunState, step: StepRun, reason: str, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Say which step will be taken back, and to what."""
    paused = hands.permit(run.command, Direction.UNDO)
    intent = line(run, terms, JournalKind.UNDO_INTENT, hands.now(), step.name)
    return [replace(intent, pre_image=step.pre_image, result=text_of(reason=reason, paused_s=paused))]


def try_undo(run: RunState, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Take the step back; anything but a clear success is tried again until the minute is over."""
    step = run.undo[-1]
    paused = hands.permit(run.command, Direction.UNDO)
    deadline = Deadline.after(run.failed_at or hands.now(), ROLLBACK_S, run.undo_paused_s + paused)
    call = call_for(run, step.name, step.pre_image)
    result = terms.recipe.undo(call)
    while result.status in {StepStatus.PENDING, StepStatus.UNCERTAIN} and not deadline.is_over(hands.now()):
        hands.wait(result.delay_s)
        paused += hands.permit(run.command, Direction.UNDO)
        result = terms.recipe.undo(call)
    status = "ok" if result.status is StepStatus.OK else "failed"
    done = line(run, terms, JournalKind.UNDONE, hands.now(), step.name)
    return [replace(done, result=text_of(status=status, detail=result.detail[:300], paused_s=paused))]
