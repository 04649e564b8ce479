"""What watching costs a build: processor seconds of the log shipper and the prober over those of the build that they watch.

Ten builds, one after another: Python files are compiled and tests are run, and what that prints goes to a log. Meanwhile the shipper, a
process, follows the log to a gateway, and the prober, a process, looks at ten targets at its usual interval; both run on from build to
build, as they do on a build machine. A build's seconds are its rusage with that of all its children. Those of the two watchers are taken
from the moment before the build until the last line of its log is at the gateway; their rusage at their own end, which has their starts
in it, is told beside.
"""

from __future__ import annotations

import math
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from infra.parent_death import die_with_parent
from schemas.events import LogChunk
from tests.bench.figures import Figure, below
from tests.support.gateway import Gateway
from tests.support.shipper_process import ROOT, served, start_shipper

RUNS = 10
# Student's t for 9 degrees of freedom: 95 % of means lie between minus and plus so many standard errors.
T_95 = 2.262
WARM_S, PATIENCE_S, LOOK_S = 15.0, 120.0, 0.05
COMPILED = ("_pytest", "pydantic", "fastapi", "rich")
TESTED = ("tests/schemas/test_conditions.py", "tests/schemas/test_windows.py", "tests/console/gateway/test_senders.py")


@dataclass(frozen=True, slots=True)
class Build:
    """One build: processor seconds of it, of the shipper and of the prober meanwhile, and the bytes of its log."""

    seconds: float
    shipper_s: float
    prober_s: float
    log_bytes: int

    @property
    def percent(self) -> float:
        """Return what was spent on watching it."""
        return 100 * (self.shipper_s + self.prober_s) / self.seconds


def cpu_seconds(pid: int) -> float:
    """Return the processor seconds of a process so far, by the kernel's own clock of it, which counts nanoseconds."""
    return time.clock_gettime((~pid << 3) | 2)


def run_build(log: Path, cache: Path) -> float:
    """Build once, with the log on standard output; return its processor seconds."""
    site = Path(str(pytest.__file__)).parents[1]
    steps = (
        [sys.executable, "-m", "compileall", "-f", *(str(site / name) for name in COMPILED)],
        [sys.executable, "-m", "pytest", "-v", "-n", "0", "-p", "no:randomly", *TESTED],
    )
    seconds: float = 0.0
    with log.open("ab") as out:
        for step in steps:
            environ = {**os.environ, "PYTHONPYCACHEPREFIX": str(cache), "PYTHONUNBUFFERED": "1"}
            process = subprocess.Popen(step, cwd=ROOT, env=environ, stdout=out, stderr=out)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"the build failed: {log.read_text(encoding='utf-8', errors='replace')[-1000:]}")
            seconds += used.ru_utime + used.ru_stime
    return seconds


@contextmanager
def prober(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the prober as a process; it ends with the block, its rusage is asked for by ``ended``."""
    words = [sys.executable, "-m", "tests.bench.overhead_prober", str(folder)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent) as process:  # noqa: PLW1509
        assert process.stdout
        if process.stdout.readline() != "looking\n":
            raise SystemExit("the prober did not start")
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()


def ended(process: subprocess.Popen[str]) -> float:
    """End a process and return the processor seconds of its whole life."""
    process.send_signal(signal.SIGTERM)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"process {process.args!r} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def arrived(gateway: Gateway, run_id: str) -> int:
    """Return how many bytes of a run's log are at the gateway."""
    chunks = {one.seq: one.text for one in gateway.outlet.records if isinstance(one, LogChunk) and one.run_id == run_id}
    return sum(len(text.encode()) for text in chunks.values())


def watched_build(number: int, folder: Path, gateway: Gateway, watchers: tuple[int, int]) -> Build:
    """Build once while it is watched."""
    log = folder / str(number) / "build.log"
    log.parent.mkdir()
    before = [cpu_seconds(pid) for pid in watchers]
    seconds = run_build(log, folder / "cache")
    size, end = log.stat().st_size, time.monotonic() + PATIENCE_S
    while arrived(gateway, str(number)) < size:
        if time.monotonic() > end:
            raise SystemExit(f"{arrived(gateway, str(number))} of {size} bytes of the log came")
        time.sleep(LOOK_S)
    shipper_s, prober_s = (cpu_seconds(pid) - was for pid, was in zip(watchers, before, strict=True))
    gateway.outlet.records.clear()
    return Build(seconds, shipper_s, prober_s, size)


def upper_bound(values: list[float]) -> float:
    """Return the upper end of the interval that holds the mean 19 times in 20."""
    return statistics.mean(values) + T_95 * statistics.stdev(values) / math.sqrt(len(values))


def measure() -> list[Figure]:
    """Return the upper bound of what watching costs."""
    gateway = Gateway()
    with TemporaryDirectory() as place, served(gateway) as url, prober(Path(place)) as looking:
        folder = Path(place)
        shipper = start_shipper(folder, url, f"{folder}/{{run_id:int}}/{{job}}.log", "--run", "local/acme/shop/{run_id}/{job}")
        try:
            time.sleep(WARM_S)
            builds = [watched_build(number, folder, gateway, (shipper.pid, looking.pid)) for number in range(1, RUNS + 1)]
            whole_s = ended(shipper) + ended(looking)
        finally:
            if shipper.returncode is None:
                shipper.kill()
    built_s = sum(one.seconds for one in builds)
    shares = [100 * sum(spent) / built_s for spent in zip(*((one.shipper_s, one.prober_s) for one in builds), strict=True)]
    how = (
        f"upper end of the 95 % interval of {RUNS} builds of {built_s / RUNS:.1f} s and {builds[0].log_bytes >> 10} KiB of log: shipper "
        f"{shares[0]:.2f} %, prober {shares[1]:.2f} %; their whole lives, starts included, {whole_s:.1f} s beside {built_s:.0f} s"
    )
    return [below("overhead", upper_bound([one.percent for one in builds]), "%", 2.0, how)]
