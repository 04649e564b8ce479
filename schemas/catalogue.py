"""Strategy cards: what decide may know of a recipe without importing it - parameters, bounds, risk, reversibility, factors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.decisions import Parameters
from schemas.vocabulary import OUTSIDE_KINDS, Kind, is_healable


class Reversibility(StrEnum):
    """How far a recipe's effect can be taken back."""

    FULL = "full"
    COMPENSATED = "compensated"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StrategyCard:
    """One strategy as decide and people see it. ``base_risk`` is 0..100; ``deadline_s`` is the whole run's budget in seconds.

    ``outputs`` are what a workflow's later steps may read of it: each name with the value that stands where there is none.
    """

    name: str
    recipe_version: int
    title: str
    heals: frozenset[Kind]
    targets: frozenset[str]
    parameters: Parameters
    bounds: Parameters
    base_risk: float
    reversibility: Reversibility
    factors: tuple[str, ...]
    max_attempts: int
    deadline_s: float
    minimum_confidence: float
    outputs: Parameters = ()


_CI_TRANSIENT = frozenset(
    {
        Kind.NETWORK_CONNECTIVITY,
        Kind.DNS_RESOLUTION,
        Kind.REMOTE_SERVICE_ERROR,
        Kind.RATE_LIMITED,
        Kind.PACKAGE_INSTALL_FAILURE,
        Kind.INTEGRITY_OR_CACHE,
        Kind.OUT_OF_MEMORY,
        Kind.TIMEOUT,
        Kind.RUNNER_LOST_OR_CANCELLED,
        Kind.CONTAINER_RUNTIME,
        Kind.SERVICE_UNAVAILABLE,
        Kind.SCM_CHECKOUT,
    }
)

# What no repository causes itself, as far as the taxonomy lets anybody act on it.
_OUTSIDE = frozenset(kind for kind in OUTSIDE_KINDS if is_healable(kind))

CARDS: tuple[StrategyCard, ...] = (
    StrategyCard(
        name="service_restart",
        recipe_version=1,
        title="Start what is down, dependencies first, and validate each before the next",
        heals=frozenset({Kind.SERVICE_DOWN}),
        targets=frozenset({"service"}),
        parameters=(),
        bounds=(("max_services", 8), ("start_timeout_s", 20)),
        base_risk=15.0,
        reversibility=Reversibility.FULL,
        factors=("process_alive", "port_answers", "health_answers"),
        max_attempts=2,
        deadline_s=60.0,
        minimum_confidence=0.9,
        outputs=(("down", ""),),
    ),
    StrategyCard(
        name="config_restore",
        recipe_version=1,
        title="Put a drifted configuration file back to its pinned commit and reload its service",
        heals=frozenset({Kind.CONFIG_DRIFT}),
        targets=frozenset({"config"}),
        parameters=(),
        bounds=(("max_bytes", 1_048_576),),
        base_risk=20.0,
        reversibility=Reversibility.FULL,
        factors=("hash_equals_commit", "health_answers"),
        max_attempts=1,
        deadline_s=60.0,
        minimum_confidence=0.9,
        outputs=(("drifted", ""), ("pinned", "")),
    ),
    StrategyCard(
        name="rerun_job",
        recipe_version=1,
        title="Re-run the failed job only, on the same commit",
        heals=_CI_TRANSIENT,
        targets=frozenset({"job"}),
        parameters=(),
        bounds=(("max_attempts_per_commit", 2),),
        base_risk=10.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("attempt_concluded_success", "log_without_pattern"),
        max_attempts=2,
        deadline_s=1800.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="await_upstream",
        recipe_version=1,
        title="Ask a known upstream until it is well again, and change nothing",
        heals=_OUTSIDE,
        targets=frozenset({"upstream"}),
        parameters=(),
        bounds=(("passes", 3), ("first_wait_s", 1.0), ("longest_wait_s", 30.0)),
        base_risk=0.0,
        reversibility=Reversibility.FULL,
        factors=("page_answers", "port_answers"),
        max_attempts=1,
        # The members' decisions are valid for an hour by default: a quarter of it is left to let them go.
        deadline_s=2700.0,
        minimum_confidence=0.5,
    ),
)


def card_named(cards: tuple[StrategyCard, ...], name: str) -> StrategyCard | None:
    """Return the card of that name."""
    return next((card for card in cards if card.name == name), None)


def cards_for(cards: tuple[StrategyCard, ...], kind: Kind, target: str) -> tuple[StrategyCard, ...]:
    """Return the cards that heal the kind on a target of this type, in catalogue order."""
    return tuple(card for card in cards if kind in card.heals and target.partition(":")[0] in card.targets)
