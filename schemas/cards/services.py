"""Cards of what runs on this machine: services and their configuration files."""

from __future__ import annotations

from schemas.strategy_card import Reversibility, StrategyCard
from schemas.vocabulary import Kind

SERVICE_CARDS: tuple[StrategyCard, ...] = (
    StrategyCard(
        name="service_restart",
        recipe_version=1,
        title="Start what is down, dependencies first, and validate each before the next",
        # Silence may be death: the recipe looks first, and what lives and answers goes to a person.
        heals=frozenset({Kind.SERVICE_DOWN, Kind.HEARTBEAT_MISSING}),
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
)
