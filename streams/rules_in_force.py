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
from schemas.people import People, Right
from schemas.signing import is_said_with_right, is_signed_by
from streams.rules import FaustRules, Shipped, rules_from

# Versions of the model that a promotion may name; the proposal that waits and the ones to go back to are among the latest.
KEPT_MODELS = 8
_AUTHOR = "healstream"


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
    """The newest catalogue entries by name, the latest models by version, and the promotions in their order."""

    publisher_key: str
    entries: dict[str, CatalogueEntry] = field(default_factory=dict)
    models: dict[str, ModelRecord] = field(default_factory=dict)
    authors: dict[str, str] = field(default_factory=dict)
    promotions: list[ModelRecord] = field(default_factory=list)

    def note(self, record: Record) -> None:
        """Take a record in; what the publisher did not sign is skipped."""
        match record:
            case CatalogueEntry():
                if is_signed_by(record, self.publisher_key):
                    self.entries[record.name] = record
            case ModelRecord(change=ModelChange.SNAPSHOT):
                self.models.pop(record.version, None)
                self.models[record.version] = record
                for version in list(self.models)[:-KEPT_MODELS]:
                    del self.models[version]
            case ModelRecord(change=ModelChange.PROPOSED):
                self.authors[record.version] = record.by
            case ModelRecord(change=ModelChange.PROMOTED):
                self.promotions = [*self.promotions, record][-KEPT_MODELS:]
            case _:
                return

    def configuration(self) -> Configuration | str:
        """Return the published configuration, or why there is none."""
        return configuration_from(self.entries.values(), self.publisher_key)

    def champion(self, people: People) -> str | None:
        """Return the model that a person's latest rightful promotion lets act; None while it is the shipped one."""
        for record in reversed(self.promotions):
            model = self.models.get(record.version)
            if model is not None and not self._why_not(record, model, people):
                return model.body
        return None

    def _why_not(self, record: ModelRecord, model: ModelRecord, people: People) -> str:
        if not is_said_with_right(record, record.by, Right.PROMOTE_MODEL, people):
            return "no right to promote, or the signature is not theirs"
        author = self.authors.get(record.version, _AUTHOR)
        if record.by == author:
            return "its author does not promote it"
        is_same = record.sha256 == sha256(model.body.encode()).hexdigest()
        return "" if is_same else "the checksum is not the model's"


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
    if configuration == current.detect.configuration and wanted.model == current.model:
        return Replacement(None)
    return Replacement(rules_from(configuration, wanted, store))
