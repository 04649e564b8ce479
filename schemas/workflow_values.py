"""The values of a workflow: what an input may be, what an expression sees, and what a step leaves to the later ones.

Used by ``console/workflow_checks.py`` with samples, and by ``recoverers`` with what is there.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.decisions import Parameters, Scalar
from schemas.expressions import Unknowable, value_of
from schemas.strategy_card import StrategyCard
from schemas.workflows import Given, Input, ValueType

# Everything that an expression may name.
NAMES = frozenset({"inputs", "steps", "target"})
# What decide says of a target in a command's parameters, whatever the strategy: no input may be called so.
OF_TARGETS = frozenset({"service", "config", "commit", "upstream", "source", "project", "run_id", "job", "attempt", "pattern"})
# What each step tells besides its recipe's own outputs.
ALWAYS: Parameters = (("done", False), ("detail", ""))
_KINDS: dict[ValueType, type[Scalar]] = {
    ValueType.STRING: str,
    ValueType.ENUM: str,
    ValueType.INT: int,
    ValueType.DURATION: float,
    ValueType.BOOL: bool,
}


def kind_of(type_: ValueType) -> type[Scalar]:
    """Return the Python type of a value's type; a duration is seconds."""
    return _KINDS[type_]


def as_kind(value: object, kind: type) -> Scalar | None:
    """Return the value as that type, None when it is another one; a whole number is also a float, a truth is no number."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) is not (kind is bool) or not isinstance(value, kind):
        return None
    return value if isinstance(value, str | int | float) else None


def wrong_with_input(wanted: Input, value: object) -> str:
    """Return why a value does not fit an input, empty when it does."""
    fit = as_kind(value, kind_of(wanted.type))
    if fit is None:
        return f"{value!r} is no {wanted.type}"
    if wanted.type is ValueType.ENUM and fit not in wanted.choices:
        return f"{value!r} is none of {', '.join(wanted.choices)}"
    size = len(fit) if isinstance(fit, str) else fit
    measure = "letters" if isinstance(fit, str) else "s" if wanted.type is ValueType.DURATION else ""
    if isinstance(size, bool) or not isinstance(size, int | float):
        return ""
    if wanted.least is not None and size < wanted.least:
        return f"{size} is less than {wanted.least:g} {measure}".rstrip()
    if wanted.most is not None and size > wanted.most:
        return f"{size} is more than {wanted.most:g} {measure}".rstrip()
    return ""


def outputs_of(card: StrategyCard) -> Parameters:
    """Return what a recipe's step leaves to the later ones, with the values of one that was left out."""
    return (*ALWAYS, *card.outputs)


def read_output(text: Scalar, zero: Scalar) -> Scalar:
    """Return an output as its type; a recipe's facts are texts, and one that does not fit is as if it were not there."""
    if not isinstance(text, str) or isinstance(zero, str):
        found = as_kind(text, type(zero))
        return zero if found is None else found
    if isinstance(zero, bool):
        return text.lower() == "true"
    try:
        return int(text) if isinstance(zero, int) else float(text)
    except ValueError:
        return zero


def names_for(inputs: Mapping[str, Scalar], target: str, steps: Mapping[str, Mapping[str, Scalar]]) -> dict[str, object]:
    """Return what an expression sees."""
    return {"inputs": dict(inputs), "target": target, "steps": {name: dict(outputs) for name, outputs in steps.items()}}


def value_in(given: Given, names: Mapping[str, object]) -> object | Unknowable:
    """Return a value as it is written, or its expression's."""
    return value_of(given.cel, names) if given.cel else given.value
