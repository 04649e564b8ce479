"""What the codec and a schema registry say to each other: ids kept, strangers' ids looked up once, and no answer is no broken record."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import fastavro
import httpx
import pytest

from infra.adapters.schema_registry import FORGET_S, SchemaRegistry
from infra.kafka import codec_of
from infra.logins import address_in, address_with, client_settings, registry_in, with_registry
from schemas.avro_codec import Codec, Undecodable, schema_text
from schemas.errors import ConfigurationError, UnreachableError
from schemas.events import Alert, HealthCheck, LogChunk
from tests.support.records import AT

CHUNK = LogChunk(source="s", project="p", run_id="1", attempt=1, job="j", seq=0, text="hello", eof=True, at=AT)
URL = "https://registry.example/apis/ccompat/v7"


@dataclass
class Schemas:
    """A registry as its REST interface shows it; ``status`` is answered instead while it is set, 0 for no answer at all."""

    texts: dict[int, str] = field(default_factory=dict)
    status: int | None = None
    asked: list[str] = field(default_factory=list)
    now: float = 0.0

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if self.status == 0:
            raise httpx.ConnectError("refused")
        if self.status is not None:
            return httpx.Response(self.status, text="no")
        if request.method == "POST":
            text = json.loads(request.content)["schema"]
            self.texts.setdefault(len(self.texts) + 1, text)
            return httpx.Response(200, json={"id": next(number for number, known in self.texts.items() if known == text)})
        text = self.texts.get(int(request.url.path.rpartition("/")[2]))
        return httpx.Response(200, json={"schema": text}) if text else httpx.Response(404, json={"error_code": 40403})

    def registry(self) -> SchemaRegistry:
        return SchemaRegistry(URL, httpx.MockTransport(self.answer), lambda: self.now)


def test_each_schema_is_registered_once_under_its_full_name() -> None:
    there = Schemas()
    codec = Codec([LogChunk, Alert], there.registry())
    raw = [codec.encode(CHUNK) for _ in range(3)]
    assert {value[:5] for value in raw} == {b"\x00\x00\x00\x00\x01"}
    assert codec.decode(raw[0]) == CHUNK
    assert there.asked == ["POST /apis/ccompat/v7/subjects/healstream.LogChunk/versions"]


def test_a_codec_that_is_ready_writes_and_reads_on_when_the_registry_goes() -> None:
    there = Schemas()
    codec = Codec([LogChunk, Alert, HealthCheck], there.registry())
    codec.make_ready()
    there.status = 0
    assert codec.decode(codec.encode(CHUNK)) == CHUNK
    assert len(there.asked) == 3


def test_what_is_written_without_a_registry_is_read_with_one_and_the_other_way_round_by_the_id() -> None:
    there = Schemas()
    ours, theirs = Codec([LogChunk]), Codec([LogChunk], there.registry())
    assert theirs.decode(ours.encode(CHUNK)) == CHUNK
    assert theirs.at_rest(theirs.encode(CHUNK)) == ours.encode(CHUNK)
    assert theirs.at_rest(ours.encode(CHUNK)) == ours.encode(CHUNK)
    assert ours.decode(theirs.encode(CHUNK)) == Undecodable("unknown schema id 1")


def test_a_strangers_schema_is_looked_up_once_and_its_record_becomes_ours() -> None:
    # given an older producer whose schema lacks what may be left out
    older = json.loads(schema_text("LogChunk"))
    older["fields"] = [row for row in older["fields"] if row["name"] not in {"step", "stream", "provenance"}]
    there, out = Schemas({7: json.dumps(older)}), io.BytesIO()
    plain = {name: getattr(CHUNK, name) for name in ("source", "project", "run_id", "attempt", "job", "seq", "text", "eof", "at")}
    fastavro.schemaless_writer(out, fastavro.parse_schema(older), plain)
    codec = Codec([LogChunk], there.registry())
    for _ in range(3):
        assert codec.decode(b"\x00\x00\x00\x00\x07" + out.getvalue()) == CHUNK
    assert there.asked == ["GET /apis/ccompat/v7/schemas/ids/7"]


def test_an_id_that_nobody_knows_is_not_asked_for_again_for_a_while() -> None:
    there = Schemas()
    codec = Codec([LogChunk], there.registry())
    raw = b"\x00\x00\x00\x00\x09" + b"x" * 20
    for there.now in (0.0, 1.0, FORGET_S - 1, FORGET_S + 1):
        assert codec.decode(raw) == Undecodable("unknown schema id 9")
    assert len(there.asked) == 2


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '"string"',
        '{"name": "LogChunk"}',
        '{"type": "record", "name": "LogChunk", "fields": [{"name": "a", "type": "nobody.Knows"}]}',
        '{"type": "record", "name": "LogChunk", "fields": [{"name": "source", "type": "double"}]}',
        '{"type": "record", "name": "Stranger", "fields": []}',
    ],
)
def test_a_schema_that_cannot_become_ours_makes_its_records_undecodable_and_nothing_raises(text: str) -> None:
    codec = Codec([LogChunk], Schemas({3: text}).registry())
    for body in (b"", b"\x00" * 8, b"\xff" * 40):
        assert isinstance(codec.decode(b"\x00\x00\x00\x00\x03" + body), Undecodable)


@pytest.mark.parametrize("status", [0, 500, 503, 401, 200])
def test_no_answer_raises_in_both_directions_with_what_to_do(status: int) -> None:
    codec = Codec([LogChunk], Schemas(status=status).registry())
    for call in (codec.make_ready, lambda: codec.encode(CHUNK), lambda: codec.decode(b"\x00\x00\x00\x00\x03rest")):
        with pytest.raises(UnreachableError, match="HEALSTREAM_REGISTRY_URL"):
            call()


@pytest.mark.parametrize("status", [409, 422])
def test_a_registry_that_holds_our_schema_against_its_rules_is_named(status: int) -> None:
    with pytest.raises(ConfigurationError, match=r"does not take the schema of healstream\.LogChunk"):
        Codec([LogChunk], Schemas(status=status).registry()).make_ready()


def test_the_address_carries_the_registry_beside_the_login() -> None:
    told = {"HEALSTREAM_BROKERS": "127.0.0.1:9092", "HEALSTREAM_REGISTRY_URL": "http://127.0.0.1:8080/apis/ccompat/v7"}
    brokers = address_in(told)
    assert registry_in(brokers) == told["HEALSTREAM_REGISTRY_URL"]
    assert client_settings(brokers) == {"bootstrap.servers": "127.0.0.1:9092"}
    # A child is told the whole address by one variable.
    assert address_in({"HEALSTREAM_BROKERS": brokers}) == brokers
    assert registry_in(address_with(brokers, Path("/x.login"))) == told["HEALSTREAM_REGISTRY_URL"]
    assert registry_in("127.0.0.1:9092") == ""
    assert codec_of("127.0.0.1:9092", [LogChunk]).encode(CHUNK)[:2] == b"\xc3\x01"


@pytest.mark.parametrize(
    "url",
    [
        "http://registry.example",
        "registry.example:8080",
        "https://",
        "https://me:s3cret@registry.example",
        "https://x.example/?a=b",
        "http://[",
        "ftp://127.0.0.1/",
    ],
)
def test_an_address_that_may_not_be_asked_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="HEALSTREAM_REGISTRY_URL") as told:
        with_registry("127.0.0.1:9092", {"HEALSTREAM_REGISTRY_URL": url})
    assert "s3cret" not in str(told.value)
