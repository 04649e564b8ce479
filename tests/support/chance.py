"""Chance for tests: drawn from a seed, so that every run sees the same."""

from __future__ import annotations

from random import Random


def seeded(seed: int) -> Random:
    """Return a generator that draws the same numbers for the same seed."""
    return Random(seed)
