"""Composition: the configuration and what was learned become each Faust stage's rules; called by ``streams/app.py``.

Pure: the files' texts are arguments, so a defect in one of them is found before the first event.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256

from learning.backtest import Budget
from learning.calibration import load_calibration
from learning.classification import Classification, Recognizer, classify_hits
from learning.classifier import Classifier
from learning.features import make_features
from learning.guard import Guard
from learning.guard_cases import cases_of_examples, cases_of_recordings
from learning.patterns.loader import Catalogue, load_catalogue
from learning.patterns.matcher import Hit, Matcher
from learning.patterns.model import Pattern
from learning.patterns.precedence import load_precedence
from learning.patterns.reviewed import InForce, in_force
from learning.patterns.store import Store
from learning.patterns.typed_host import captures_at, host_in
from learning.proposing import Proposer
from learning.recordings import recorded_logs
from learning.structure import Structure, from_signals
from schemas.configuration import PATTERNS_PREFIX, Configuration
from schemas.errors import ConfigurationError
from schemas.incidents import Alternative, Detection, Feature, HitSeen
from schemas.pattern_review import counted_reviews
from schemas.vocabulary import Result
from streams.classified import Classified, ClassifyHits
from streams.classify import ClassifyRules
from streams.decide import DecideRules
from streams.detect import DetectRules
from streams.learn import LearnRules

_MAX_SHADOW_REASONS = 3


@dataclass(frozen=True, slots=True)
class Shipped:
    """What comes with the program: the texts of pattern files by name, of precedence, model and calibration, and recorded logs.

    ``recordings`` are compressed files by name; half of their logs guard every promotion.
    """

    patterns: Mapping[str, str]
    precedence: str
    model: str
    calibration: str
    recordings: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FaustRules:
    """The rules of every Faust stage; ``matcher`` reads detect's logs, ``recognizer`` builds what classify rests on, once.

    ``model`` is the text of the classifier that acts, ``demoted`` the ids of the patterns that are held back.
    """

    model: str
    matcher: Matcher
    recognizer: Callable[[], Recognizer]
    detect: DetectRules
    classify: ClassifyRules
    decide: DecideRules
    learn: LearnRules
    demoted: frozenset[str] = frozenset()


def rules_from(
    configuration: Configuration, shipped: Shipped, store: Store | None = None, demoted: frozenset[str] = frozenset()
) -> FaustRules:
    """Return the rules; raises ConfigurationError that names the place in a pattern file.

    Patterns are compiled, or come from the ``store``, when the first log is read; a worker without classify builds no model.
    """
    held = patterns_in_force(configuration, shipped, demoted, store)
    matcher = Matcher(held.catalogue, store, held.shadow)

    @cache
    def recognizer() -> Recognizer:
        classifier = Classifier.from_snapshot(json.loads(shipped.model))
        return Recognizer(matcher, load_precedence(shipped.precedence), classifier, load_calibration(shipped.calibration))

    guard = Guard(recognizer, lambda made: (*cases_of_recordings(made, shipped.recordings), *cases_of_examples(made)))
    proposer = Proposer(recognizer, recorded_logs, Budget.of(configuration.policy))
    version = sha256(shipped.model.encode()).hexdigest()[:16]
    return FaustRules(
        shipped.model,
        matcher,
        recognizer,
        DetectRules(configuration, matcher, _features_of),
        ClassifyRules(configuration, classifier_of(recognizer), version, held.digest),
        DecideRules(configuration, version),
        LearnRules(configuration, shipped.model, guard=guard.worse, draft=proposer.draft),
        demoted,
    )


def patterns_in_force(
    configuration: Configuration, shipped: Shipped, demoted: frozenset[str] = frozenset(), passed: Store | None = None
) -> InForce:
    """Return the patterns that are matched and how far each goes; raises ConfigurationError that names the place in a file."""
    files = {name.removeprefix(PATTERNS_PREFIX): body for name, body in configuration.patterns} or dict(shipped.patterns)
    catalogue = load_catalogue(files, passed)
    if isinstance(catalogue, list):
        raise ConfigurationError("patterns", "; ".join(map(str, catalogue[:5])), "Correct the named lines and publish them again")
    known = _shipped_among(files, shipped.patterns, catalogue)
    return in_force(catalogue, known, counted_reviews(configuration.reviews, configuration.people), demoted)


def _shipped_among(files: Mapping[str, str], shipped: Mapping[str, str], catalogue: Catalogue) -> dict[str, Pattern]:
    """Return the patterns of the catalogue whose ids the program ships, as it ships them."""
    patterns = catalogue.by_id()
    found: dict[str, Pattern] = {}
    for name, text in shipped.items():
        rows = json.loads(text)["patterns"]
        # Of a file that is unchanged the checked patterns are there already.
        is_same = files.get(name) == text
        found |= {row["id"]: patterns[row["id"]] if is_same else Pattern.model_validate(row) for row in rows if row["id"] in patterns}
    return found


def _hits(seen: tuple[HitSeen, ...]) -> list[Hit]:
    return [Hit(hit.pattern, hit.kind, hit.line, hit.text, hit.captures) for hit in seen if not hit.shadow]


def _said_in_shadow(seen: tuple[HitSeen, ...]) -> tuple[str, ...]:
    found = dict.fromkeys(f"in shadow: {hit.pattern} would say {hit.kind}" for hit in seen if hit.shadow)
    return tuple(found)[:_MAX_SHADOW_REASONS]


def _features_of(seen: tuple[HitSeen, ...], structure: Structure, result: Result | None) -> tuple[Feature, ...]:
    found = make_features(_hits(seen), structure.block, result, structure.end)
    return tuple(Feature(index, weight) for index, weight in sorted(found.items()))


def classifier_of(recognizer: Callable[[], Recognizer]) -> ClassifyHits:
    """Return the classifier of run detections."""

    def classify(detection: Detection) -> Classified:
        features = {feature.index: feature.weight for feature in detection.features}
        structure = from_signals(dict(detection.signals))
        found = classify_hits(_hits(detection.hits), features, detection.result, structure, recognizer())
        shown = _classified(replace(found, reasons=(*found.reasons, *_said_in_shadow(detection.hits))))
        matcher = recognizer().matcher
        return replace(shown, host=_host_named(detection.hits, found, matcher), is_hint=found.pattern in matcher.hints)

    return classify


def _host_named(seen: tuple[HitSeen, ...], found: Classification, matcher: Matcher) -> str:
    rows = ((hit.pattern, hit.line, hit.captures) for hit in seen if not hit.shadow)
    return host_in(matcher.by_id.get(found.pattern), captures_at(rows, found.pattern, found.line))


def _classified(found: Classification) -> Classified:
    others = tuple(Alternative(kind, probability) for kind, probability in found.alternatives)
    return Classified(found.kind, found.confidence, others, found.reasons, found.abstained, found.line or None, found.pattern, found.acts)
