"""Strategy cards of installed third parties: entry points of ``healstream.strategies``; their code is loaded by the executor only.

The publisher reads them once and signs them with the rest of the configuration, so that every worker decides by the same cards.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from schemas.card_bodies import what_is_wrong
from schemas.catalogue import CARDS
from schemas.errors import ConfigurationError
from schemas.strategy_card import StrategyCard

GROUP = "healstream.strategies"
_MEND = "Correct the package, or uninstall it"


def known_cards() -> tuple[StrategyCard, ...]:
    """Return our cards, then those of third parties by name; raises ConfigurationError when one cannot be used."""
    found: dict[str, StrategyCard] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda row: (row.name, row.value)):
        card = _load(point)
        if card.name in found:
            raise ConfigurationError(_where(point), f"another package gives a strategy {card.name!r} too", "Uninstall one of the two")
        found[card.name] = card
    return (*CARDS, *found.values())


def _load(point: EntryPoint) -> StrategyCard:
    try:
        card = point.load()
    # A third party's module may fail in any way while it is imported; what it says is told and nothing is published.
    except Exception as error:
        raise ConfigurationError(_where(point), f"{type(error).__name__}: {error}", _MEND) from error
    if not isinstance(card, StrategyCard):
        raise ConfigurationError(_where(point), f"this is a {type(card).__name__}, no StrategyCard", _MEND)
    why = what_is_wrong(card)
    if why:
        raise ConfigurationError(_where(point), f"the strategy {card.name!r} cannot be used: {why}", _MEND)
    return card


def _where(point: EntryPoint) -> str:
    owner = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
    return f"entry point {point.name} = {point.value} in {GROUP}{owner}"
