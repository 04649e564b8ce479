"""The rules that a worker goes by now, and what it has heard on the topics from which the next ones are made.

``streams/app.py`` reads what is published in a thread of its own and builds the next rules there; each stage takes them up between two
events, from its own snapshot, so nothing that it knows is lost. Pure but for the replaced value itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256

from learning.patterns.store import Store
from schemas.configuration import Configuration, configuration_from
from schemas.ids import Record
from schemas.oversight import CatalogueEntry, ModelChange, ModelRecord
from schemas.pattern_review import PatternDemotion, counted_reviews, held_back
from schemas.people import People
from schemas.promotions import standing_of
from schemas.signing import is_signed_by
from streams.rules import FaustRules, Shipped, rules_from

# Versions of the model that a promotion may name; the proposal that waits and the ones to go back to are among the latest.
KEPT_MODELS = 8
# A proposal and a promotion a day for longer than the topic keeps them.
KEPT_WORDS = 2_000


class RulesInForce:
    """One set of rules at a time; ``number`` rises with each."""

    def __init__(self, rules: FaustRules) -> None:
        """Begin with the rules that the worker starts by."""
        self.current = rules
        self.number = 0

    def take(self, rules: FaustRules) -> None:
        """Put other rules in force: the stages take them up at their next tick."""
        self.current = rules
        self.number += 1


@dataclass(slots=True)
class Heard:
    """The newest catalogue entries and demotions by name, the latest models by version, and what was said of models."""

    publisher_key: str
    entries: dict[str, CatalogueEntry] = field(default_factory=dict)
    demotions: dict[str, PatternDemotion] = field(default_factory=dict)
    models: dict[str, ModelRecord] = field(default_factory=dict)
    words: list[ModelRecord] = field(default_factory=list)

    def note(self, record: Record) -> None:
        """Take a record in; what the publisher did not sign is skipped."""
        match record:
            case CatalogueEntry():
                if is_signed_by(record, self.publisher_key):
                    self.entries[record.name] = record
            case PatternDemotion():
                # It only lowers; where nobody's pattern has the name it says nothing.
                self.demotions[record.pattern] = record
            case ModelRecord():
                # Bodies are kept apart and few; the words on them, in their order, are small.
                is_body = record.change is ModelChange.SNAPSHOT
                self.words = [*self.words, replace(record, body="") if is_body else record][-KEPT_WORDS:]
                if is_body:
                    self._keep(record)
            case _:
                return

    def configuration(self) -> Configuration | str:
        """Return the published configuration, or why there is none."""
        return configuration_from(self.entries.values(), self.publisher_key)

    def champion(self, people: People) -> str | None:
        """Return the model that people's promotions let act; None while it is the shipped one, or its body is not here."""
        name = standing_of(self.words, people).champion
        model = self.models.get(name.version) if name else None
        is_same = model is not None and name is not None and sha256(model.body.encode()).hexdigest() == name.sha256
        return model.body if model is not None and is_same else None

    def _keep(self, model: ModelRecord) -> None:
        self.models.pop(model.version, None)
        self.models[model.version] = model
        named = {word.version for word in self.words if word.change is ModelChange.PROMOTED}
        # What somebody promoted may be what acts: it goes last.
        for version in sorted(self.models, key=lambda known: known in named)[: max(len(self.models) - KEPT_MODELS, 0)]:
            del self.models[version]


@dataclass(frozen=True, slots=True)
class Replacement:
    """Rules made from what was heard, or why the old ones stay (empty: there is nothing new)."""

    rules: FaustRules | None
    why: str = ""


def next_rules(heard: Heard, current: FaustRules, shipped: Shipped, store: Store | None) -> Replacement:
    """Return the rules to put in force; raises ConfigurationError when a published set cannot be used."""
    configuration = heard.configuration()
    if isinstance(configuration, str):
        return Replacement(None, configuration)
    champion = heard.champion(configuration.people)
    wanted = replace(shipped, model=champion) if champion else shipped
    demoted = held_back(heard.demotions.values(), counted_reviews(configuration.reviews, configuration.people))
    if (configuration, wanted.model, demoted) == (current.detect.configuration, current.model, current.demoted):
        return Replacement(None)
    return Replacement(rules_from(configuration, wanted, store, demoted))
