"""Taking back what was done: the done steps in reverse, each with an intent before and a record after. Called by ``execute``."""

from __future__ import annotations

import threading
from dataclasses import replace

from recoverers.checked import checked_result
from recoverers.contain import Hung, ask, told, why_of
from recoverers.deadline import ROLLBACK_S, Deadline
from recoverers.journal import RunState
from recoverers.ports import Call, Hands, Raised
from recoverers.steps import StepRun
from recoverers.terms import Terms, call_for, line, text_of
from schemas.attempts import StepResult, StepStatus
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
    call = replace(call_for(run, step.name, step.pre_image), cancel=threading.Event())
    result = _ask_undo(call, terms, hands, deadline)
    while result.status in {StepStatus.PENDING, StepStatus.UNCERTAIN} and not deadline.is_over(hands.now()):
        hands.wait(result.delay_s)
        waited = hands.permit(run.command, Direction.UNDO)
        paused += waited
        deadline = Deadline.after(deadline.ends_at, waited)
        result = _ask_undo(call, terms, hands, deadline)
    status = "ok" if result.status is StepStatus.OK else "failed"
    done = line(run, terms, JournalKind.UNDONE, hands.now(), step.name)
    return [replace(done, result=text_of(status=status, detail=told(result.detail), paused_s=paused))]


def _ask_undo(call: Call, terms: Terms, hands: Hands, deadline: Deadline) -> StepResult:
    """Ask once; code that breaks may do better the next time, code that hangs is told to end and not asked again."""
    said = ask(lambda: checked_result(terms.recipe.undo(call)), deadline.left_s(hands.now()), hands)
    if isinstance(said, StepResult):
        return said
    if isinstance(said, Hung) and isinstance(call.cancel, threading.Event):
        call.cancel.set()
    return StepResult(StepStatus.UNCERTAIN if isinstance(said, Raised) else StepStatus.FAILED, why_of(said))
