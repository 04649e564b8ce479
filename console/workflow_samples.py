"""Samples of everything that a workflow's expression may name, so that its types are found before it ever runs.

Called by ``console/workflow_checks.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from schemas.catalogue import card_named
from schemas.decisions import Scalar
from schemas.strategy_card import StrategyCard
from schemas.workflow_values import names_for, outputs_of
from schemas.workflows import Input, Workflow, uses_in

# Every choice of so many truths is tried, so that neither side of an `or` hides a mistake in the other.
MOST_TRUTHS = 6


def samples_of(workflow: Workflow, visible: tuple[str, ...], cards: tuple[StrategyCard, ...], text: str) -> Iterator[Mapping[str, object]]:
    """Return what the expression could see: steps left out and steps made, both values of every truth that it names."""
    shown = [use for use in uses_in(workflow.body) if use.name in visible]
    steps = {use.name: _outputs(card_named(cards, use.recipe)) for use in shown}
    truths = [("inputs", row.name) for row in workflow.inputs if isinstance(row.default, bool)]
    truths += [(step, name) for step, outputs in steps.items() for name, value in outputs.items() if isinstance(value, bool)]
    named = [(owner, name) for owner, name in truths if name in text][:MOST_TRUTHS]
    for choice in product((False, True), repeat=len(named)):
        chosen = dict(zip(named, choice, strict=True))
        for second in (False, True):
            inputs = {row.name: _value(row, second=second) for row in workflow.inputs}
            told = {step: {name: _other(value, second=second) for name, value in outputs.items()} for step, outputs in steps.items()}
            for (owner, name), truth in chosen.items():
                (inputs if owner == "inputs" else told[owner])[name] = truth
            yield names_for(inputs, f"{min(workflow.targets)}:sample", told)


def _outputs(card: StrategyCard | None) -> dict[str, Scalar]:
    return dict(outputs_of(card)) if card else {}


def _value(row: Input, *, second: bool) -> Scalar:
    if second and row.choices:
        return row.choices[-1]
    return row.default


def _other(value: Scalar, *, second: bool) -> Scalar:
    """Return the value that stands where there is none, or another one of its type."""
    if not second or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return "sample"
    return value + 7 if isinstance(value, int | float) else value
