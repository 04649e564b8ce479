"""How long a person waits for ``healstream --help``: whole processes, from start to end."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.figures import Figure, below

TRIES = 11
COMMAND = (str(Path(sys.executable).parent / "healstream"), "--help")


def seconds_of_help() -> float:
    """Return how long one call took; raises when it fails."""
    began = time.perf_counter()
    subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def measure() -> list[Figure]:
    """Return the median, after one call that warms the disk cache."""
    seconds_of_help()
    median = statistics.median(seconds_of_help() for _ in range(TRIES))
    return [below("help_time", median * 1000, "ms", 300, f"median of {TRIES} whole processes")]
