"""Conditions and values in CEL. Read by workflows, at the door and in a run.

An expression sees only the names that it is given, changes nothing, and always ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.cel_programs import program_of

if TYPE_CHECKING:
    import cel

# What an expression over strings and lists may become in an attack on time; a workflow's own are a line long.
MAX_LETTERS = 1000


@dataclass(frozen=True, slots=True)
class Unknowable:
    """An expression that has no value here: why, and whether its types do not fit (then no values ever will)."""

    why: str
    mistyped: bool = False


def _compiled(text: str) -> cel.Program | str:
    if len(text) > MAX_LETTERS:
        return f"it is longer than {MAX_LETTERS} letters"
    try:
        return program_of(text)
    except ValueError as error:
        # The library quotes the whole text; its own sentence is behind the position.
        first = str(error).splitlines()[0]
        return first.partition("ERROR: <input>:")[2] or first


def why_not_read(text: str) -> str:
    """Return what is wrong with an expression's grammar, empty when it can be read."""
    found = _compiled(text)
    return found if isinstance(found, str) else ""


def names_in(text: str) -> frozenset[str]:
    """Return the free names that an expression reads; those of a text that cannot be read are none."""
    found = _compiled(text)
    return frozenset() if isinstance(found, str) else frozenset(found.variables())


def value_of(text: str, names: Mapping[str, object]) -> object | Unknowable:
    """Return the expression's value over these names."""
    found = _compiled(text)
    if isinstance(found, str):
        return Unknowable(found)
    try:
        value: object = found.execute(dict(names))
    except TypeError as error:
        return Unknowable(str(error).partition(". ")[0], mistyped=True)
    except KeyError as error:
        return Unknowable(f"there is no {error.args[0]}", mistyped=True)
    except (ValueError, RuntimeError, ArithmeticError, IndexError) as error:
        return Unknowable(str(error).partition(". ")[0])
    return value
