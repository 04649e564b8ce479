"""Strategy cards: what decide may know of a recipe without importing it - parameters, bounds, risk, reversibility, factors."""

from __future__ import annotations

from schemas.cards.ci import CI_CARDS
from schemas.cards.clusters import CLUSTER_CARDS
from schemas.cards.containers import CONTAINER_CARDS
from schemas.cards.hosts import HOST_CARDS
from schemas.cards.services import SERVICE_CARDS
from schemas.strategy_card import StrategyCard
from schemas.vocabulary import Kind

# In this order a kind's first card is its static choice.
CARDS: tuple[StrategyCard, ...] = (*SERVICE_CARDS, *CI_CARDS, *CONTAINER_CARDS, *HOST_CARDS, *CLUSTER_CARDS)


def card_named(cards: tuple[StrategyCard, ...], name: str) -> StrategyCard | None:
    """Return the card of that name."""
    return next((card for card in cards if card.name == name), None)


def cards_for(cards: tuple[StrategyCard, ...], kind: Kind, target: str) -> tuple[StrategyCard, ...]:
    """Return the cards that heal the kind on a target of this type, in catalogue order."""
    return tuple(card for card in cards if kind in card.heals and target.partition(":")[0] in card.targets)
