"""What a run is carried out with besides its command: the recipe, its card, and who writes the journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from recoverers.journal import RunState
from recoverers.ports import Call, Recipe, StreamPort, SurroundingsPort
from recoverers.steps import Entry
from schemas.decisions import HealingCommand
from schemas.ids import content_id, id_of
from schemas.recoveries import Direction, JournalKind, JournalRecord
from schemas.services import Services
from schemas.strategy_card import StrategyCard
from schemas.workflows import Workflow


@dataclass(frozen=True, slots=True)
class Around:
    """The service catalogue, who looks at what is in it, and who hears what the detectors say of it."""

    services: Services
    port: SurroundingsPort
    stream: StreamPort | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The recipe and card of a command's strategy, the policy's stabilisation in seconds, and the writer.

    A workflow also has the cards of the recipes that it uses, and who tells a target's scope: it may not leave its own. What lies
    around the target is looked at where the catalogue says it.
    """

    recipe: Recipe
    card: StrategyCard
    stabilise_s: float
    owner: str = ""
    partition: int = -1
    workflow: Workflow | None = None
    cards: tuple[StrategyCard, ...] = ()
    scope_of: Callable[[str], str] = str
    around: Around | None = None


def text_of(**fields: object) -> str:
    """Return a result as canonical JSON text."""
    return json.dumps(fields, sort_keys=True)


def key_for(run: RunState, step: str) -> str:
    """Return the idempotency key of a step: the same for every try by every worker."""
    return content_id("IdempotencyKey", id_of(run.command), step)


def call_for(run: RunState, step: str, pre_image: str) -> Call:
    """Return a step as its recipe sees it."""
    entry = run.entry_of(step)
    if run.workflow is None or entry is None:
        return Call(run.command, run.facts, step, key_for(run, step), pre_image)
    return Call(command_for(run, entry), entry.facts, step, key_for(run, step), pre_image)


def command_for(run: RunState, entry: Entry) -> HealingCommand:
    """Return the order that a workflow's step is to its recipe: the run's own, for another strategy and target."""
    use = run.workflow.use(entry.name) if run.workflow else None
    return replace(run.command, strategy=use.recipe, target=entry.target, bounds=entry.bounds) if use else run.command


def line(run: RunState, terms: Terms, kind: JournalKind, at: datetime, step: str = "") -> JournalRecord:
    """Return a journal record of this run with everything that all records share."""
    command = run.command
    return JournalRecord(
        command_id=id_of(command),
        kind=kind,
        at=at,
        step=step,
        idempotency_key=key_for(run, step) if step else "",
        owner=terms.owner,
        epoch=command.epoch,
        scope=command.scope,
        partition=terms.partition,
        traceparent=command.traceparent,
        direction=Direction.UNDO if kind in {JournalKind.UNDO_INTENT, JournalKind.UNDONE} else Direction.DO,
    )
