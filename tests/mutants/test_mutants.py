"""Every mutant of the table is found by an invariant that it breaks, and nothing is found in the code without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from schemas.policy import Policy
from tests.mutants.patching import Mutant, living
from tests.mutants.table import MUTANTS, tried
from tests.support.unmeasured import unmeasured

ROOT = Path(__file__).parents[2]


def test_every_mutant_is_found_by_an_invariant_that_it_breaks_and_nothing_is_found_without_it(tmp_path: Path) -> None:
    # A process of its own, without coverage: what the mutants run is measured elsewhere, without defects in it.
    environment = unmeasured(os.environ)
    words = [sys.executable, "-m", "tests.mutants", "--to", str(tmp_path / "mutants.json")]
    ran = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    sys.stdout.write(ran.stdout)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{len(MUTANTS)} of {len(MUTANTS)} mutants are caught" in ran.stdout


def test_there_are_more_than_fifteen_mutants() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 15


def test_a_mutant_leaves_nothing_behind() -> None:
    for mutant in MUTANTS:
        before = [vars(owner)[name] for owner, name, _ in mutant.swaps()]
        with living(mutant):
            assert all(vars(owner)[name] is not was for (owner, name, _), was in zip(mutant.swaps(), before, strict=True))
        assert all(vars(owner)[name] is was for (owner, name, _), was in zip(mutant.swaps(), before, strict=True))


def test_a_mutant_that_breaks_nothing_is_reported() -> None:
    harmless = Mutant("harmless", frozenset({"I1"}), MUTANTS[0].plan, lambda: [(Policy, "__doc__", "another text")])
    assert not tried(harmless).is_caught
