"""Every record survives the wire, and everything else is refused with a reason."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.avro_codec import Codec, Undecodable, fingerprint_of, schema_text
from schemas.errors import RecordShapeError
from schemas.events import JobStarted, LogChunk
from schemas.ids import Record, id_of
from schemas.topics import ALL_RECORDS, key_of
from schemas.write_avsc import avsc_texts, main
from tests.support.records import AT, any_of

CODEC = Codec(ALL_RECORDS)
CHUNK = LogChunk(source="s", project="p", run_id="1", attempt=1, job="j", seq=0, text="hello", eof=True, at=AT)


@pytest.mark.parametrize("record", ALL_RECORDS, ids=lambda record: record.RECORD)
def test_every_record_comes_back_as_it_was(record: type[Record]) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(any_of(record))
    def round_trip(value: Record) -> None:
        assert CODEC.decode(CODEC.encode(value)) == value
        assert isinstance(key_of(value), str)

    round_trip()


@pytest.mark.parametrize("name", sorted(avsc_texts()))
def test_the_committed_schema_is_the_classes_schema(name: str) -> None:
    assert schema_text(name.removesuffix(".avsc")) == avsc_texts()[name], "run `make schemas` and read the difference"


def test_a_reader_that_knows_only_the_avsc_file_reads_the_record_and_its_id() -> None:
    schema = fastavro.parse_schema(json.loads(schema_text("LogChunk")))
    raw = CODEC.encode(CHUNK)
    plain = cast("dict[str, object]", fastavro.schemaless_reader(io.BytesIO(raw[10:]), schema, None))
    assert raw[:2] == b"\xc3\x01"
    assert plain["text"] == "hello"
    assert plain["id"] == id_of(CHUNK)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_never_raise(raw: bytes) -> None:
    assert isinstance(CODEC.decode(raw), Undecodable)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 400), st.integers(0, 255))
def test_a_cut_or_flipped_record_never_raises(at: int, byte: int) -> None:
    raw = bytearray(CODEC.encode(CHUNK))
    assert isinstance(CODEC.decode(bytes(raw[: at % len(raw)])), Undecodable)
    raw[at % len(raw)] = byte
    CODEC.decode(bytes(raw))


class Registry:
    """A schema registry with one schema."""

    def id_of(self, record: str) -> int | None:
        return 7 if record == "LogChunk" else None

    def schema_of(self, schema_id: int) -> str | None:
        return schema_text("LogChunk") if schema_id == 7 else None


def test_with_a_registry_the_confluent_format_is_written_and_both_are_read() -> None:
    codec = Codec(ALL_RECORDS, Registry())
    raw = codec.encode(CHUNK)
    assert raw[:5] == b"\x00\x00\x00\x00\x07"
    assert codec.decode(raw) == CHUNK
    assert codec.decode(CODEC.encode(CHUNK)) == CHUNK
    assert isinstance(codec.decode(b"\x00\x00\x00\x00\x08" + raw[5:]), Undecodable)
    assert isinstance(CODEC.decode(raw), Undecodable)


def test_a_schema_that_belongs_elsewhere_and_bytes_after_the_end_are_refused() -> None:
    registered = Codec((JobStarted,), Registry())
    assert "does not belong" in str(registered.decode(b"\x00\x00\x00\x00\x07xx"))
    assert "after the record's end" in str(CODEC.decode(CODEC.encode(CHUNK) + b"x"))


def test_a_record_that_does_not_fit_its_schema_is_our_defect_and_says_so() -> None:
    with pytest.raises(RecordShapeError, match="LogChunk"):
        CODEC.encode(replace(CHUNK, seq="three"))  # type: ignore[arg-type]


def test_the_schema_writer_writes_every_file(tmp_path: Path) -> None:
    main(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(avsc_texts())


def test_a_record_of_an_older_schema_is_read_with_defaults() -> None:
    old = json.loads(schema_text("LogChunk"))
    old["fields"] = [field for field in old["fields"] if field["name"] not in {"step", "provenance"}]
    codec = Codec(ALL_RECORDS, older={"LogChunk": [json.dumps(old)]})
    out = io.BytesIO()
    plain = {
        "id": "",
        "source": "s",
        "project": "p",
        "run_id": "1",
        "attempt": 1,
        "job": "j",
        "seq": 0,
        "text": "hello",
        "eof": True,
        "at": AT,
    }
    fastavro.schemaless_writer(out, fastavro.parse_schema(old), plain)
    assert codec.decode(b"\xc3\x01" + fingerprint_of(json.dumps(old)) + out.getvalue()) == CHUNK
