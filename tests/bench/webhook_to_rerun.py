"""How soon a failed job of GitHub is run again: from its webhook's sending to the request for the re-run, the log's fetch in it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from infra.broker.install import cache_folder, install
from schemas.policy import Budget, Policy
from tests.bench.figures import Figure, below, quantile
from tests.support.github_flow import FLAKY, at_github, patterns
from tests.support.whole_system import AUTOMATIC, WholeSystem

RUNS = 12
# Apart, as failures of a day are; together they would measure who waits for whom.
EVERY_S = 3.0
DEADLINE_S = 120.0


def measure() -> list[Figure]:
    """Return the time to the re-run's request over some failed jobs, every process of the system running."""
    plenty = Budget(10_000, 3600.0)
    policy = Policy(AUTOMATIC, target_budget=plenty, strategy_budget=plenty, fleet_budget=plenty, loop_limit=1000, storm_repositories=0)
    with tempfile.TemporaryDirectory() as folder, at_github(Path(folder)) as github:
        system = WholeSystem(Path(folder), install(cache_folder(os.environ)))
        system.ci, system.patterns = (github.ci,), patterns("pip.json")
        try:
            system.start(policy)
            with github.begin(system):
                for number in range(RUNS):
                    github.push(str(700 + number), FLAKY)
                    time.sleep(EVERY_S)
                waits = _waits(github.rerun_s)
        finally:
            system.close()
    how = f"{RUNS} jobs told of by signed webhooks without a log, log behind a redirect, embedded broker, all processes"
    return [
        below("webhook_to_rerun_p50", quantile(waits, 0.5), "s", 5, how),
        below("webhook_to_rerun_max", max(waits), "s", 5, how),
    ]


def _waits(rerun_s: Callable[[str], float | None]) -> list[float]:
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        found = [rerun_s(str(700 + number)) for number in range(RUNS)]
        waits = [one for one in found if one is not None]
        if len(waits) == RUNS:
            return waits
        time.sleep(0.5)
    raise SystemExit(f"not every one of {RUNS} failed jobs was run again within {DEADLINE_S:.0f} s")
