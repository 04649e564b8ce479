"""Our records and Confluent's own serializers read each other through a real Apicurio Registry, and nothing is lost when it is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient, record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from infra.adapters.schema_registry import SchemaRegistry
from infra.kafka import codec_of, deliver, read_to_end
from infra.logins import with_registry
from infra.topics_admin import create_topics
from schemas.avro_codec import Codec, schema_text
from schemas.errors import UnreachableError
from schemas.events import LogChunk
from schemas.ids import id_of
from tests.support.apicurio import apicurio
from tests.support.records import AT

CHUNK = LogChunk(source="github", project="acme/shop", run_id="1", attempt=1, job="build", seq=0, text="hello\n", eof=True, at=AT)
PLACE = SerializationContext("ci.logs", MessageField.VALUE)
BY_RECORD = {"subject.name.strategy": record_subject_name_strategy}
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with apicurio(tmp_path_factory.mktemp("registry")) as url:
        yield url


@pytest.fixture
def client(registry: str) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": registry})


def plain_of(chunk: LogChunk) -> dict[str, Any]:
    """Return what a stranger gives to Confluent's serializer."""
    names = ("source", "project", "run_id", "attempt", "job", "seq", "text", "eof", "at")
    return {name: getattr(chunk, name) for name in names}


def test_confluents_deserializer_reads_what_we_write(registry: str, client: SchemaRegistryClient) -> None:
    raw = Codec([LogChunk], SchemaRegistry(registry)).encode(CHUNK)
    row = AvroDeserializer(client, conf=BY_RECORD)(raw, PLACE)
    assert {name: row[name] for name in plain_of(CHUNK)} == plain_of(CHUNK)
    assert row["id"] == id_of(CHUNK)


def test_we_read_what_confluents_serializer_writes_and_both_have_one_schema_id(registry: str, client: SchemaRegistryClient) -> None:
    codec = Codec([LogChunk], SchemaRegistry(registry))
    raw = AvroSerializer(client, schema_text("LogChunk"), conf=BY_RECORD)(plain_of(CHUNK), PLACE)
    assert codec.decode(raw) == CHUNK
    assert raw[:5] == codec.encode(CHUNK)[:5]


def test_an_older_schema_of_a_stranger_is_found_by_its_id_and_read_as_ours(registry: str, client: SchemaRegistryClient) -> None:
    older = json.loads(schema_text("LogChunk"))
    older["fields"] = [row for row in older["fields"] if row["name"] in plain_of(CHUNK)]
    raw = AvroSerializer(client, json.dumps(older), conf=BY_RECORD)(plain_of(CHUNK), PLACE)
    codec = Codec([LogChunk], SchemaRegistry(registry))
    assert codec.decode(raw) == CHUNK
    assert raw[:5] != codec.encode(CHUNK)[:5]


def test_every_schema_of_ours_is_taken_and_asked_for_again_has_the_same_id(registry: str) -> None:
    numbers = []
    for _ in range(2):
        codec, there = codec_of(f"127.0.0.1:1#registry={registry}"), SchemaRegistry(registry)
        codec.make_ready()
        numbers.append([there.id_of(path.stem) for path in sorted(Path(__file__).parents[2].glob("schemas/avro/*.avsc"))])
    assert numbers[0] == numbers[1]
    assert len(set(numbers[0])) == len(numbers[0]) > 20


def test_a_topic_holds_both_forms_and_with_the_registry_gone_nothing_is_passed_over(registry: str, broker: str) -> None:
    # given a registry of its own that goes away, and one record in each form on the topic
    there = with_registry(broker, {"HEALSTREAM_REGISTRY_URL": registry})
    gone = with_registry(broker, {"HEALSTREAM_REGISTRY_URL": "http://127.0.0.1:9"})
    create_topics(broker)
    other = replace(CHUNK, seq=1)
    deliver(there, [CHUNK], codec_of(there), 60.0)
    deliver(broker, [other], codec_of(broker), 60.0)
    # then a reader with the registry sees both, and one without an answer from it says so instead of leaving a record out
    assert {id_of(record) for record in read_to_end(there, "ci.logs")} >= {id_of(CHUNK), id_of(other)}
    for fails in (lambda: read_to_end(gone, "ci.logs"), lambda: deliver(gone, [CHUNK], codec_of(gone), 60.0)):
        with pytest.raises(UnreachableError, match="does not answer"):
            fails()
