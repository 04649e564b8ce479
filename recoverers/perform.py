"""The forward moves of a run: each asks the recipe and returns the journal records that say what came of it. Called by ``execute``."""

from __future__ import annotations

from dataclasses import replace

from recoverers.checked import checked_facts, checked_found, checked_pre_image
from recoverers.conclude import conclude
from recoverers.contain import LOOK_S, Hung, ask, told, why_of
from recoverers.enter import outputs_in
from recoverers.flights import Flights
from recoverers.journal import RunState, command_text, fold
from recoverers.neighbours import baseline
from recoverers.plan import check_command, choose_steps
from recoverers.ports import Facts, Found, Hands, Raised
from recoverers.precondition import Ending, judge_facts
from recoverers.terms import Terms, call_for, line, text_of
from recoverers.transitions import State, StepState
from recoverers.tries import MOST_TRIES, Try, doubt_of, failed_of
from schemas.recoveries import Direction, JournalKind, JournalRecord, OutcomeStatus
from schemas.workflow_text import plain_of_workflow


def accept(run: RunState, terms: Terms, hands: Hands) -> JournalRecord:
    """Return the record by which the command becomes the executor's; it carries the whole command."""
    return replace(line(run, terms, JournalKind.ACCEPTED, hands.now()), result=command_text(run.command))


def choose(run: RunState, terms: Terms, hands: Hands) -> list[JournalRecord] | Ending:
    """Gather facts and choose the steps, or say why the run ends here."""
    command = run.command
    ending = check_command(command, terms.recipe, terms.card)
    if ending:
        return ending
    facts = ask(lambda: checked_facts(terms.recipe.gather(command)), LOOK_S, hands)
    if not isinstance(facts, Facts):
        return _broken(facts)
    ending = judge_facts(command, facts)
    if ending:
        return ending
    steps = ask(lambda: choose_steps(command, terms.recipe, facts), LOOK_S, hands)
    if isinstance(steps, Ending):
        return steps
    if not isinstance(steps, tuple):
        return _broken(steps)
    traits = terms.recipe.traits
    fixed: dict[str, object] = {"undoable": traits.undoable, "gives_up_as": traits.gives_up_as.value}
    # Whole, so that a successor goes on with the text that was approved, whatever the configuration says by then.
    written = {"workflow": plain_of_workflow(terms.workflow)} if terms.workflow else {}
    planned = line(run, terms, JournalKind.PLANNED, hands.now())
    return [replace(planned, result=text_of(steps=list(steps), facts=dict(facts.values), **fixed, **written))]


def _broken(said: Raised | Hung) -> Ending:
    return Ending(OutcomeStatus.ESCALATED, f"nothing was done, {why_of(said)}")


def begin(run: RunState, step: str, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Wait for permission, read what will change, and say what will be done; nothing when a person cancelled meanwhile."""
    paused = hands.permit(run.command, Direction.DO)
    if hands.is_cancelled(run.command):
        return []
    before = run.step(step)
    tries = before.tries if before else 0
    result = text_of(paused_s=paused, **baseline(run, terms, hands))
    intent = replace(line(run, terms, JournalKind.INTENT, hands.now(), step), step_try=tries, result=result)
    if before:
        return [replace(intent, pre_image=before.pre_image)]
    image = ask(lambda: checked_pre_image(terms.recipe.pre_image(call_for(run, step, ""))), LOOK_S, hands)
    if isinstance(image, str):
        return [replace(intent, at=hands.now(), pre_image=image)]
    # Both at once: a step that cannot be taken back later is not made.
    failed = replace(
        line(run, terms, JournalKind.DONE, hands.now(), step), step_try=1, result=text_of(status="failed", detail=told(why_of(image)))
    )
    return [intent, failed]


def doubt(run: RunState, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Say that the steps in flight may or may not have acted: their worker is gone."""
    if run.state is State.UNDOING:
        step = run.undo[-1]
        return [replace(doubt_of(run, step, terms, hands.now()), direction=Direction.UNDO)]
    return [doubt_of(run, step, terms, hands.now()) for step in run.steps if step.status == StepState.ACTING]


def probe(run: RunState, name: str, flights: Flights, *, stop: bool) -> list[JournalRecord]:
    """Ask the recipe whether the step in doubt acted; one that broke, was slow or was tried too often is not simply made again."""
    terms, hands = flights.terms, flights.hands
    step = run.step(name)
    if step is None:
        return []
    said = ask(lambda: checked_found(terms.recipe.probe(call_for(run, name, step.pre_image))), LOOK_S, hands)
    found, why = (said, f"probed: {said.value}") if isinstance(said, Found) else (Found.UNCLEAR, why_of(said))
    if found is Found.MISSING and flights.may_act_yet(name):
        found, why = Found.UNCLEAR, f"{step.doubt}: it may act yet"
    seen = replace(line(run, terms, JournalKind.PROBED, hands.now(), name), step_try=step.tries)
    seen = replace(seen, result=text_of(status=found.value, detail=told(why)))
    if found is not Found.MISSING or not (step.doubt or step.tries >= MOST_TRIES):
        return [seen]
    after = fold(run, seen)
    again = after.step(name) or step
    failed = Try("failed", step.doubt or f"uncertain {step.tries} times")
    return [seen, failed_of(after, again, terms, hands.now(), failed, may_retry=bool(step.doubt) and not stop)]


def finish(run: RunState, ending: Ending, terms: Terms, hands: Hands) -> RunState:
    """Write the outcome, its audit entries and the journal's last record together."""
    at = hands.now()
    outputs = outputs_in(run, terms)
    outcome, entries = conclude(run, ending, at, outputs)
    left = {"outputs": outputs} if outputs else {}
    last = replace(line(run, terms, JournalKind.CONCLUDED, at), result=text_of(status=ending.status.value, reason=ending.reason, **left))
    hands.append([last], [outcome, *entries])
    return fold(run, last) if run.state is not State.NEW else replace(run, state=State.CONCLUDED)
