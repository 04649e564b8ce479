"""The configuration as every worker reads it from ``heal.catalogue``: one JSON body per section, turned into the typed whole.

``console`` validates the files and publishes the sections; workers read the topic to its end and call ``configuration_from``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from schemas.authorization import DEFAULT_RULES, faults_in
from schemas.avro_shape import record_from_plain, record_to_plain
from schemas.card_bodies import cards_from
from schemas.catalogue import CARDS
from schemas.ids import from_micros, micros
from schemas.oversight import CatalogueEntry, EntryKind
from schemas.pattern_review import PatternReview
from schemas.people import People, Person, Role
from schemas.policy import Policy
from schemas.services import Services
from schemas.signing import is_signed_by
from schemas.strategy_card import StrategyCard
from schemas.workflow_cards import card_of
from schemas.workflow_text import workflows_from
from schemas.workflows import Workflow

POLICY_ENTRY = "policy"
SERVICES_ENTRY = "services"
PEOPLE_ENTRY = "people"
KEYS_ENTRY = "keys"
PATTERNS_PREFIX = "patterns/"
REVIEWS_ENTRY = "reviews"
CARDS_ENTRY = "cards"
WORKFLOWS_ENTRY = "workflows"


@dataclass(frozen=True, slots=True)
class Keys:
    """Public keys (base64) of the components whose word others rely on."""

    admit: str = ""
    notary: str = ""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that a stage's rules are built from; ``version`` is stamped on every decision."""

    policy: Policy = Policy()
    services: Services = Services()
    people: People = People()
    keys: Keys = Keys()
    cards: tuple[StrategyCard, ...] = CARDS
    patterns: tuple[tuple[str, str], ...] = ()
    reviews: tuple[PatternReview, ...] = ()
    version: str = ""
    workflows: tuple[Workflow, ...] = ()


def cards_with(workflows: Iterable[Workflow], cards: tuple[StrategyCard, ...] = CARDS) -> tuple[StrategyCard, ...]:
    """Return the strategies: the recipes' own cards, and one for each workflow over them."""
    return (*cards, *(card_of(workflow, cards) for workflow in workflows))


def policy_body(policy: Policy) -> str:
    """Return the policy as its catalogue entry's JSON text."""
    return json.dumps(record_to_plain(Policy)(policy), sort_keys=True)


def services_body(services: Services) -> str:
    """Return the services as their catalogue entry's JSON text."""
    return json.dumps(record_to_plain(Services)(services), sort_keys=True)


def keys_body(keys: Keys) -> str:
    """Return the keys as their catalogue entry's JSON text."""
    return json.dumps(record_to_plain(Keys)(keys), sort_keys=True)


def people_body(people: People) -> str:
    """Return the people and the rules on them as one entry's JSON text, so that nobody judges new people by old rules."""
    rows = [{"name": who.name, "roles": sorted(who.roles), "public_key": who.public_key} for who in people.persons]
    return json.dumps({"people": rows, "rules": people.rules}, sort_keys=True)


def reviews_body(reviews: Iterable[PatternReview]) -> str:
    """Return people's words on patterns as their catalogue entry's JSON text, and as the file ``patterns/reviews.json``."""
    plain = record_to_plain(PatternReview)
    rows = [{**cast("dict[str, object]", plain(review)), "at": micros(review.at)} for review in reviews]
    return json.dumps(rows, indent=1, sort_keys=True) + "\n"


def reviews_from(body: str) -> tuple[PatternReview, ...]:
    """Return the words in the text; raises ValueError, KeyError or TypeError when it is not what ``reviews_body`` writes."""
    read = record_from_plain(PatternReview)
    return tuple(cast("PatternReview", read({**row, "at": from_micros(row["at"])})) for row in json.loads(body or "[]"))


def _people(body: str) -> People:
    read = json.loads(body)
    # Before there were rules the entry was the list of people alone.
    rows, rules = (read, DEFAULT_RULES) if isinstance(read, list) else (read["people"], read["rules"])
    faults = faults_in(rules)
    if faults:
        raise ValueError(f"the rules on people: {faults[0].what}")
    return People(tuple(Person(row["name"], frozenset(Role(role) for role in row["roles"]), row["public_key"]) for row in rows), rules)


def newest_entries(entries: Iterable[CatalogueEntry], publisher_key: str) -> dict[str, CatalogueEntry]:
    """Return the last entry of each name whose signature is the publisher's; others are skipped.

    A pattern file that was taken away stays as an entry without a body: nobody but the publisher can say that it is gone.
    """
    return {entry.name: entry for entry in entries if is_signed_by(entry, publisher_key)}


def is_removal(entry: CatalogueEntry) -> bool:
    """Tell whether an entry says that its pattern file is there no longer."""
    return entry.kind is EntryKind.PATTERNS and not entry.body


def configuration_from(entries: Iterable[CatalogueEntry], publisher_key: str) -> Configuration | str:
    """Return the configuration in the entries, or why there is none; a broken body can only come from a broken publisher."""
    newest = {name: entry for name, entry in newest_entries(entries, publisher_key).items() if not is_removal(entry)}
    missing = [name for name in (POLICY_ENTRY, SERVICES_ENTRY, PEOPLE_ENTRY, KEYS_ENTRY) if name not in newest]
    if missing:
        return f"the catalogue topic has no signed entry for {', '.join(missing)}"
    try:
        # Catalogues of before there were workflows have none.
        workflows = workflows_from(newest[WORKFLOWS_ENTRY].body if WORKFLOWS_ENTRY in newest else "")
        return Configuration(
            policy=cast("Policy", record_from_plain(Policy)(json.loads(newest[POLICY_ENTRY].body))),
            services=cast("Services", record_from_plain(Services)(json.loads(newest[SERVICES_ENTRY].body))),
            people=_people(newest[PEOPLE_ENTRY].body),
            keys=cast("Keys", record_from_plain(Keys)(json.loads(newest[KEYS_ENTRY].body))),
            patterns=tuple((name, entry.body) for name, entry in sorted(newest.items()) if entry.kind is EntryKind.PATTERNS),
            reviews=reviews_from(newest[REVIEWS_ENTRY].body if REVIEWS_ENTRY in newest else ""),
            cards=cards_with(workflows, cards_from(newest[CARDS_ENTRY].body if CARDS_ENTRY in newest else "")),
            workflows=workflows,
            version="+".join(f"{name}@{newest[name].version[:8]}" for name in sorted(newest)),
        )
    except (ValueError, KeyError, TypeError) as error:
        return f"a catalogue entry cannot be read: {error}"
