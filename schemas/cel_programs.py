"""The only home of ``cel``: a text becomes a program once; who has no expression never loads the library."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import cel

# Two sets of 200 rules while a folder is edited, and some workflows.
_PROGRAMS_KEPT = 2_048


@lru_cache(_PROGRAMS_KEPT)
def program_of(text: str) -> cel.Program:
    """Return the program; raises ValueError with the library's own words when the text is none."""
    return compiled(text)


def compiled(text: str) -> cel.Program:
    """Return the program without keeping it; raises ValueError."""
    return cast("cel.Program", _cel().compile(text))


def context_of(values: Mapping[str, object]) -> cel.Context:
    """Return the values made ready for many programs."""
    return cast("cel.Context", _cel().Context(variables=dict(values)))


@cache
def _cel() -> ModuleType:
    # The library brings its own command line with it: a quarter of a second and 20 MiB that who has no condition need not pay.
    return import_module("cel")
