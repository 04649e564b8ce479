"""A workflow's strategy card, made of the cards of the recipes that it uses: decide and people see it as any other strategy."""

from __future__ import annotations

from schemas.catalogue import card_named
from schemas.strategy_card import Reversibility, StrategyCard
from schemas.workflow_text import content_of
from schemas.workflows import Workflow, uses_in

# The bound that ties an approval to one text: a command for another one is refused as out of bounds.
CONTENT = "workflow"
_MOST_RISK = 100.0
_BY_DEGREE = (Reversibility.NONE, Reversibility.COMPENSATED, Reversibility.FULL)


def factors_of(workflow: Workflow, cards: tuple[StrategyCard, ...]) -> tuple[str, ...]:
    """Return the factors that can be asked, as ``step.factor``."""
    used = ((use.name, card_named(cards, use.recipe)) for use in uses_in(workflow.body))
    return tuple(f"{name}.{factor}" for name, card in used if card for factor in card.factors)


def card_of(workflow: Workflow, cards: tuple[StrategyCard, ...]) -> StrategyCard:
    """Return the card: as risky as its riskiest step, and taken back no further than its least step."""
    uses = tuple(uses_in(workflow.body))
    used = [card for card in (card_named(cards, use.recipe) for use in uses) if card]
    degrees = [card.reversibility for card in used] + [Reversibility.NONE for use in uses if not use.undo]
    return StrategyCard(
        name=workflow.name,
        recipe_version=workflow.version,
        title=workflow.title,
        heals=workflow.heals,
        targets=workflow.targets,
        parameters=tuple((row.name, row.default) for row in workflow.inputs),
        bounds=((CONTENT, content_of(workflow)),),
        base_risk=max((card.base_risk for card in used), default=_MOST_RISK),
        reversibility=min(degrees, key=_BY_DEGREE.index, default=Reversibility.NONE),
        factors=workflow.verify or factors_of(workflow, cards),
        max_attempts=workflow.max_attempts,
        deadline_s=workflow.deadline_s,
        minimum_confidence=max((card.minimum_confidence for card in used), default=1.0),
    )
