"""A recipe's plan inside its card's bounds, or the end that it leads to: refused, planned or observed. Called by ``execute``."""

from __future__ import annotations

from recoverers.checked import checked_steps
from recoverers.ports import Facts, Recipe
from recoverers.precondition import Ending
from schemas.decisions import HealingCommand, Mode, Parameters, plan_hash_of
from schemas.recoveries import OutcomeStatus
from schemas.strategy_card import StrategyCard


def are_inside(bounds: Parameters, card_bounds: Parameters) -> bool:
    """Tell whether every bound of a command is one of the card's and no wider."""
    widest = dict(card_bounds)
    return all(name in widest and _is_no_wider(value, widest[name]) for name, value in bounds)


def _is_no_wider(value: object, widest: object) -> bool:
    if isinstance(value, int | float) and isinstance(widest, int | float) and not isinstance(value, bool):
        return value <= widest
    return value == widest


def check_command(command: HealingCommand, recipe: Recipe, card: StrategyCard) -> Ending | None:
    """Return why this executor's code may not carry out the command, None when it may."""
    if command.recipe_version != recipe.traits.version or card.recipe_version != recipe.traits.version:
        return Ending(OutcomeStatus.REFUSED, "recipe_changed")
    if not are_inside(command.bounds, card.bounds) or command.deadline_s > card.deadline_s:
        return Ending(OutcomeStatus.REFUSED, "plan_out_of_bounds")
    own = plan_hash_of(command.strategy, recipe.traits.version, command.target, command.parameters, command.bounds)
    if own != command.plan_hash or any(yes.plan_hash != own for yes in command.approvals):
        return Ending(OutcomeStatus.REFUSED, "plan_changed")
    return None


def choose_steps(command: HealingCommand, recipe: Recipe, facts: Facts) -> tuple[str, ...] | Ending:
    """Return the steps to carry out, or the end when the bounds do not allow them."""
    steps = checked_steps(recipe.plan(command, facts))
    return Ending(OutcomeStatus.REFUSED, "plan_out_of_bounds") if steps is None else steps


def end_of_plan(mode: Mode) -> Ending | None:
    """Return the end of a command that does not act, None for one that does."""
    match mode:
        case Mode.RUN:
            return None
        case Mode.PLAN:
            return Ending(OutcomeStatus.PLANNED, "planned")
        case Mode.DRY_RUN:
            return Ending(OutcomeStatus.OBSERVED, "dry_run")
