"""Cards of CI jobs, and of the upstreams that they rest on."""

from __future__ import annotations

from schemas.strategy_card import Reversibility, StrategyCard
from schemas.targets.index import IndexTool
from schemas.vocabulary import OUTSIDE_KINDS, Kind, is_healable

_CI_TRANSIENT = frozenset(
    {
        Kind.NETWORK_CONNECTIVITY,
        Kind.DNS_RESOLUTION,
        Kind.REMOTE_SERVICE_ERROR,
        Kind.RATE_LIMITED,
        Kind.PACKAGE_INSTALL_FAILURE,
        Kind.INTEGRITY_OR_CACHE,
        Kind.OUT_OF_MEMORY,
        Kind.CONTAINER_RUNTIME,
        Kind.SERVICE_UNAVAILABLE,
        Kind.SCM_CHECKOUT,
    }
)

# What a job that fetches packages dies of when its index is at fault.
_FETCHING = frozenset(
    {
        Kind.NETWORK_CONNECTIVITY,
        Kind.DNS_RESOLUTION,
        Kind.REMOTE_SERVICE_ERROR,
        Kind.RATE_LIMITED,
        Kind.PACKAGE_INSTALL_FAILURE,
        Kind.INTEGRITY_OR_CACHE,
        Kind.TIMEOUT,
        Kind.SERVICE_UNAVAILABLE,
    }
)

# What no repository causes itself, as far as the taxonomy lets anybody act on it.
_OUTSIDE = frozenset(kind for kind in OUTSIDE_KINDS if is_healable(kind))

CI_CARDS: tuple[StrategyCard, ...] = (
    StrategyCard(
        name="lists_refresh",
        recipe_version=1,
        title="Wait, remove apt's lists, fetch them from the next mirror, and re-run the failed job",
        heals=frozenset({Kind.INTEGRITY_OR_CACHE}),
        targets=frozenset({"job"}),
        parameters=(),
        # A mirror in mid-sync is whole again within minutes; the next one has another time-table.
        bounds=(("max_attempts_per_commit", 2), ("wait_s", 30.0)),
        base_risk=20.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("index_answers", "attempt_concluded_success", "log_without_pattern"),
        max_attempts=1,
        deadline_s=1800.0,
        minimum_confidence=0.9,
        indexes=frozenset({IndexTool.APT}),
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
        name="mirror_switch",
        recipe_version=1,
        title="Let the job fetch from the next mirror, prove that it answers, and re-run the failed job",
        heals=_FETCHING,
        targets=frozenset({"job"}),
        parameters=(),
        bounds=(("max_attempts_per_commit", 2),),
        base_risk=20.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("index_answers", "attempt_concluded_success", "log_without_pattern"),
        max_attempts=2,
        deadline_s=1800.0,
        minimum_confidence=0.9,
        indexes=frozenset(IndexTool),
        first_attempt=2,
    ),
    StrategyCard(
        name="retry_elsewhere",
        recipe_version=1,
        title="Re-run a job that was run again in vain on another runner than the one on which it failed last",
        heals=_CI_TRANSIENT,
        targets=frozenset({"job"}),
        parameters=(),
        bounds=(("max_attempts_per_commit", 2),),
        base_risk=15.0,
        reversibility=Reversibility.COMPENSATED,
        # Where it ran is no factor: green on the runner that it failed on is green.
        factors=("attempt_concluded_success", "log_without_pattern"),
        max_attempts=2,
        deadline_s=1800.0,
        minimum_confidence=0.9,
        first_attempt=2,
        moves_job=True,
    ),
    StrategyCard(
        name="rerun_elsewhere",
        recipe_version=1,
        title="Re-run a job that ran out of time or lost its runner once, on another runner",
        heals=frozenset({Kind.TIMEOUT, Kind.RUNNER_LOST_OR_CANCELLED}),
        targets=frozenset({"job"}),
        parameters=(),
        # A second retry would say nothing more than the first.
        bounds=(("max_attempts_per_commit", 1),),
        base_risk=15.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("attempt_concluded_success", "log_without_pattern", "ran_elsewhere"),
        max_attempts=1,
        # It may have run out of time because it needs much.
        deadline_s=7200.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="flaky_quarantine",
        recipe_version=1,
        title="Run a test that fails and passes on one commit again, alone, and leave it out for two weeks with an issue",
        heals=frozenset({Kind.FLAKY_TEST}),
        targets=frozenset({"job"}),
        parameters=(),
        # Two weeks without a failure and it counts again; when more than a few fail at once it is no test that is at fault.
        bounds=(("held_days", 14), ("max_tests", 3), ("passes", 5)),
        base_risk=25.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("passes_alone", "issue_open", "is_left_out"),
        max_attempts=1,
        deadline_s=900.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="commit_revert",
        recipe_version=1,
        title="Run the first failure of a broken main branch again, and propose to take its commit back when it stays red",
        heals=frozenset({Kind.BRANCH_BROKEN}),
        targets=frozenset({"job"}),
        parameters=(),
        bounds=(("max_attempts_per_commit", 1),),
        # It takes back what somebody made: at the shipped thresholds somebody is always asked first.
        base_risk=60.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("signal_green", "tests_pass"),
        max_attempts=1,
        # Until a CI server has run the job on the branch.
        deadline_s=7200.0,
        minimum_confidence=0.9,
    ),
    StrategyCard(
        name="resolve_retry",
        recipe_version=1,
        title="Ask the resolver whether each version is there, and re-run the failed job only when it is",
        heals=frozenset({Kind.DEPENDENCY_RESOLUTION}),
        targets=frozenset({"job"}),
        parameters=(),
        # What the resolver finds and the job does not, twice, is no stale index.
        bounds=(("max_attempts_per_commit", 1),),
        base_risk=15.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("manifest_resolves", "attempt_concluded_success", "log_without_pattern"),
        max_attempts=1,
        deadline_s=1800.0,
        minimum_confidence=0.9,
        asks_resolver=True,
    ),
    StrategyCard(
        name="runner_drop",
        recipe_version=1,
        title="Take a runner that resolves no names out of its pool until it does, and re-run its job elsewhere",
        heals=frozenset({Kind.DNS_RESOLUTION}),
        targets=frozenset({"job"}),
        parameters=(),
        # Eight looks, further and further apart, are some three minutes; a runner that is deaf for longer is a person's.
        bounds=(("max_attempts_per_commit", 2), ("return_looks", 8)),
        base_risk=15.0,
        reversibility=Reversibility.COMPENSATED,
        factors=("attempt_concluded_success", "log_without_pattern", "resolves_where_it_ran"),
        max_attempts=1,
        deadline_s=1800.0,
        minimum_confidence=0.9,
        of_runners=True,
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
