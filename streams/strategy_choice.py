"""Choose a strategy from the cards and make its typed parameters from the configuration, never from a log's text."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.catalogue import cards_for
from schemas.configuration import Configuration
from schemas.decisions import Candidate, Parameters
from schemas.incidents import Incident
from schemas.oversight import RolloutLevel
from schemas.services import UPSTREAM
from schemas.strategy_card import StrategyCard


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen card, all candidates with their propensity, and the parameters; None when the catalogue does not know the target."""

    card: StrategyCard
    candidates: tuple[Candidate, ...]
    parameters: Parameters | None


def is_allowed_on(configuration: Configuration, strategy: str, target: str) -> bool:
    """Tell whether the policy names the target for the strategy, or every target."""
    targets = configuration.policy.for_strategy(strategy).targets
    return not targets or target in targets


def choose_strategy(configuration: Configuration, incident: Incident, attempt: int) -> Choice | None:
    """Return the first card that heals the kind and that the policy lets act, else the first that heals it."""
    cards = cards_for(configuration.cards, incident.kind, incident.target)
    repository = configuration.services.repository_of(incident.target)
    if repository and repository.target != incident.target:
        # A job of a repository that the catalogue knows may also be healed there.
        cards = (*cards, *cards_for(configuration.cards, incident.kind, repository.target))
    if not cards:
        return None
    policy = configuration.policy
    acting = [card for card in cards if policy.for_strategy(card.name).level is not RolloutLevel.OBSERVE]
    chosen = next((card for card in acting if is_allowed_on(configuration, card.name, incident.target)), cards[0])
    candidates = tuple(Candidate(card.name, 1.0 if card is chosen else 0.0) for card in cards)
    return Choice(chosen, candidates, parameters_of(configuration, incident, attempt))


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
