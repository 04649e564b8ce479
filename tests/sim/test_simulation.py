"""The simulation as CI plays it: a death at each boundary, and a list of seeds; `make sim` plays as many others as it is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.sim.failures import Behaviour, Failure
from tests.sim.plan import draw_plan
from tests.sim.play import play
from tests.sim.shrink import shrink
from tests.sim.witness import witness_of
from tests.support.unmeasured import unmeasured

ROOT = Path(__file__).parents[2]
# The same at each commit, so that what turns red is what was changed.
FIRST, LAST = 1, 30
BOUNDARIES = 15
SEEDS = LAST - FIRST + 1
PAY = Failure("service:pay", 1.0)


def test_a_run_is_the_same_each_time_it_is_played() -> None:
    plan = draw_plan(4)
    first, second = witness_of(play(plan)), witness_of(play(plan))
    assert first.history == second.history
    assert first.quiet_s == second.quiet_s


def test_a_failing_plan_is_cut_down_to_what_it_takes() -> None:
    plan = replace(draw_plan(4), failures=(PAY, Failure("service:shop-web", 2.0, Behaviour.HANGS, 1)))
    smallest = shrink(plan, lambda one: any(failure.behaviour is Behaviour.HANGS for failure in one.failures))
    assert [failure.target for failure in smallest.failures] == ["service:shop-web"]
    assert (smallest.faults, smallest.copies, smallest.workers) == ((), 1, 1)


def test_no_seed_and_no_death_at_a_boundary_violates_an_invariant(tmp_path: Path) -> None:
    # A process of its own, without coverage: measured, it would take three times as long and tell nothing new.
    environment = unmeasured(os.environ)
    asked = ["--seeds", f"{FIRST}-{LAST}", "--deaths", str(BOUNDARIES), "--found", "--processes", "1"]
    words = [sys.executable, "-m", "tests.sim", *asked, "--to", str(tmp_path / "sim.json")]
    ran = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    sys.stdout.write(ran.stdout)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    figures = {row["name"]: row["value"] for row in json.loads((tmp_path / "sim.json").read_text(encoding="utf-8"))}
    assert figures["seeds played"] == SEEDS
    assert figures["incidents"] > 2 * SEEDS
    assert figures["effects at targets"] > SEEDS
    assert figures["chaotic steps"] > SEEDS
    assert figures["double effects at targets"] == 0
