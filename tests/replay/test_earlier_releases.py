"""Records across an upgrade: what the release before wrote is read, and what it could have said is written so that it can read it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import fastavro
import pytest

from schemas.avro_codec import Codec, Undecodable, earlier_texts, fingerprint_of, schema_text
from schemas.ids import Record
from schemas.oversight import Acknowledgement, Control, Feedback, KillSwitch, SwitchMode
from schemas.signing import is_signed_by, private_key_from, public_text, sign
from schemas.topics import ALL_RECORDS

CODEC = Codec(ALL_RECORDS)
NOW = datetime(2026, 1, 2, tzinfo=UTC)
KEY = private_key_from(bytes(range(32)))
# One file a release: records that its own code encoded.
STORED = sorted((Path(__file__).parent / "records").glob("*.json"))
ROWS = [(path.stem, row["record"], bytes.fromhex(row["raw"])) for path in STORED for row in json.loads(path.read_text(encoding="utf-8"))]


def test_records_of_every_kind_are_stored_of_an_earlier_release() -> None:
    assert {name for _, name, _ in ROWS} == {record.RECORD for record in ALL_RECORDS}


@pytest.mark.parametrize(("release", "name"), sorted({(release, name) for release, name, _ in ROWS}))
def test_what_an_earlier_release_wrote_is_read_and_written_again_to_the_very_same_bytes(release: str, name: str) -> None:
    for raw in (raw for one, record, raw in ROWS if (one, record) == (release, name)):
        found = CODEC.decode(raw)
        assert not isinstance(found, Undecodable), found
        assert CODEC.encode(found) == raw


@pytest.mark.parametrize("name", sorted(earlier_texts()))
def test_fields_were_only_added_and_each_has_a_value_that_says_nothing(name: str) -> None:
    new = json.loads(schema_text(name))["fields"]
    for text in earlier_texts()[name]:
        old = json.loads(text)["fields"]
        assert new[: len(old)] == old
        assert all("default" in field for field in new[len(old) :])


HALT = sign(Control("killswitch/fleet", "ada", NOW, killswitch=KillSwitch(SwitchMode.HALT, "drill")), KEY)


@pytest.mark.parametrize(
    ("record", "is_for_both"),
    [
        (HALT, True),
        (replace(HALT, ack=Acknowledgement("mine")), False),
        (Feedback("i", "person", "ada", NOW, correct=True), True),
        (Feedback("i", "person", "ada", NOW, correct=True, note="seen"), False),
    ],
)
def test_a_record_that_says_nothing_new_is_read_by_who_knows_only_the_earlier_schema(record: Record, is_for_both: bool) -> None:
    raw, before = CODEC.encode(record), earlier_texts()[record.RECORD][-1]
    assert (raw[2:10] == fingerprint_of(before)) is is_for_both
    assert (raw[2:10] == fingerprint_of(schema_text(record.RECORD))) is not is_for_both
    assert CODEC.decode(raw) == record
    if is_for_both:
        body = io.BytesIO(raw[10:])
        fastavro.schemaless_reader(body, fastavro.parse_schema(json.loads(before)), None)
        assert body.read() == b""


def test_a_word_that_went_by_the_earlier_schema_is_still_signed() -> None:
    found = CODEC.decode(CODEC.encode(HALT))
    assert isinstance(found, Control)
    assert is_signed_by(found, public_text(KEY))
