"""Choose a strategy from the cards and make its typed parameters from the configuration, never from a log's text.

The choice is by chance, and the chance follows from the incident's id: what was chosen can be chosen again from the decision's record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from learning.strategy_choice import Arm, pick
from schemas.catalogue import cards_for
from schemas.configuration import Configuration
from schemas.decisions import Candidate, Parameters
from schemas.ids import ID_BYTES, content_id
from schemas.incidents import Incident
from schemas.oversight import RolloutLevel
from schemas.policy import Policy
from schemas.services import UPSTREAM, Services
from schemas.strategy_card import Reversibility, StrategyCard
from schemas.targets.index import index_named
from schemas.targets.push import push_by
from schemas.targets.runner import runner_named
from schemas.targets.trunk import trunk_of
from streams.choice_book import group_of_incident, is_one_case
from streams.choice_record import INPUT, ChoiceRecord, leader_of
from streams.healing_history import HealingHistory

_LEVELS = tuple(RolloutLevel)


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen card, all candidates with their propensity, and the parameters; None when the catalogue does not know the target.

    ``inputs`` is what the choice rests on, for the decision's record.
    """

    card: StrategyCard
    candidates: tuple[Candidate, ...]
    parameters: Parameters | None
    inputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """For which incident's attempt a strategy is chosen, and when."""

    incident_id: str
    attempt: int
    now: datetime


def is_allowed_on(configuration: Configuration, strategy: str, target: str) -> bool:
    """Tell whether the policy names the target for the strategy, or every target."""
    targets = configuration.policy.for_strategy(strategy).targets
    return not targets or target in targets


def draw_of(purpose: str, incident_id: str) -> float:
    """Return a number from 0 to 1 (not 1) that depends on nothing but the purpose and the incident."""
    return (int(content_id("Draw", purpose, incident_id), 16) >> (8 * ID_BYTES - 53)) / 2**53


def is_held_out(policy: Policy, incident: Incident, asked: Asked) -> bool:
    """Tell whether nothing is done about an incident, to see what heals by itself."""
    return asked.attempt == 1 and is_one_case(incident) and draw_of("holdout", asked.incident_id) < policy.holdout_share


def choose_strategy(configuration: Configuration, incident: Incident, asked: Asked, history: HealingHistory) -> Choice | None:
    """Return one of the cards that heal the kind and that the policy lets act, by the evidence and a draw; None when no card heals it."""
    cards = cards_for(configuration.cards, incident.kind, incident.target)
    repository = configuration.services.repository_of(incident.target)
    if repository and repository.target != incident.target:
        # A job of a repository that the catalogue knows may also be healed there.
        cards = (*cards, *cards_for(configuration.cards, incident.kind, repository.target))
    cards = cards_in_turn(configuration, cards, incident, asked.attempt)
    if not cards:
        return None
    incumbent = incumbent_of(configuration, cards, incident.target)
    allowed = (incumbent, *challengers_of(configuration, cards, incumbent, incident.target, history, asked.now))
    record = weigh(configuration, allowed, incident, asked, history)
    chances = record.chances()
    name = pick(chances, record.draw).strategy
    chosen = next(card for card in cards if card.name == name)
    known = {chance.strategy: chance.propensity for chance in chances}
    candidates = tuple(Candidate(card.name, known.get(card.name, 0.0)) for card in cards)
    parameters = parameters_of(configuration, incident, asked.attempt)
    if parameters is not None:
        parameters = (*parameters, *index_parameters(configuration, chosen, incident))
    return Choice(chosen, candidates, parameters, ((INPUT, record.text()),))


def cards_in_turn(
    configuration: Configuration, cards: tuple[StrategyCard, ...], incident: Incident, attempt: int
) -> tuple[StrategyCard, ...]:
    """Return the cards whose turn it is: those for a failure that was tried in vain before those that were tried."""
    trunk = trunk_of(incident.target, configuration.services.trunks)
    is_placed = incident.run is not None and bool(incident.run.runner)
    resolvable = tuple(card for card in cards if not card.asks_resolver or (trunk and trunk.resolve))
    able = tuple(card for card in resolvable if is_placed or not card.moves_job)
    claimed = tuple(card for card in able if _is_claimed(configuration.services, card, incident))
    open_to_all = tuple(card for card in able if not card.patterns and not card.of_runners)
    fit = tuple(card for card in claimed or open_to_all if not card.indexes or index_parameters(configuration, card, incident))
    # Not a matter of evidence: what fails a second time from one mirror is no case like those that passed at once.
    later = tuple(card for card in fit if 1 < card.first_attempt <= attempt and _may_act(configuration, card, incident.target))
    return later or tuple(card for card in fit if card.first_attempt == 1)


def _is_claimed(services: Services, card: StrategyCard, incident: Incident) -> bool:
    """Tell whether a card is made for just such a failure of what the catalogue knows."""
    if card.patterns:
        return incident.cause() in card.patterns and push_by(services.pushes, incident.target) is not None
    run = incident.run
    return card.of_runners and run is not None and runner_named(services.runners, incident.target, run.runner) is not None


def incumbent_of(configuration: Configuration, cards: tuple[StrategyCard, ...], target: str) -> StrategyCard:
    """Return the static choice: the first card that the policy lets act, else the first."""
    return next((card for card in cards if _may_act(configuration, card, target)), cards[0])


def _may_act(configuration: Configuration, card: StrategyCard, target: str) -> bool:
    is_on = configuration.policy.for_strategy(card.name).level is not RolloutLevel.OBSERVE
    return is_on and is_allowed_on(configuration, card.name, target)


def challengers_of(
    configuration: Configuration,
    cards: tuple[StrategyCard, ...],
    incumbent: StrategyCard,
    target: str,
    history: HealingHistory,
    now: datetime,
) -> tuple[StrategyCard, ...]:
    """Return the cards that may be tried instead: policy lets them act on the target as freely as the incumbent, and they can be undone.

    A strategy that must ask where the incumbent need not would be worse for it, and one that only pretends heals nothing.
    """
    needed = _LEVELS.index(history.levels.level_of(incumbent.name, now, target))
    return tuple(
        card
        for card in cards
        if card is not incumbent
        and card.reversibility is not Reversibility.NONE
        and _may_act(configuration, card, target)
        and _LEVELS.index(history.levels.level_of(card.name, now, target)) >= needed
    )


def arms_of(cards: tuple[StrategyCard, ...], group: str, history: HealingHistory, now: datetime) -> tuple[Arm, ...]:
    """Return what is known of some strategies on the failures of a group."""
    return tuple(Arm(card.name, card.prior.good, card.prior.bad, history.choices.worth(group, card.name, now)) for card in cards)


def weigh(
    configuration: Configuration, cards: tuple[StrategyCard, ...], incident: Incident, asked: Asked, history: HealingHistory
) -> ChoiceRecord:
    """Return what the choice rests on; a share of 0 in the policy leaves the incumbent alone."""
    share = configuration.policy.exploration_share
    group = group_of_incident(incident.kind, incident.target)
    arms = arms_of(cards if share > 0.0 else cards[:1], group, history, asked.now)
    # After a failed attempt nothing is tried: the one that leads is the best that is known.
    is_tried = asked.attempt == 1 and is_one_case(incident)
    led = history.choices.group(group).leader
    return ChoiceRecord(arms, led, leader_of(arms, led), share if is_tried else 0.0, draw_of("choice", asked.incident_id))


def parameters_of(configuration: Configuration, incident: Incident, attempt: int) -> Parameters | None:
    """Return the parameters of the target's type: the catalogue's own names, or the run as its producer named it."""
    kind, _, name = incident.target.partition(":")
    if kind == "service":
        return (("service", name),) if configuration.services.service(name) else None
    if kind == "config":
        spec = configuration.services.config(name.partition(":")[0])
        return (("config", spec.name), ("commit", spec.commit)) if spec else None
    if kind == UPSTREAM:
        return ((UPSTREAM, name),) if configuration.services.upstream(name) else None
    if configuration.services.spec_of(incident.target):
        return ((kind, name),)
    return _run_parameters(incident, attempt)


def index_parameters(configuration: Configuration, card: StrategyCard, incident: Incident) -> Parameters:
    """Return the package index that the incident's log names, and which of its mirrors; none where it names none of the catalogue's."""
    texts = (part for hit in incident.hits for part in (hit.text, *(text for _, text in hit.captures)))
    found = index_named(configuration.services.indexes, card.indexes, incident.target, texts, incident.cause())
    return (("index", found[0].name), ("mirror", found[1])) if found else ()


def _run_parameters(incident: Incident, attempt: int) -> Parameters | None:
    run = incident.run
    if run is None:
        return None
    pattern = incident.hits[0].pattern if incident.hits else ""
    return (
        ("source", run.source),
        ("project", run.project),
        ("run_id", run.run_id),
        ("job", run.job),
        ("attempt", run.attempt + attempt - 1),
        ("pattern", pattern),
    )


def is_healing_on(configuration: Configuration, target: str) -> bool:
    """Tell whether the service of a target (or of its configuration file) may be healed; what has no owner has no switch."""
    kind, _, name = target.partition(":")
    other = configuration.services.upstream(name) if kind == UPSTREAM else configuration.services.spec_of(target)
    if other:
        return other.healing
    found = configuration.services.config(name.partition(":")[0]) if kind == "config" else None
    spec = configuration.services.service(found.service if found else name) if kind in {"service", "config"} else None
    return spec is None or spec.healing
