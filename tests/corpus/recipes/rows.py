"""Short ways to write many recipes: one step over many faults, each labelled by a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from schemas.vocabulary import Kind
from tests.corpus.recipe import Recipe


def over(step: Recipe, faults: Iterable[str], labels: Mapping[str, Kind]) -> tuple[Recipe, ...]:
    """Return the step once for every fault; the id gets the fault's name, the label is that of the table."""
    return tuple(replace(step, id=f"{step.id}-{fault.replace('_', '-')}", fault=fault, label=labels[fault]) for fault in faults)
