"""Cards of what lies on a host beside its services: disks, caches and the working copies of repositories."""

from __future__ import annotations

from schemas.strategy_card import Reversibility, StrategyCard
from schemas.targets.disk import GIB
from schemas.targets.push import RACES
from schemas.vocabulary import Kind

HOST_CARDS: tuple[StrategyCard, ...] = (
    StrategyCard(
        name="disk_cleanup",
        recipe_version=1,
        title="Set aside or delete what the disk's rules allow, oldest first, until it is well",
        heals=frozenset({Kind.DISK_FULL}),
        targets=frozenset({"disk"}),
        parameters=(),
        # What is set aside must be put back within a rollback's minute; a slow disk moves some 40 MB in a second.
        bounds=(("max_bytes", 20 * GIB), ("max_files", 1000), ("max_moved_bytes", 2 * GIB)),
        base_risk=20.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("usage_well", "write_passes"),
        max_attempts=1,
        deadline_s=600.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="cache_rebuild",
        recipe_version=1,
        title="Set broken cache entries aside, build them anew and read them cold",
        heals=frozenset({Kind.INTEGRITY_OR_CACHE}),
        targets=frozenset({"cache"}),
        parameters=(),
        bounds=(("max_entries", 200),),
        base_risk=10.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("entry_hash_good", "cold_read_passes"),
        max_attempts=1,
        deadline_s=600.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="limit_raise",
        recipe_version=1,
        title="Raise a kernel limit that is used up by half, up to its cap, once",
        heals=frozenset({Kind.METRIC_ANOMALY}),
        targets=frozenset({"limit"}),
        parameters=(),
        bounds=(("raise_percent", 150),),
        base_risk=25.0,
        reversibility=Reversibility.FULL,
        factors=("limit_is_raised", "use_is_well"),
        max_attempts=1,
        deadline_s=60.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="lockfile_repair",
        recipe_version=1,
        title="Write the lock file anew on a branch, try it and propose it; never on the main branch",
        heals=frozenset({Kind.LOCKFILE_MISMATCH}),
        targets=frozenset({"repo"}),
        parameters=(),
        bounds=(),
        # It changes what people build on: at the shipped thresholds somebody is always asked first.
        base_risk=60.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("lock_in_step", "clean_install_passes"),
        max_attempts=1,
        deadline_s=900.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="push_rebase",
        recipe_version=1,
        title="Put a bot's commits on top of those that came first, and push once more; never by force",
        heals=frozenset({Kind.SCM_CHECKOUT}),
        targets=frozenset({"job"}),
        parameters=(),
        # Whoever loses a second race on one commit races with something that does not end.
        bounds=(("max_attempts_per_commit", 1),),
        base_risk=25.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("remote_equals", "nothing_is_lost"),
        max_attempts=1,
        deadline_s=300.0,
        minimum_confidence=0.9,
        patterns=RACES,
    ),
)
