"""Cards of what a Kubernetes cluster runs."""

from __future__ import annotations

from schemas.strategy_card import Reversibility, StrategyCard
from schemas.vocabulary import Kind

_FACTORS = ("rollout_settled", "pods_ready", "deployment_answers")

CLUSTER_CARDS: tuple[StrategyCard, ...] = (
    StrategyCard(
        name="deployment_rollback",
        recipe_version=1,
        title="Take back a young rollout whose pods crash; restart pods that crash long after theirs",
        heals=frozenset({Kind.CRASH_LOOP}),
        targets=frozenset({"deployment"}),
        parameters=(),
        bounds=(("rollout_within_s", 1800),),
        base_risk=30.0,
        reversibility=Reversibility.FULL,
        factors=_FACTORS,
        max_attempts=1,
        deadline_s=300.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="deployment_image",
        recipe_version=1,
        title="Give a deployment whose image cannot be pulled its last good one back",
        heals=frozenset({Kind.CONTAINER_RUNTIME}),
        targets=frozenset({"deployment"}),
        parameters=(),
        bounds=(),
        # Taking back a release is a person's word: from the high tier on an approval is asked for.
        base_risk=60.0,
        reversibility=Reversibility.FULL,
        factors=(*_FACTORS, "image_is_good"),
        max_attempts=1,
        deadline_s=300.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="pod_delete",
        recipe_version=1,
        title="Remove pods that are stuck, within the disruption budget, while enough others serve",
        heals=frozenset({Kind.SERVICE_DEGRADED}),
        targets=frozenset({"deployment"}),
        parameters=(),
        bounds=(("max_pods", 3),),
        base_risk=20.0,
        reversibility=Reversibility.NONE,
        factors=_FACTORS,
        max_attempts=2,
        deadline_s=300.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="deployment_scale",
        recipe_version=1,
        title="Bring a deployment's replicas back between its bounds, or give it half as many again",
        heals=frozenset({Kind.CONFIG_DRIFT, Kind.SLO_BURN}),
        targets=frozenset({"deployment"}),
        parameters=(),
        bounds=(("raise_percent", 150),),
        base_risk=20.0,
        reversibility=Reversibility.FULL,
        factors=(*_FACTORS, "replicas_in_bounds"),
        max_attempts=1,
        deadline_s=300.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="node_cordon_drain",
        recipe_version=1,
        title="Close a node that should serve no longer, and move its pods away within their budgets",
        heals=frozenset({Kind.SERVICE_DEGRADED}),
        targets=frozenset({"node"}),
        parameters=(),
        bounds=(("max_pods", 110),),
        base_risk=35.0,
        # It is opened again; what has moved stays where it is.
        reversibility=Reversibility.COMPENSATED,
        factors=("node_closed", "node_empty"),
        max_attempts=1,
        deadline_s=600.0,
        minimum_confidence=0.9,
    ),
)
