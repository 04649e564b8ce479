"""Swaps attributes of imported modules and classes for as long as a mutant lives, and puts them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.sim.plan import Plan

Swap = tuple[object, str, object]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defect: what it does, which invariants must find it (any of them), the plan that brings it to light, and what it swaps.

    ``is_shell`` marks a defect of what carries the core, which the simulation has a model of (``tests/sim/owners.py``, ``executors.py``).
    """

    name: str
    breaks: frozenset[str]
    plan: Plan
    swaps: Callable[[], Sequence[Swap]]
    is_shell: bool = False


@contextmanager
def living(mutant: Mutant) -> Iterator[None]:
    """Let a mutant live inside the block."""
    swaps = mutant.swaps()
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in swaps]
    for owner, name, value in swaps:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
