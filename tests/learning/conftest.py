"""The shipped recognition, loaded once for the tests of this folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.compiled_patterns import CompiledPatterns
from learning.calibration import load_calibration
from learning.classification import Recognizer
from learning.classifier import Classifier
from learning.patterns.loader import Catalogue, load_catalogue, read_folder
from learning.patterns.matcher import Matcher
from learning.patterns.precedence import load_precedence

CATALOGUE = Path(__file__).parents[2] / "learning" / "catalogue"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """Return the shipped patterns."""
    loaded = load_catalogue(read_folder(CATALOGUE))
    assert isinstance(loaded, Catalogue), [str(problem) for problem in loaded]
    return loaded


@pytest.fixture(scope="session")
def matcher(catalogue: Catalogue) -> Matcher:
    """Return the shipped patterns, compiled."""
    return Matcher(catalogue, CompiledPatterns.in_cache({}))


@pytest.fixture(scope="session")
def recognizer(matcher: Matcher) -> Recognizer:
    """Return the shipped recognition."""
    model = json.loads((CATALOGUE / "model.json").read_text(encoding="utf-8"))
    precedence = load_precedence((CATALOGUE / "precedence.json").read_text(encoding="utf-8"))
    calibration = load_calibration((CATALOGUE / "calibration.json").read_text(encoding="utf-8"))
    return Recognizer(matcher, precedence, Classifier.from_snapshot(model), calibration)
