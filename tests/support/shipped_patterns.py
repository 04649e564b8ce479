"""The shipped patterns for tests: read once a process, and by what the cache folder keeps of them, as every program does."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from infra.compiled_patterns import CompiledPatterns
from learning.patterns.loader import Catalogue, load_catalogue, read_folder
from learning.patterns.matcher import Matcher

CATALOGUE = Path(__file__).parents[2] / "learning" / "catalogue"


@cache
def shipped_catalogue() -> Catalogue:
    """Return the shipped patterns; a set that has passed its checks on this machine is not checked again."""
    loaded = load_catalogue(read_folder(CATALOGUE), CompiledPatterns.in_cache(os.environ))
    assert isinstance(loaded, Catalogue), [str(problem) for problem in loaded]
    return loaded


@cache
def shipped_matcher() -> Matcher:
    """Return the shipped patterns, compiled; they compile once a machine."""
    return Matcher(shipped_catalogue(), CompiledPatterns.in_cache(os.environ))
