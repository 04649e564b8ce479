"""Ids, partitions, the life table, signatures, topics, the door and the catalogue."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro_codec import Codec
from schemas.catalogue import CARDS, card_named, cards_for
from schemas.configuration import (
    Configuration,
    Keys,
    configuration_from,
    keys_body,
    people_body,
    policy_body,
    services_body,
)
from schemas.decisions import plan_hash_of
from schemas.door import MAX_VALUE_BYTES, Refused, admit_bytes, redact
from schemas.events import LogChunk, Origin, Provenance, Trust, weakest
from schemas.ids import content_id, from_micros, id_of, micros
from schemas.lifecycle import LIFE, Life, draw, is_end, may_move
from schemas.oversight import CatalogueEntry, Control, EntryKind, KillSwitch, SwitchMode
from schemas.partitioning import murmur2, partition_of
from schemas.people import People, Person, Right, Role
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from schemas.services import ConfigSpec, Services, ServiceSpec, start_order
from schemas.signing import is_signed_by, private_bytes, private_key_from, public_text, sign
from schemas.topics import ALL_RECORDS, BY_NAME, TOPIC_OF, TOPICS
from schemas.vocabulary import Group, Kind, Result, group_of, is_asked_first, is_healable, result_from_word
from tests.support.records import AT

KEY = private_key_from(bytes(range(32)))
CHUNK = LogChunk(source="github", project="acme/api", run_id="77", attempt=1, job="build", seq=3, text="x", eof=False, at=AT)


def test_an_id_is_the_same_everywhere() -> None:
    assert content_id("LogChunk", "github", "acme/api", "77", 1, "build", 3) == id_of(CHUNK)
    assert id_of(CHUNK) == "9b76fa19122ca0cf7b11ffb610e6de2c"
    assert content_id("Time", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == content_id("Time", 1_000_000)


def test_a_record_whose_id_was_asked_for_is_the_same_record_and_a_changed_copy_has_an_id_of_its_own() -> None:
    chunk = LogChunk("github", "acme/api", "1", 1, "build", 0, "text", eof=True, at=AT)
    asked, untouched = replace(chunk), replace(chunk)
    assert id_of(asked) == id_of(asked) == content_id(asked.RECORD, *asked.id_fields())
    assert (asked, repr(asked), hash(asked)) == (untouched, repr(untouched), hash(untouched))
    assert id_of(replace(asked, seq=1)) == id_of(replace(untouched, seq=1)) != id_of(asked)


def test_an_id_does_not_depend_on_the_zone_a_time_is_written_in() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5)))
    assert content_id("T", AT) == content_id("T", elsewhere)


@given(st.integers(0, 2**52))
def test_micros_come_back(value: int) -> None:
    assert micros(from_micros(value)) == value


@pytest.mark.parametrize(
    ("key", "expected"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)],
)
def test_murmur2_agrees_with_kafkas_own_vectors(key: bytes, expected: int) -> None:
    assert murmur2(key) == expected & 0xFFFFFFFF
    assert 0 <= partition_of(key, 4) < 4


def test_every_end_of_the_life_table_is_an_outcome_status() -> None:
    ends = {state.value for state in Life if is_end(state)}
    assert ends == {status.value for status in OutcomeStatus} - {"planned"}
    assert may_move(Life.ROLLED_BACK, Life.DECIDED)
    assert not may_move(Life.HEALED, Life.DECIDED)
    assert all(after in LIFE for afters in LIFE.values() for after in afters)
    assert "verifying --> healed" in draw()


def test_every_state_can_be_reached_from_open() -> None:
    reached, todo = {Life.OPEN}, [Life.OPEN]
    while todo:
        fresh = LIFE[todo.pop()] - reached
        reached |= fresh
        todo += list(fresh)
    assert reached == set(Life)


def test_a_signature_holds_for_exactly_its_record_and_key() -> None:
    control = sign(Control(key="killswitch/fleet", by="ada", at=AT, killswitch=KillSwitch(SwitchMode.HALT, "x")), KEY)
    assert is_signed_by(control, public_text(KEY))
    assert not is_signed_by(replace(control, by="eve"), public_text(KEY))
    assert not is_signed_by(control, public_text(Ed25519PrivateKey.generate()))
    assert not is_signed_by(replace(control, signature="?"), public_text(KEY))
    assert private_bytes(KEY) == bytes(range(32))


def test_every_record_has_one_topic_and_the_default_retention_stays_below_five_gigabytes() -> None:
    assert all(record in TOPIC_OF for record in ALL_RECORDS)
    assert sum(topic.retention_bytes * topic.partitions for topic in TOPICS) <= 5 * 10**9
    assert BY_NAME["ci.logs"].partitions == BY_NAME["ci.events"].partitions
    assert len({BY_NAME[name].partitions for name in ("infra.metrics", "infra.health", "infra.alerts")}) == 1
    assert all(topic.partitions == 1 for topic in TOPICS if topic.name.startswith(("learning.", "recovery.outcomes")))


@pytest.mark.parametrize(
    "secret",
    [
        "gh" + "p_" + "a" * 36,
        "gl" + "pat-" + "b" * 20,
        "AK" + "IA" + "C" * 16,
        "xo" + "xb-1234567890-abcdef",
        "npm" + "_" + "d" * 36,
        "ey" + "J" + "a" * 20 + "." + "b" * 20 + "." + "c" * 20,
    ],
)
def test_known_secrets_are_masked(secret: str) -> None:
    assert secret not in redact(f"using {secret} now")


def test_assigned_secrets_and_literals_and_passwords_in_urls_are_masked() -> None:
    text = redact("DB_PASSWORD=hunter22 curl https://joe:pa55word@mirror.example/x corp-literal", ("corp-literal",))
    assert "hunter22" not in text
    assert "pa55word" not in text
    assert "corp-literal" not in text
    assert "mirror.example" in text


def test_ordinary_text_is_left_as_it_is() -> None:
    line = "ERROR: Could not find a version that satisfies the requirement tokenizers==9"
    assert redact(line) == line


def test_the_door_refuses_with_a_short_reason() -> None:
    codec = Codec(ALL_RECORDS)
    reasons = {
        "empty": None,
        "oversized": b"\xc3\x01" + b"x" * MAX_VALUE_BYTES,
        "undecodable": b"junk",
    }
    for reason, raw in reasons.items():
        found = admit_bytes(raw, codec, lambda _record: None)
        assert isinstance(found, Refused)
        assert found.reason == reason
    assert admit_bytes(codec.encode(CHUNK), codec, lambda _record: None) == CHUNK
    wrong = admit_bytes(codec.encode(CHUNK), codec, lambda _record: "seq below 0")
    assert isinstance(wrong, Refused)
    assert wrong.reason == "invalid"


def test_services_start_dependencies_first_and_rings_have_no_order() -> None:
    def service(name: str, *needs: str) -> ServiceSpec:
        return ServiceSpec(name=name, group="shop", argv=("true",), cwd="/", pid_file="p", depends_on=needs)

    known = {spec.name: spec for spec in (service("web", "api"), service("api", "db"), service("db"), service("a", "b"), service("b", "a"))}
    assert start_order(known, "web") == ("db", "api", "web")
    assert start_order(known, "a") is None
    assert start_order(known, "nobody") is None


def test_the_scope_of_a_service_and_its_configuration_is_its_group() -> None:
    web = ServiceSpec(name="web", group="shop", argv=("true",), cwd="/", pid_file="p", configs=("web-conf",))
    catalogue = Services((web,), (ConfigSpec("web-conf", "web", "/x", "/r", "x", "c"),))
    assert catalogue.scope_of("service:web") == "group:shop"
    assert catalogue.scope_of("config:web-conf:/x") == "group:shop"
    assert catalogue.scope_of("host:runner-7") == "host:runner-7"


def test_cards_are_found_by_kind_and_target_type() -> None:
    assert [card.name for card in cards_for(CARDS, Kind.SERVICE_DOWN, "service:web")] == ["service_restart"]
    assert cards_for(CARDS, Kind.TEST_FAILURE, "job:x") == ()
    assert cards_for(CARDS, Kind.SERVICE_DOWN, "job:x") == ()
    assert card_named(CARDS, "nothing") is None
    assert all(len(card.factors) >= 2 for card in CARDS)


def test_no_card_heals_a_kind_that_the_taxonomy_marks_as_not_healable_but_one_that_asks_whether_it_would_come_again() -> None:
    odd = [(card.name, kind) for card in CARDS for kind in sorted(card.heals) if not is_healable(kind)]
    assert odd == [("resolve_retry", Kind.DEPENDENCY_RESOLUTION)]
    assert [card.name for card in CARDS if card.asks_resolver] == ["resolve_retry"]
    assert [kind for kind in Kind if is_asked_first(kind)] == [Kind.DEPENDENCY_RESOLUTION]


def test_groups_and_conclusions_in_both_vocabularies() -> None:
    assert group_of(Kind.DISK_FULL) is Group.INFRA
    assert group_of(Kind.SUCCESS) is Group.NONE
    assert group_of(Kind.UNKNOWN) is Group.UNKNOWN
    assert group_of(Kind.CRASH_LOOP) is Group.RUNTIME
    assert result_from_word("timed_out") is Result.TIMEOUT
    assert result_from_word("Failure") is Result.FAILURE
    assert result_from_word("whatever") is Result.UNKNOWN
    assert result_from_word(None) is Result.UNKNOWN


def test_a_plan_hash_changes_with_any_part_of_the_plan() -> None:
    plan = ("service_restart", 1, "service:web", (("service", "web"),), (("max_services", 8),))
    assert plan_hash_of(*plan) == plan_hash_of(*plan)
    assert plan_hash_of(*plan) != plan_hash_of("service_restart", 2, *plan[2:])


def test_a_derived_record_is_as_weak_as_its_weakest_source() -> None:
    strong = Provenance(Origin.SIGNED_WEBHOOK, Trust.PROTECTED, "ada")
    assert weakest(strong, Provenance(Origin.LOCAL, Trust.FORK)) == Provenance(Origin.LOCAL, Trust.FORK, "ada")


def test_rights_come_from_roles() -> None:
    people = People((Person("ada", frozenset({Role.OPERATOR}), "k"), Person("bob", frozenset({Role.APPROVER}), "k")))
    assert people.may("bob", Right.APPROVE)
    assert not people.may("ada", Right.APPROVE)
    assert not people.may("eve", Right.VIEW)


def entries(**changed: str) -> list[CatalogueEntry]:
    bodies = {
        "policy": policy_body(Policy(fail_after=5)),
        "services": services_body(Services((ServiceSpec("web", "shop", ("true",), "/", "p"),))),
        "people": people_body(People((Person("ada", frozenset({Role.ADMIN}), "k"),))),
        "keys": keys_body(Keys("a", "n")),
    } | changed
    return [sign(CatalogueEntry(name, "v" * 8, EntryKind.CONFIGURATION, body, AT), KEY) for name, body in bodies.items() if body]


def test_the_configuration_comes_back_from_its_signed_entries() -> None:
    found = configuration_from(entries(), public_text(KEY))
    assert isinstance(found, Configuration)
    assert found.policy.fail_after == 5
    assert found.services.services[0].name == "web"
    assert found.people.persons[0].roles == {Role.ADMIN}
    assert found.keys == Keys("a", "n")


def test_a_missing_forged_or_broken_entry_says_so() -> None:
    missing = configuration_from(entries(policy=""), public_text(KEY))
    assert isinstance(missing, str)
    assert "policy" in missing
    forged = [replace(entry, body="{}") for entry in entries()]
    assert isinstance(configuration_from(forged, public_text(KEY)), str)
    assert "cannot be read" in str(configuration_from(entries(people="[{}]"), public_text(KEY)))
