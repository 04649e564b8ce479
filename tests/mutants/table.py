"""Every mutant, and how each is tried; called by ``__main__.py`` and the test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tests.mutants import in_executors, in_streams
from tests.mutants.patching import Mutant, living
from tests.sim.plan import Plan
from tests.sim.seeds import verdict_of

MUTANTS: tuple[Mutant, ...] = (*in_executors.MUTANTS, *in_streams.MUTANTS)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one mutant: what the checker says of its plan with and without it."""

    mutant: Mutant
    found: tuple[str, ...]
    found_without: tuple[str, ...]

    @property
    def invariants(self) -> tuple[str, ...]:
        """Return the invariants that are violated while the mutant lives."""
        return tuple(sorted({sentence.split(":")[0] for sentence in self.found}))

    @property
    def is_caught(self) -> bool:
        """Tell whether an invariant that it breaks found it, and nothing is found where it does not live."""
        return bool(self.mutant.breaks & set(self.invariants)) and not self.found_without


@cache
def _found_without(plan: Plan) -> tuple[str, ...]:
    return verdict_of(plan).found


def tried(mutant: Mutant) -> Tried:
    """Play a mutant's plan without it and with it."""
    without = _found_without(mutant.plan)
    with living(mutant):
        found = verdict_of(mutant.plan).found
    return Tried(mutant, found, without)
