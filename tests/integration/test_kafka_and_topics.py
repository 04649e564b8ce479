"""Topics are created from the table and only from it; records are read to the end, committed ones only."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.adapters.checks import Checks
from infra.broker.server import free_ports
from infra.catalogue_reader import read_configuration
from infra.kafka import messages_to_end, producer_settings, read_to_end, send
from infra.topics_admin import create_topics, require_topics, topic_problems
from schemas.avro_codec import Codec
from schemas.configuration import Keys, keys_body, people_body, policy_body, services_body
from schemas.errors import UnreachableError
from schemas.events import HealthCheck, HealthStatus
from schemas.oversight import CatalogueEntry, EntryKind
from schemas.partitioning import partition_of
from schemas.people import People
from schemas.policy import Policy
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Services
from schemas.signing import public_text, sign
from schemas.topics import ALL_RECORDS, TOPICS
from tests.support.records import AT

CODEC = Codec(ALL_RECORDS)


@pytest.fixture(scope="module")
def topics(broker: str) -> str:
    create_topics(broker)
    return broker


def test_a_broker_without_topics_is_named_with_what_is_missing_and_how_to_mend_it(broker: str) -> None:
    create_topics(broker)
    admin = AdminClient({"bootstrap.servers": broker})
    admin.delete_topics(["heal.cdevents"])["heal.cdevents"].result(10)
    end = time.monotonic() + 20
    while not topic_problems(broker) and time.monotonic() < end:
        admin.poll(0.05)  # deletion reaches the metadata a moment after it is accepted
    with pytest.raises(UnreachableError, match=r"topic heal\.cdevents is missing.*healstream topics create"):
        require_topics(broker)
    assert create_topics(broker) == ["heal.cdevents"]
    assert topic_problems(broker) == []


def test_every_topic_has_the_tables_partitions_and_retention(topics: str) -> None:
    admin = AdminClient({"bootstrap.servers": topics})
    known = admin.list_topics(timeout=10).topics
    assert {topic.name: topic.partitions for topic in TOPICS} == {topic.name: len(known[topic.name].partitions) for topic in TOPICS}


def test_a_cluster_is_asked_whether_it_can_spare_a_broker_and_one_that_is_silent_cannot(topics: str) -> None:
    [port] = free_ports(1)
    assert Checks().passes(ProbeSpec("sync", ProbeKind.IN_SYNC, topics, timeout_s=10.0))
    assert not Checks().passes(ProbeSpec("sync", ProbeKind.IN_SYNC, f"127.0.0.1:{port}", timeout_s=0.5))


def test_a_record_goes_to_its_keys_murmur2_partition_and_comes_back(topics: str) -> None:
    check = HealthCheck("service:kafka-test", "tcp", HealthStatus.PASS, AT)
    producer = Producer(producer_settings(topics))
    send(producer, check, CODEC)
    assert producer.flush(30) == 0
    places = [message.partition() for message in messages_to_end(topics, "infra.health") if CODEC.decode(message.value()) == check]
    assert places == [partition_of(b"service:kafka-test", 4)]


def test_an_aborted_record_is_never_read(topics: str) -> None:
    producer = Producer({**producer_settings(topics), "transactional.id": "aborting"})
    producer.init_transactions(30)
    producer.begin_transaction()
    lost = HealthCheck("service:aborted", "tcp", HealthStatus.FAIL, AT)
    send(producer, lost, CODEC)
    producer.flush(30)
    producer.abort_transaction(30)
    assert lost not in read_to_end(topics, "infra.health")


def test_a_broker_that_is_not_there_is_named_with_the_next_command() -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(UnreachableError, match="healstream up"):
        require_topics(address)


def test_the_configuration_is_read_from_the_signed_entries_and_its_absence_is_explained(topics: str) -> None:
    key = Ed25519PrivateKey.generate()
    with pytest.raises(UnreachableError, match="no signed entry"):
        read_configuration(topics, public_text(key), deadline_s=0.1)
    bodies = {"policy": policy_body(Policy()), "services": services_body(Services())}
    bodies |= {"people": people_body(People()), "keys": keys_body(Keys("a", "b"))}
    producer = Producer(producer_settings(topics))
    for name, body in bodies.items():
        send(producer, sign(CatalogueEntry(name, "1", EntryKind.CONFIGURATION, body, AT), key), CODEC)
    assert producer.flush(30) == 0
    assert read_configuration(topics, public_text(key)).keys == Keys("a", "b")
