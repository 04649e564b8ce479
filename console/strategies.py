"""The strategies as people see them: how far each may go, how it does, which leads, and what it adds to what heals by itself.

Pure; computed from decide's own state by decide's own code, so that what is shown is what the next decision goes by. Used by
``healstream strategy``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from learning.off_policy import credit_of
from learning.strategy_choice import Arm, Chance, interval_of
from schemas.catalogue import card_named, cards_for
from schemas.configuration import Configuration
from schemas.errors import NotFoundError
from schemas.strategy_card import StrategyCard
from schemas.vocabulary import Kind
from streams.choice_book import UNTOUCHED, group_of_incident
from streams.choice_record import ChoiceRecord, leader_of
from streams.healing_history import HealingHistory
from streams.strategy_choice import arms_of, challengers_of, incumbent_of

_DIGITS = 4
Row = dict[str, object]


def strategy_rows(entries: Mapping[str, str], configuration: Configuration, now: datetime) -> list[Row]:
    """Return a row for each strategy and kind with cases or with a choice to make, and one for each strategy without."""
    history = HealingHistory(entries, configuration)
    return [row for card in configuration.cards for row in _rows_of(card, configuration, history, now)]


def strategy_card(entries: Mapping[str, str], configuration: Configuration, name: str, now: datetime) -> Row:
    """Return one strategy's card, prior and rows; raises NotFoundError."""
    card = card_named(configuration.cards, name)
    if card is None:
        known = ", ".join(card.name for card in configuration.cards)
        raise NotFoundError(f"strategy {name}", "there is none of that name", f"Name one of {known}")
    history = HealingHistory(entries, configuration)
    return {
        "strategy": card.name,
        "title": card.title,
        "level": history.levels.level_of(card.name, now).value,
        "policy_level": configuration.policy.for_strategy(card.name).level.value,
        "heals": sorted(card.heals),
        "targets": sorted(card.targets),
        "base_risk": card.base_risk,
        "reversibility": card.reversibility.value,
        "max_attempts": card.max_attempts,
        "prior": {"good": card.prior.good, "bad": card.prior.bad, "why": card.prior.why},
        "exploration_share": configuration.policy.exploration_share,
        "holdout_share": configuration.policy.holdout_share,
        "cases": _rows_of(card, configuration, history, now),
    }


def _rows_of(card: StrategyCard, configuration: Configuration, history: HealingHistory, now: datetime) -> list[Row]:
    plain: Row = {"strategy": card.name, "level": history.levels.level_of(card.name, now).value, "targets": ",".join(sorted(card.targets))}
    found = [plain | row for target in sorted(card.targets) for row in _by_kind(card, target, configuration, history, now)]
    [prior] = arms_of((card,), "", history, now)
    return found or [plain | {"kind": ""} | _posterior(prior)]


def _by_kind(card: StrategyCard, target: str, configuration: Configuration, history: HealingHistory, now: datetime) -> Iterator[Row]:
    for kind in sorted(card.heals):
        group = group_of_incident(kind, target)
        arms, chances, leader = _choice(kind, target, configuration, history, now)
        [arm] = arms_of((card,), group, history, now)
        if not arm.worth.cases and len(arms) == 1:
            continue
        chance = next((row.propensity for row in chances if row.strategy == card.name), 0.0)
        yield {"kind": kind.value, **_posterior(arm), "leads": leader == card.name, "chance": chance, **_credit(arm, group, history, now)}


def _choice(
    kind: Kind, target: str, configuration: Configuration, history: HealingHistory, now: datetime
) -> tuple[tuple[Arm, ...], tuple[Chance, ...], str]:
    """Return what the next decision on any target of that type would choose among."""
    anything = f"{target}:*"
    cards = cards_for(configuration.cards, kind, anything)
    incumbent = incumbent_of(configuration, cards, anything)
    share = configuration.policy.exploration_share
    others = challengers_of(configuration, cards, incumbent, anything, history, now) if share > 0.0 else ()
    group = group_of_incident(kind, anything)
    arms = arms_of((incumbent, *others), group, history, now)
    led = history.choices.group(group).leader
    record = ChoiceRecord(arms, led, leader_of(arms, led), share, 0.0)
    return arms, record.chances(), record.leads


def _posterior(arm: Arm) -> Row:
    low, high = interval_of(arm)
    return {"cases": round(arm.worth.cases, 1), "healed": round(arm.mean(), _DIGITS), "low": low, "high": high}


def _credit(arm: Arm, group: str, history: HealingHistory, now: datetime) -> Row:
    untouched = history.choices.worth(group, UNTOUCHED, now)
    found: Row = {"self_healed": history.choices.group(group).self_healed, "held_out": round(untouched.cases, 1)}
    credit = credit_of(arm.worth, untouched)
    if credit is None:
        return found | {"credit": None, "credit_low": None, "credit_high": None}
    told = {"credit": credit.value, "credit_low": credit.low, "credit_high": credit.high}
    return found | {name: round(value, _DIGITS) for name, value in told.items()}
