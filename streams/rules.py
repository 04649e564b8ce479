"""Composition: the configuration and what was learned become each Faust stage's rules; called by ``streams/app.py``.

Pure: the files' texts are arguments, so a defect in one of them is found before the first event.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from learning.classification import Classification, Recognizer, classify_hits
from learning.classifier import Classifier
from learning.features import make_features
from learning.patterns.automaton import Store
from learning.patterns.loader import load_catalogue
from learning.patterns.matcher import Hit, Matcher
from learning.patterns.precedence import load_precedence
from learning.structure import Structure, from_signals
from schemas.configuration import PATTERNS_PREFIX, Configuration
from schemas.errors import ConfigurationError
from schemas.incidents import Alternative, Detection, Feature, HitSeen
from schemas.vocabulary import Result
from streams.classified import Classified, ClassifyHits
from streams.classify import ClassifyRules
from streams.decide import DecideRules
from streams.detect import DetectRules
from streams.learn import LearnRules


@dataclass(frozen=True, slots=True)
class Shipped:
    """The texts that come with the program: pattern files by name, precedence and model."""

    patterns: Mapping[str, str]
    precedence: str
    model: str


@dataclass(frozen=True, slots=True)
class FaustRules:
    """The rules of every Faust stage; ``matcher`` reads detect's logs, ``recognizer`` builds what classify rests on, once."""

    matcher: Matcher
    recognizer: Callable[[], Recognizer]
    detect: DetectRules
    classify: ClassifyRules
    decide: DecideRules
    learn: LearnRules


def rules_from(configuration: Configuration, shipped: Shipped, store: Store | None = None) -> FaustRules:
    """Return the rules; raises ConfigurationError that names the place in a pattern file.

    Patterns are compiled, or come from the ``store``, when the first log is read; a worker without classify builds no model.
    """
    files = {name.removeprefix(PATTERNS_PREFIX): body for name, body in configuration.patterns} or dict(shipped.patterns)
    catalogue = load_catalogue(files)
    if isinstance(catalogue, list):
        raise ConfigurationError("patterns", "; ".join(map(str, catalogue[:5])), "Correct the named lines and publish them again")
    matcher = Matcher(catalogue, store)

    @cache
    def recognizer() -> Recognizer:
        return Recognizer(matcher, load_precedence(shipped.precedence), Classifier.from_snapshot(json.loads(shipped.model)))

    version = sha256(shipped.model.encode()).hexdigest()[:16]
    return FaustRules(
        matcher,
        recognizer,
        DetectRules(configuration, matcher, _features_of),
        ClassifyRules(configuration, classifier_of(recognizer), version, catalogue.digest),
        DecideRules(configuration, version),
        LearnRules(configuration, shipped.model),
    )


def _hits(seen: tuple[HitSeen, ...]) -> list[Hit]:
    return [Hit(hit.pattern, hit.kind, hit.line, hit.text, hit.captures) for hit in seen]


def _features_of(seen: tuple[HitSeen, ...], structure: Structure, result: Result | None) -> tuple[Feature, ...]:
    found = make_features(_hits(seen), structure.block, result, structure.end)
    return tuple(Feature(index, weight) for index, weight in sorted(found.items()))


def classifier_of(recognizer: Callable[[], Recognizer]) -> ClassifyHits:
    """Return the classifier of run detections."""

    def classify(detection: Detection) -> Classified:
        features = {feature.index: feature.weight for feature in detection.features}
        structure = from_signals(dict(detection.signals))
        return _classified(classify_hits(_hits(detection.hits), features, detection.result, structure, recognizer()))

    return classify


def _classified(found: Classification) -> Classified:
    others = tuple(Alternative(kind, probability) for kind, probability in found.alternatives)
    return Classified(found.kind, found.confidence, others, found.reasons, found.abstained, found.line or None, found.pattern)
