"""The forward moves of a run: each asks the recipe and returns the journal records that say what came of it. Called by ``execute``."""

from __future__ import annotations

from dataclasses import replace

from recoverers.conclude import conclude
from recoverers.deadline import Deadline
from recoverers.journal import RunState, command_text, fold
from recoverers.plan import check_command, choose_steps
from recoverers.ports import Hands
from recoverers.precondition import Ending, judge_facts
from recoverers.terms import Terms, call_for, line, text_of
from recoverers.transitions import State
from schemas.attempts import StepStatus
from schemas.recoveries import Direction, JournalKind, JournalRecord

_WORDS = {StepStatus.OK: "ok", StepStatus.FAILED: "failed"}


def accept(run: RunState, terms: Terms, hands: Hands) -> JournalRecord:
    """Return the record by which the command becomes the executor's; it carries the whole command."""
    return replace(line(run, terms, JournalKind.ACCEPTED, hands.now()), result=command_text(run.command))


def choose(run: RunState, terms: Terms, hands: Hands) -> list[JournalRecord] | Ending:
    """Gather facts and choose the steps, or say why the run ends here."""
    command = run.command
    ending = check_command(command, terms.recipe, terms.card)
    if ending:
        return ending
    facts = terms.recipe.gather(command)
    ending = judge_facts(command, facts)
    steps = ending or choose_steps(command, terms.recipe, facts)
    if isinstance(steps, Ending):
        return steps
    traits = terms.recipe.traits
    fixed: dict[str, object] = {"undoable": traits.undoable, "gives_up_as": traits.gives_up_as.value}
    planned = line(run, terms, JournalKind.PLANNED, hands.now())
    return [replace(planned, result=text_of(steps=list(steps), facts=dict(facts.values), **fixed))]


def begin(run: RunState, step: str, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Wait for permission, read what will change, and say what will be done; nothing when a person cancelled meanwhile."""
    paused = hands.permit(run.command, Direction.DO)
    if hands.is_cancelled(run.command):
        return []
    image = terms.recipe.pre_image(call_for(run, step, ""))
    return [replace(line(run, terms, JournalKind.INTENT, hands.now(), step), pre_image=image, result=text_of(paused_s=paused))]


def try_step(run: RunState, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Make the step; a pending one is asked again until the budget is used up or a person cancels."""
    step = run.steps[-1]
    # The journal may have been slow: what was permitted before the intent may be forbidden by now.
    paused = hands.permit(run.command, Direction.DO)
    deadline = Deadline.after(run.started_at or hands.now(), run.command.deadline_s, run.paused_s + paused)
    call = call_for(run, step.name, step.pre_image)
    result = terms.recipe.act(call)
    while result.status is StepStatus.PENDING and not deadline.is_over(hands.now()) and not hands.is_cancelled(run.command):
        hands.wait(min(result.delay_s, deadline.left_s(hands.now())))
        result = terms.recipe.act(replace(call, said=result.detail))
    if result.status is StepStatus.UNCERTAIN:
        return [replace(line(run, terms, JournalKind.IN_DOUBT, hands.now(), step.name), step_try=step.tries)]
    done = line(run, terms, JournalKind.DONE, hands.now(), step.name)
    word = _WORDS.get(result.status, "failed")
    return [replace(done, step_try=step.tries, result=text_of(status=word, detail=result.detail[:300], paused_s=paused))]


def doubt(run: RunState, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Say that the step in flight may or may not have acted: its worker is gone."""
    is_undo = run.state is State.UNDOING
    step = run.undo[-1] if is_undo else run.steps[-1]
    direction = Direction.UNDO if is_undo else Direction.DO
    return [replace(line(run, terms, JournalKind.IN_DOUBT, hands.now(), step.name), direction=direction, step_try=step.tries)]


def probe(run: RunState, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Ask the recipe whether the step in doubt acted."""
    step = run.steps[-1]
    found = terms.recipe.probe(call_for(run, step.name, step.pre_image))
    seen = line(run, terms, JournalKind.PROBED, hands.now(), step.name)
    return [replace(seen, step_try=step.tries, result=text_of(status=found.value, detail=f"probed: {found.value}"))]


def finish(run: RunState, ending: Ending, terms: Terms, hands: Hands) -> RunState:
    """Write the outcome, its audit entries and the journal's last record together."""
    at = hands.now()
    outcome, entries = conclude(run, ending, at)
    last = replace(line(run, terms, JournalKind.CONCLUDED, at), result=text_of(status=ending.status.value, reason=ending.reason))
    hands.append([last], [outcome, *entries])
    return fold(run, last) if run.state is not State.NEW else replace(run, state=State.CONCLUDED)
