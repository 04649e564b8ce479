"""Strategy cards of third parties as the catalogue entry ``cards``: to its text and back, and what is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from schemas.catalogue import CARDS, card_named
from schemas.decisions import Parameters, Scalar
from schemas.strategy_card import Prior, Reversibility, StrategyCard
from schemas.targets.index import IndexTool
from schemas.vocabulary import Kind, is_healable

FEWEST_FACTORS = 2


def cards_body(cards: Sequence[StrategyCard]) -> str:
    """Return those of the cards that are not ours, as their catalogue entry's JSON text."""
    rows = [
        {
            **asdict(card),
            "heals": sorted(card.heals),
            "targets": sorted(card.targets),
            "parameters": dict(card.parameters),
            "bounds": dict(card.bounds),
            "outputs": dict(card.outputs),
            "indexes": sorted(card.indexes),
            "patterns": sorted(card.patterns),
        }
        for card in cards
        if card not in CARDS
    ]
    return json.dumps(rows, sort_keys=True)


def cards_from(body: str) -> tuple[StrategyCard, ...]:
    """Return our cards and those in the text; raises ValueError, KeyError or TypeError when it is not what ``cards_body`` writes."""
    others = tuple(_card(row) for row in json.loads(body or "[]"))
    return (*CARDS, *(card for card in others if not what_is_wrong(card)))


def what_is_wrong(card: StrategyCard) -> str:
    """Return why a third party's card cannot be used, empty when it can."""
    checks = (
        (card_named(CARDS, card.name) is None, "the name is one of the shipped strategies"),
        (card.name.replace("_", "a").isalnum(), "the name is not of letters, digits and underscores"),
        (bool(card.heals) and all(is_healable(kind) for kind in card.heals), "it heals nothing, or a kind that nothing may heal"),
        (bool(card.targets) and all(card.targets), "it names no type of target"),
        (len(set(card.factors)) >= FEWEST_FACTORS, "fewer than two factors verify it"),
        (0.0 <= card.base_risk <= 100.0, "base_risk is not within 0 and 100"),
        (0.0 < card.minimum_confidence <= 1.0, "minimum_confidence is not above 0 and at most 1"),
        (card.first_attempt >= 1, "first_attempt is not above 0"),
        (card.recipe_version >= 1 and card.max_attempts >= 1 and card.deadline_s > 0, "a version, attempt or deadline is not above 0"),
    )
    return next((why for holds, why in checks if not holds), "")


def _card(row: dict[str, object]) -> StrategyCard:
    fields = {
        **row,
        "heals": frozenset(Kind(word) for word in _list(row["heals"])),
        "targets": frozenset(_list(row["targets"])),
        "factors": tuple(_list(row["factors"])),
        "reversibility": Reversibility(str(row["reversibility"])),
        "parameters": _pairs(row["parameters"]),
        "bounds": _pairs(row["bounds"]),
        "outputs": _pairs(row.get("outputs", {})),
        "indexes": frozenset(IndexTool(word) for word in _list(row.get("indexes", []))),
        "patterns": frozenset(_list(row.get("patterns", []))),
        "prior": _prior(row.get("prior", {})),
    }
    return StrategyCard(**fields)  # type: ignore[arg-type]


def _prior(value: object) -> Prior:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no object")
    found = Prior(**value)
    if not (found.good > 0 and found.bad > 0):
        raise ValueError("a prior needs more than no case of either end")
    return found


def _list(value: object) -> list[str]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return [str(word) for word in value]


def _pairs(value: object) -> Parameters:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no object")
    return tuple((str(name), _scalar(part)) for name, part in value.items())


def _scalar(value: object) -> Scalar:
    if isinstance(value, list):
        return tuple(str(part) for part in value)
    if isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{value!r} is no bound")
