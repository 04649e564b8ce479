"""A workflow's step is entered: its condition is told, its target and bounds are worked out, its recipe gathers facts and plans.

What comes of it is journaled before anything is done, so a successor goes on with the same target and steps. Called by ``execute``.
"""

from __future__ import annotations

from dataclasses import replace

from recoverers.checked import checked_facts, checked_steps
from recoverers.contain import LOOK_S, ask, told, why_of
from recoverers.journal import RunState
from recoverers.plan import are_inside
from recoverers.ports import Facts, Hands
from recoverers.steps import SEPARATOR, Entry, EntryStatus
from recoverers.terms import Terms, command_for, line, text_of
from recoverers.transitions import StepState
from schemas.catalogue import card_named
from schemas.decisions import Parameters, Scalar
from schemas.expressions import Unknowable, value_of
from schemas.recoveries import JournalKind, JournalRecord
from schemas.workflow_values import as_kind, kind_of, names_for, outputs_of, read_output, value_in
from schemas.workflows import Given, Use, Workflow, uses_in

_OF_NOBODY = Entry("", EntryStatus.SKIPPED)


def enter(run: RunState, name: str, terms: Terms, hands: Hands) -> list[JournalRecord]:
    """Return the record that the workflow's step was entered, left out, or may not be made."""
    use = run.workflow.use(name) if run.workflow else None
    if use is None or run.workflow is None:
        return []
    entry = _entered(run, use, names_of(run, run.workflow, terms), terms, hands)
    said = text_of(
        status=entry.status.value,
        detail=told(entry.detail),
        target=entry.target,
        bounds=dict(entry.bounds),
        facts=dict(entry.facts.values),
        steps=list(entry.steps),
    )
    return [replace(line(run, terms, JournalKind.PLANNED, hands.now(), name), result=said)]


def names_of(run: RunState, workflow: Workflow, terms: Terms) -> dict[str, object]:
    """Return what the workflow's expressions see now."""
    steps = {use.name: _told_by(run, use, terms) for use in uses_in(workflow.body)}
    return names_for({**{row.name: row.default for row in workflow.inputs}, **dict(run.command.parameters)}, run.command.target, steps)


def outputs_in(run: RunState, terms: Terms) -> dict[str, Scalar]:
    """Return what a workflow leaves in its record; an output that has no value where the run ended is left out."""
    if run.workflow is None:
        return {}
    names = names_of(run, run.workflow, terms)
    found = ((row.name, as_kind(value_of(row.cel, names), kind_of(row.type))) for row in run.workflow.outputs)
    return {name: told(value) if isinstance(value, str) else value for name, value in found if value is not None}


def _told_by(run: RunState, use: Use, terms: Terms) -> dict[str, Scalar]:
    """Return what a step leaves to the later ones, the same whether it was left out or is not there yet."""
    card = card_named(terms.cards, use.recipe)
    zeros = dict(outputs_of(card)) if card else {}
    entry = run.entry(use.name) or _OF_NOBODY
    rows = [row for row in (run.step(name) for name in entry.steps) if row]
    found: dict[str, Scalar] = dict(entry.facts.values)
    for row in rows:
        found |= dict(row.outputs)
    told_of = {name: read_output(found[name], zero) for name, zero in zeros.items() if name in found}
    is_done = entry.status is EntryStatus.OPEN and len(rows) == len(entry.steps) and all(row.status == StepState.DONE for row in rows)
    return {**zeros, **told_of, "done": is_done, "detail": rows[-1].detail if rows else entry.detail}


def _entered(run: RunState, use: Use, names: dict[str, object], terms: Terms, hands: Hands) -> Entry:
    refused = Entry(use.name, EntryStatus.REFUSED)
    wanted = value_in(Given("when", value=True, cel=use.when), names)
    if not isinstance(wanted, bool):
        return replace(refused, detail=_no_value("its condition", wanted))
    if not wanted:
        return Entry(use.name, EntryStatus.SKIPPED, "its condition does not hold")
    target = value_in(use.target, names) if use.target else run.command.target
    if not isinstance(target, str):
        return replace(refused, detail=_no_value("its target", target))
    # One changing command a scope at a time: what another scope holds is another command's.
    if terms.scope_of(target) != terms.scope_of(run.command.target):
        return replace(refused, detail=f"{target} lies outside of {run.command.scope}")
    bounds = _bounds_of(use, names, terms)
    if isinstance(bounds, str):
        return replace(refused, detail=bounds)
    return _planned(run, Entry(use.name, EntryStatus.OPEN, target=target, bounds=bounds), terms, hands)


def _bounds_of(use: Use, names: dict[str, object], terms: Terms) -> Parameters | str:
    """Return the recipe's bounds as the workflow narrows them, or why it may not."""
    card = card_named(terms.cards, use.recipe)
    if card is None:
        return f"there is no recipe {use.recipe}"
    bounds = dict(card.bounds)
    for given in use.given:
        value = value_in(given, names)
        fit = as_kind(value, type(bounds.get(given.name)))
        if fit is None:
            return _no_value(given.name, value)
        bounds[given.name] = fit
    found = tuple(sorted(bounds.items()))
    return found if are_inside(found, card.bounds) else f"{dict(found)} is wider than the card of {use.recipe}"


def _planned(run: RunState, entry: Entry, terms: Terms, hands: Hands) -> Entry:
    command = command_for(run, entry)
    facts = ask(lambda: checked_facts(terms.recipe.gather(command)), LOOK_S, hands)
    if not isinstance(facts, Facts):
        return replace(entry, status=EntryStatus.REFUSED, detail=why_of(facts))
    if facts.refusal:
        return replace(entry, status=EntryStatus.REFUSED, detail=facts.refusal)
    if facts.healthy:
        return replace(entry, status=EntryStatus.SKIPPED, detail="it is well already", facts=facts)
    steps = ask(lambda: checked_steps(terms.recipe.plan(command, facts)), LOOK_S, hands)
    if not isinstance(steps, tuple):
        return replace(entry, status=EntryStatus.REFUSED, detail=why_of(steps) if steps else "plan_out_of_bounds")
    return replace(entry, facts=facts, steps=tuple(f"{entry.name}{SEPARATOR}{step}" for step in steps))


def _no_value(what: str, value: object) -> str:
    return f"{what} has no value here: {value.why}" if isinstance(value, Unknowable) else f"{what} may not be {value!r}"
