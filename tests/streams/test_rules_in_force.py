"""What is published or promoted becomes the next rules; what is not signed, not new or not right leaves the old ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.publish import entries_of
from learning.classifier import Classifier
from learning.patterns.reviewed import digest_of
from schemas.configuration import PATTERNS_PREFIX, Configuration
from schemas.errors import ConfigurationError
from schemas.ids import Record, id_of
from schemas.oversight import Feedback, ModelChange, ModelRecord
from schemas.pattern_review import PatternDemotion, PatternReview, PatternState
from schemas.people import People, Person, Role
from schemas.signing import public_text, sign
from schemas.vocabulary import Kind
from streams.bounds import shipped as shipped_texts
from streams.learn import Learn, LearnEvent, LearnRules
from streams.rules import FaustRules, Shipped, rules_from
from streams.rules_in_force import KEPT_MODELS, Heard, RulesInForce, next_rules
from tests.streams.test_learn import PUZZLE
from tests.support.failures import PLACE, at, records
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
        ModelRecord(version, ModelChange.ACTING, "", digest, "healstream", NOW),
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
        (models()[0][0], models()[0][2]),
    ],
    ids=["no right", "another's signature", "its author", "no such model", "never proposed"],
)
def test_a_promotion_without_the_right_changes_nothing(records: Sequence[Record], current: FaustRules, shipped: Shipped) -> None:
    assert next_rules(heard_of(BASE, *records), current, shipped, None).rules is None


def test_each_replacement_has_a_number_of_its_own(current: FaustRules) -> None:
    force = RulesInForce(current)
    force.take(replace(current, model="other"))
    assert (force.number, force.current.model) == (1, "other")


def test_a_demotion_makes_new_rules_in_which_the_pattern_shadows_until_a_later_word(current: FaustRules, shipped: Shipped) -> None:
    """Given a shipped pattern that is demoted, then it shadows and all others decide as before; a later word of who may lifts it."""
    pattern = next(iter(current.matcher.by_id.values()))
    demotion = PatternDemotion(pattern.id, NOW, 10, 10, "it hit 10 of the last 10 successful runs")
    found = next_rules(heard_of(BASE, demotion), current, shipped, None)
    assert found.rules is not None
    assert set(current.matcher.by_id) - set(found.rules.matcher.by_id) == {pattern.id}
    assert found.rules.classify.catalogue_version != current.classify.catalogue_version
    assert next_rules(heard_of(BASE, demotion), found.rules, shipped, None).rules is None

    def said(hours: int) -> Configuration:
        word = PatternReview(
            pattern.id, digest_of(pattern), PatternState.ACTING, "healstream", "amir", NOW + timedelta(hours=hours), "report"
        )
        return replace(BASE, reviews=(sign(word, AMIR),))

    held = next_rules(heard_of(said(-1), demotion), current, shipped, None)
    lifted = next_rules(heard_of(said(1), demotion), found.rules, shipped, None)
    assert held.rules is not None
    assert pattern.id not in held.rules.matcher.by_id
    assert lifted.rules is not None
    assert lifted.rules.matcher.by_id == current.matcher.by_id


def test_a_demotion_of_a_pattern_that_nobody_has_changes_nothing_that_decides(current: FaustRules, shipped: Shipped) -> None:
    found = next_rules(heard_of(BASE, PatternDemotion("nothing-such", NOW, 10, 10, "x")), current, shipped, None)
    assert found.rules is not None
    assert found.rules.classify.catalogue_version == current.classify.catalogue_version


def test_workers_follow_what_learn_decides_through_promotions_and_the_way_back(shipped: Shipped) -> None:
    """Given what learn was told and said, in its order, then workers go by the champion that learn has, at every step."""
    rules = LearnRules(BASE, shipped.model, min_examples=5, source_cap=1000)
    learn = Learn.from_state({}, rules)
    learn.on_event(PUZZLE, PLACE, NOW)
    topic: list[ModelRecord] = []

    def say(event: LearnEvent) -> list[ModelRecord]:
        if isinstance(event, ModelRecord):
            topic.append(event)
        sent = [cast("ModelRecord", row) for row in records(learn.on_event(event, PLACE, NOW), ModelRecord)]
        topic.extend(sent)
        if not sent and not isinstance(event, ModelRecord):
            return sent
        acting = heard_of(BASE, *topic).champion(PEOPLE) or shipped.model
        assert json.loads(acting)["checksum"] == json.loads(learn.snapshot()["model/champion"])["checksum"]
        return sent

    def promote(record: ModelRecord, hours: int, by: str = "amir", key: Ed25519PrivateKey = AMIR) -> ModelRecord:
        word = replace(record, change=ModelChange.PROMOTED, by=by, body="", at=NOW + timedelta(hours=hours), signature="")
        return sign(word, key)

    taught: list[ModelRecord] = []
    for n in range(60):
        by, key = (("amir", AMIR), ("olga", OLGA))[n % 2]
        taught += say(sign(Feedback(id_of(PUZZLE), "person", by, at(n), Kind.DISK_FULL), key))
    [proposal] = [row for row in taught if row.change is ModelChange.PROPOSED]
    assert say(promote(proposal, 1, "olga", OLGA)) == []
    first = promote(proposal, 2)
    [_, outgoing] = say(first)
    assert heard_of(BASE, *topic).champion(PEOPLE) is not None
    assert say(promote(replace(outgoing, sha256="other"), 3)) == []
    [_, _] = say(promote(outgoing, 4))
    # The word that let it act, sent again by whoever kept it, does not undo the way back.
    assert say(first) == []
    assert say(promote(proposal, 3)) == []
    [_, _] = say(promote(proposal, 5))
    assert heard_of(BASE, *topic).champion(PEOPLE) is not None


def test_a_body_that_is_not_what_was_signed_does_not_act() -> None:
    found, _ = models()
    snapshot = cast("ModelRecord", found[0])
    assert heard_of(BASE, replace(snapshot, body=snapshot.body + " "), *found[1:]).champion(PEOPLE) is None


def test_what_was_promoted_outlives_many_later_proposals() -> None:
    found, text = models()
    others = [ModelRecord(f"v{number}", ModelChange.SNAPSHOT, "{}", "0", "healstream", NOW) for number in range(3 * KEPT_MODELS)]
    heard = heard_of(BASE, *found, *others)
    assert heard.champion(PEOPLE) == text
    assert len(heard.models) == KEPT_MODELS
