"""What a copy that has nothing to do costs: processor time of all our processes, without the JVM, in percent of one core."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.bench.figures import Figure, below
from tests.support.front_door import Copy

WINDOW_S = 20.0
SETTLE_S = 30.0
GLANCE_S = 2.0
CALM_PERCENT = 6.0
LIMIT_PERCENT = 3.0


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the processor seconds that each process has used so far."""
    times = {name: psutil.Process(pid).cpu_times() for name, pid in pids.items()}
    return {name: one.user + one.system for name, one in times.items()}


def percent_of_a_core(pids: Mapping[str, int], window_s: float) -> dict[str, float]:
    """Return how much of one core each process uses over a while."""
    before, began = cpu_seconds(pids), time.monotonic()
    time.sleep(window_s)
    after, took = cpu_seconds(pids), time.monotonic() - began
    return {name: 100 * (after[name] - before[name]) / took for name in pids}


def settle(pids: Mapping[str, int]) -> None:
    """Return once the start's work is over, or after a deadline."""
    end = time.monotonic() + SETTLE_S
    while sum(percent_of_a_core(pids, GLANCE_S).values()) > CALM_PERCENT and time.monotonic() < end:
        continue


def figure_of(shares: Mapping[str, float]) -> Figure:
    """Return the sum as a figure that names each share."""
    each = ", ".join(f"{name} {share:.2f}" for name, share in sorted(shares.items()))
    return below("idle_cost", sum(shares.values()), "%", LIMIT_PERCENT, f"of one core over {WINDOW_S:.0f} s, beside the JVM: {each}")


def measure() -> list[Figure]:
    """Start a fresh copy, let it settle, and measure its idle cost."""
    with tempfile.TemporaryDirectory(prefix="healstream-idle-") as folder:
        copy = Copy(Path(folder))
        try:
            copy.up()
            pids = copy.pids()
            settle(pids)
            return [figure_of(percent_of_a_core(pids, WINDOW_S))]
        finally:
            copy.down()
