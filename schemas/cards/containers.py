"""Cards of containers."""

from __future__ import annotations

from schemas.strategy_card import Reversibility, StrategyCard
from schemas.vocabulary import Kind

CONTAINER_CARDS: tuple[StrategyCard, ...] = (
    StrategyCard(
        name="container_restart",
        recipe_version=1,
        title="Start a container that has ended, or restart one that does not answer",
        heals=frozenset({Kind.SERVICE_DOWN}),
        targets=frozenset({"container"}),
        parameters=(),
        bounds=(),
        base_risk=15.0,
        # What it held in memory is gone.
        reversibility=Reversibility.COMPENSATED,
        factors=("container_running", "container_process", "container_answers"),
        max_attempts=2,
        deadline_s=60.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="container_memory",
        recipe_version=1,
        title="Give a container that ran out of memory half as much again, up to its cap, once",
        heals=frozenset({Kind.OUT_OF_MEMORY}),
        targets=frozenset({"container"}),
        parameters=(),
        bounds=(("raise_percent", 150),),
        base_risk=25.0,
        reversibility=Reversibility.FULL,
        factors=("container_running", "container_process", "container_answers", "memory_below_limit"),
        max_attempts=1,
        deadline_s=60.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="container_image",
        recipe_version=1,
        title="Run a container whose new image does not run with its last good one",
        heals=frozenset({Kind.CONTAINER_RUNTIME}),
        targets=frozenset({"container"}),
        parameters=(),
        bounds=(),
        # Taking back a release is a person's word: from the high tier on an approval is asked for.
        base_risk=60.0,
        reversibility=Reversibility.FULL,
        factors=("container_running", "container_process", "container_answers", "image_is_pinned"),
        max_attempts=1,
        deadline_s=120.0,
        minimum_confidence=0.9,
    ),
)
