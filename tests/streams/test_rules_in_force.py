"""What is published or promoted becomes the next rules; what is not signed, not new or not right leaves the old ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.publish import entries_of
from learning.classifier import Classifier
from schemas.configuration import PATTERNS_PREFIX, Configuration
from schemas.errors import ConfigurationError
from schemas.ids import Record
from schemas.oversight import ModelChange, ModelRecord
from schemas.people import People, Person, Role
from schemas.signing import public_text, sign
from schemas.vocabulary import Kind
from streams.bounds import shipped as shipped_texts
from streams.rules import FaustRules, Shipped, rules_from
from streams.rules_in_force import Heard, RulesInForce, next_rules
from tests.support.own_pattern import own_file

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PUBLISHER, AMIR, OLGA = (Ed25519PrivateKey.generate() for _ in range(3))
PEOPLE = People(
    (
        Person("amir", frozenset({Role.APPROVER}), public_text(AMIR)),
        Person("olga", frozenset({Role.OPERATOR}), public_text(OLGA)),
    )
)
PIP = (Path(__file__).parents[2] / "learning" / "catalogue" / "pip.json").read_text(encoding="utf-8")
BASE = Configuration(people=PEOPLE, patterns=((f"{PATTERNS_PREFIX}pip.json", PIP),))


@pytest.fixture(scope="module")
def shipped() -> Shipped:
    return replace(shipped_texts(), patterns={"pip.json": PIP})


def heard_of(configuration: Configuration, *others: Record, key: Ed25519PrivateKey = PUBLISHER) -> Heard:
    heard = Heard(public_text(PUBLISHER))
    for record in (*entries_of(configuration, key, NOW), *others):
        heard.note(record)
    return heard


@pytest.fixture(scope="module")
def current(shipped: Shipped) -> FaustRules:
    found = heard_of(BASE).configuration()
    assert isinstance(found, Configuration)
    return rules_from(found, shipped)


def models(by: str = "amir", key: Ed25519PrivateKey = AMIR, author: str = "healstream", body: str = "") -> tuple[Sequence[Record], str]:
    learned = Classifier()
    learned.learn({7: 1.0}, Kind.DISK_FULL)
    snapshot = learned.snapshot()
    text = json.dumps(snapshot, sort_keys=True, separators=(",", ":"))
    version, digest = snapshot["checksum"], sha256(text.encode()).hexdigest()
    records = (
        ModelRecord(version, ModelChange.SNAPSHOT, text, digest, author, NOW),
        ModelRecord(version, ModelChange.PROPOSED, "better", digest, author, NOW),
        sign(ModelRecord(version, ModelChange.PROMOTED, body, digest, by, NOW), key),
    )
    return records, text


def test_what_is_in_force_already_makes_no_new_rules(current: FaustRules, shipped: Shipped) -> None:
    found = next_rules(heard_of(BASE), current, shipped, None)
    assert (found.rules, found.why) == (None, "")


def test_a_published_pattern_makes_new_rules_in_which_it_shadows(current: FaustRules, shipped: Shipped) -> None:
    more = replace(BASE, patterns=(*BASE.patterns, (f"{PATTERNS_PREFIX}own.json", own_file())))
    found = next_rules(heard_of(more), current, shipped, None)
    assert found.rules is not None
    reading = found.rules.matcher.read(b"the flux is out of phase\n")
    assert [hit.pattern for hit in reading.shadow] == ["flux-phase"]
    assert not reading.hits
    assert found.rules.classify.catalogue_version != current.classify.catalogue_version


def test_a_broken_published_file_is_named_and_an_unsigned_one_is_skipped(current: FaustRules, shipped: Shipped) -> None:
    broken = replace(BASE, patterns=(*BASE.patterns, (f"{PATTERNS_PREFIX}own.json", own_file(kind="nonsense"))))
    with pytest.raises(ConfigurationError, match=r"own\.json:1:\d+"):
        next_rules(heard_of(broken), current, shipped, None)
    forged = heard_of(broken, key=Ed25519PrivateKey.generate())
    assert "no signed entry" in next_rules(forged, current, shipped, None).why


def test_a_promoted_model_acts_and_is_stamped(current: FaustRules, shipped: Shipped) -> None:
    records, text = models()
    found = next_rules(heard_of(BASE, *records), current, shipped, None)
    assert found.rules is not None
    assert found.rules.model == text
    assert found.rules.classify.model_version != current.classify.model_version


@pytest.mark.parametrize(
    "records",
    [
        models(by="olga", key=OLGA)[0],
        models(key=OLGA)[0],
        models(author="amir")[0],
        models()[0][1:],
    ],
    ids=["no right", "another's signature", "its author", "no such model"],
)
def test_a_promotion_without_the_right_changes_nothing(records: Sequence[Record], current: FaustRules, shipped: Shipped) -> None:
    assert next_rules(heard_of(BASE, *records), current, shipped, None).rules is None


def test_each_replacement_has_a_number_of_its_own(current: FaustRules) -> None:
    force = RulesInForce(current)
    force.take(replace(current, model="other"))
    assert (force.number, force.current.model) == (1, "other")
