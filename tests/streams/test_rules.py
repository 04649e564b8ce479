"""The rules rest on the shipped patterns and model, or on the published ones; a wrong pattern file is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from learning.structure import structure_of
from schemas.configuration import PATTERNS_PREFIX, Configuration
from schemas.errors import ConfigurationError
from schemas.incidents import Detection, DetectionStatus, HitSeen
from schemas.vocabulary import Kind, Result
from streams.rules import FaustRules, Shipped, rules_from

AT = datetime(2026, 1, 2, tzinfo=UTC)
FOLDER = Path(__file__).parents[2] / "learning" / "catalogue"


@pytest.fixture(scope="module")
def shipped() -> Shipped:
    patterns = {"pip.json": (FOLDER / "pip.json").read_text()}
    precedence, model, calibration = ((FOLDER / f"{name}.json").read_text() for name in ("precedence", "model", "calibration"))
    return Shipped(patterns, precedence, model, calibration)


@pytest.fixture(scope="module")
def rules(shipped: Shipped) -> FaustRules:
    return rules_from(Configuration(), shipped)


LOG = "Collecting left-pad\nERROR: No matching distribution found for left-pad==9.9.9\nProcess completed with exit code 1."


def test_a_log_s_hits_and_structure_become_features_and_then_a_kind_with_its_reasons(rules: FaustRules) -> None:
    # given what detect sees in a log
    hits = tuple(HitSeen(hit.pattern, hit.kind, hit.line, hit.text, hit.captures) for hit in rules.detect.matcher.read(LOG.encode()).hits)
    structure = structure_of(rules.detect.matcher.read(LOG.encode()).marks, 3, LOG.split("\n"), 1)
    features = rules.detect.features_of(hits, structure, Result.FAILURE)
    assert hits
    assert 0 < len(features) <= 256
    # when classify is given the detection
    detection = Detection(
        DetectionStatus.FIRING, "job:x", "run:x", "job_log", True, AT, AT, "error", (), hits, features, result=Result.FAILURE
    )
    found = rules.classify.classify_hits(detection)
    # then it names the kind, the pattern and the line
    assert found.kind in {hit.kind for hit in hits}
    assert found.pattern in {hit.pattern for hit in hits}
    assert found.line == 2
    assert found.reasons
    # and without evidence it abstains
    nothing = rules.classify.classify_hits(replace(detection, hits=(), features=()))
    assert nothing.kind is Kind.UNKNOWN
    assert nothing.abstained


def test_published_patterns_win_over_the_shipped_ones(shipped: Shipped, rules: FaustRules) -> None:
    other = Configuration(patterns=((f"{PATTERNS_PREFIX}git.json", (FOLDER / "git.json").read_text()),))
    assert rules_from(other, shipped).classify.catalogue_version != rules.classify.catalogue_version


def test_a_broken_pattern_file_is_named_with_its_place(shipped: Shipped) -> None:
    broken = Configuration(patterns=((f"{PATTERNS_PREFIX}mine.json", "{"),))
    with pytest.raises(ConfigurationError, match=r"mine\.json:1:\d+"):
        rules_from(broken, shipped)
