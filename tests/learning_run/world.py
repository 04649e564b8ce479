"""One seed's world: which tool families are absent until when, which logs teach or guard, and what recognition sees of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from learning.classification import Classification, Recognizer, classify_evidence
from learning.classifier import Classifier
from learning.evidence import Evidence
from learning.guard import GuardCase, GuardSet
from learning.patterns.matcher import Hit
from learning.structure import Structure
from schemas.incidents import Feature
from schemas.vocabulary import Result
from tests.learning_run.assumptions import ABSENT_SHARE, ENTRY_MONTHS, EPOCHS, GUARDS, MOST_GUARDS, TEACHES, WEIGHTS
from tests.learning_run.material import GENERAL, Log, weighed


@dataclass(frozen=True, slots=True)
class Sight:
    """What recognition has of one variant of a log when the absent families' patterns are not there."""

    log: Log
    variant: int
    hits: tuple[Hit, ...]
    evidence: Evidence
    features: Mapping[int, float]
    as_features: tuple[Feature, ...]

    @property
    def structure(self) -> Structure:
        """Return the parts of the text that this was seen in."""
        return self.log.seen[self.variant].structure


@dataclass(slots=True)
class World:
    """The drawn circumstances; ``enters`` is the month in which a tool family's logs begin to come, 0 from the start."""

    recognizer: Recognizer
    tools: Mapping[str, str]
    logs: Sequence[Log]
    enters: dict[str, int]
    teaching: frozenset[str]
    guarding: frozenset[str]
    _sights: dict[tuple[str, int], Sight] = field(default_factory=dict)
    _guards: dict[int, GuardSet] = field(default_factory=dict)

    def sight(self, log: Log, variant: int) -> Sight:
        """Return what is seen of a log, without the patterns of the families that were absent at first: those never come."""
        key = (log.id, variant)
        if key not in self._sights:
            seen = log.seen[variant]
            hits = tuple(hit for hit in seen.hits if self.enters.get(self.tools[hit.pattern], 0) == 0)
            all_there = len(hits) == len(seen.hits)
            whole = (seen.evidence, seen.features)
            evidence, features = whole if all_there else weighed(hits, seen.structure, log.result, self.recognizer)
            carried = tuple(Feature(index, weight) for index, weight in sorted(features.items()))
            self._sights[key] = Sight(log, variant, hits, evidence, features, carried)
        return self._sights[key]

    def present(self, month: int) -> list[Log]:
        """Return the logs that may come in a month, but for those that guard: a guard's log is never an event."""
        return [log for log in self.logs if self.enters.get(log.tool, 0) <= month and log.id not in self.guarding]

    def guard(self, month: int) -> GuardSet:
        """Return the guard set of a month: held-out logs of the families that have come so far."""
        if month not in self._guards:
            held = [log for log in self.logs if log.id in self.guarding]
            chosen = [log for log in held[:: max(1, len(held) // MOST_GUARDS)] if self.enters.get(log.tool, 0) <= month]
            self._guards[month] = GuardSet([self._guard_case(log) for log in chosen], self.recognizer)
        return self._guards[month]

    def _guard_case(self, log: Log) -> GuardCase:
        sight = self.sight(log, 0)
        splits = (f"family:{log.tool}", f"origin:{log.origin}")
        return GuardCase(log.id, log.kind, sight.evidence, sight.features, sight.structure, splits)


class Opinion:
    """What recognition with one model says of every sight; each is asked once, as nothing of a model changes while it acts."""

    def __init__(self, recognizer: Recognizer, model: Classifier) -> None:
        """Begin without having been asked."""
        self.model = model
        self._asked = replace(recognizer, classifier=model)
        self._said: dict[tuple[str, int], Classification] = {}

    def of(self, sight: Sight) -> Classification:
        """Return what is said, by the function that ``healstream classify`` comes to too."""
        key = (sight.log.id, sight.variant)
        if key not in self._said:
            self._said[key] = classify_evidence(sight.evidence, sight.features, sight.structure, self._asked)
        return self._said[key]


def weights_of(logs: Sequence[Log], ranks: Mapping[str, int]) -> list[float]:
    """Return how often each log is drawn: every origin gives its share, and within it a log's chance falls with its rank (Zipf).

    Failures recur so: a few are seen every day, most once in a long while. The ranks are drawn, so the seeds differ in which.
    """
    raw = [1.0 / (1 + ranks[log.id]) for log in logs]
    sums: dict[str, float] = {}
    for log, weight in zip(logs, raw, strict=True):
        sums[log.origin] = sums.get(log.origin, 0.0) + weight
    return [WEIGHTS[log.origin] * weight / sums[log.origin] for log, weight in zip(logs, raw, strict=True)]


def draw_ranks(logs: Sequence[Log], draw: Random) -> dict[str, int]:
    """Return the drawn rank of every log within its origin, from 0 on."""
    ranks: dict[str, int] = {}
    for origin in sorted({log.origin for log in logs}):
        names = [log.id for log in logs if log.origin == origin]
        ranks |= {name: rank for rank, name in enumerate(draw.sample(names, len(names)))}
    return ranks


def make_world(
    recognizer: Recognizer, tools: Mapping[str, str], logs: Sequence[Log], draw: Random, absent_share: float = ABSENT_SHARE
) -> World:
    """Draw which families are absent at first, when they enter, and what each project's logs are for."""
    families = sorted(set(tools.values()) - {GENERAL})
    absent = draw.sample(families, round(absent_share * len(families)))
    enters = {family: ENTRY_MONTHS[place % len(ENTRY_MONTHS)] for place, family in enumerate(absent)}
    use: dict[str, float] = {}
    for log in logs:
        use.setdefault(log.project, draw.random())
    teaching = frozenset(log.id for log in logs if use[log.project] < TEACHES)
    guarding = frozenset(log.id for log in logs if TEACHES <= use[log.project] < TEACHES + GUARDS)
    return World(recognizer, tools, logs, enters, teaching, guarding)


def first_model(world: World, draw: Random) -> Classifier:
    """Return the model that both sides begin with: trained as the shipped one is, on the examples of the families that are there."""
    examples = [
        log for log in world.logs if log.origin == "examples" and world.enters.get(log.tool, 0) == 0 and log.id not in world.guarding
    ]
    classifier = Classifier()
    for _ in range(EPOCHS):
        for log in draw.sample(examples, len(examples)):
            features = world.sight(log, 0).features
            classifier.learn(features, log.kind)
    return Classifier.from_snapshot(classifier.snapshot())


def is_failure(log: Log) -> bool:
    """Tell whether the log's job failed."""
    return log.result is not Result.SUCCESS
