"""What decide may know of the strategy: entry point ``healstream.strategies``."""

from __future__ import annotations

from schemas.strategy_card import Reversibility, StrategyCard
from schemas.vocabulary import Kind

CARD = StrategyCard(
    name="marker_clear",
    recipe_version=1,
    title="Set aside a stale marker that keeps a service from its work",
    heals=frozenset({Kind.SERVICE_DEGRADED}),
    targets=frozenset({"service"}),
    parameters=(),
    bounds=(("max_bytes", 4096),),
    base_risk=10.0,
    reversibility=Reversibility.FULL,
    factors=("marker_gone", "health_answers"),
    max_attempts=1,
    deadline_s=30.0,
    minimum_confidence=0.9,
)
