"""Five mutants of the table at each commit, in turn: each is found by an invariant that it breaks; ``make mutants`` tries them all."""

from __future__ import annotations

import sys

import pytest

from schemas.policy import Policy
from tests.bench.figures import commit
from tests.mutants.patching import Mutant, living
from tests.mutants.table import MUTANTS, chosen, tried

AT_A_TIME = 5
START = int(commit()[:8] or "0", 16)


@pytest.mark.parametrize("mutant", chosen(AT_A_TIME, START), ids=lambda mutant: mutant.name)
def test_a_mutant_is_found_by_an_invariant_that_it_breaks_and_nothing_is_found_without_it(mutant: Mutant) -> None:
    row = tried(mutant)
    sys.stdout.write(f"{mutant.name}: {row.invariants}\n")
    assert row.found_without == ()
    assert mutant.breaks & set(row.invariants), row.found


def test_there_are_more_than_fifteen_mutants_and_they_take_turns() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 15
    turns = {mutant.name for start in range(len(MUTANTS)) for mutant in chosen(AT_A_TIME, start)}
    assert turns == {mutant.name for mutant in MUTANTS}


def test_a_mutant_leaves_nothing_behind() -> None:
    for mutant in MUTANTS:
        before = [vars(owner)[name] for owner, name, _ in mutant.swaps()]
        with living(mutant):
            assert all(vars(owner)[name] is not was for (owner, name, _), was in zip(mutant.swaps(), before, strict=True))
        assert all(vars(owner)[name] is was for (owner, name, _), was in zip(mutant.swaps(), before, strict=True))


def test_a_mutant_that_breaks_nothing_is_reported() -> None:
    harmless = Mutant("harmless", frozenset({"I1"}), MUTANTS[0].plan, lambda: [(Policy, "__doc__", "another text")])
    assert not tried(harmless).is_caught
