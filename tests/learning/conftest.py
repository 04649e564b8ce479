"""The shipped recognition, loaded once for the tests of this folder."""

from __future__ import annotations

import json

import pytest

from learning.calibration import load_calibration
from learning.classification import Recognizer
from learning.classifier import Classifier
from learning.patterns.loader import Catalogue
from learning.patterns.matcher import Matcher
from learning.patterns.precedence import load_precedence
from tests.support.shipped_patterns import CATALOGUE, shipped_catalogue, shipped_matcher


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """Return the shipped patterns."""
    return shipped_catalogue()


@pytest.fixture(scope="session")
def matcher() -> Matcher:
    """Return the shipped patterns, compiled."""
    return shipped_matcher()


@pytest.fixture(scope="session")
def recognizer(matcher: Matcher) -> Recognizer:
    """Return the shipped recognition."""
    model = json.loads((CATALOGUE / "model.json").read_text(encoding="utf-8"))
    precedence = load_precedence((CATALOGUE / "precedence.json").read_text(encoding="utf-8"))
    calibration = load_calibration((CATALOGUE / "calibration.json").read_text(encoding="utf-8"))
    return Recognizer(matcher, precedence, Classifier.from_snapshot(model), calibration)
