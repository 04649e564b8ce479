"""What a client may really do on a broker, tried by real requests: produce, fetch, keep an offset, own a transactional id.

Each returns the broker's own word for what it refused, and an empty one for what it let be done.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.logins import client_settings

WAIT_S = 60.0


def produce_to(brokers: str, topics: Sequence[str]) -> dict[str, str]:
    """Try to write a record to each topic; return topic -> the broker's word, empty where it took the record."""
    said: dict[str, str] = {}

    def hear(error: KafkaError | None, message: Message) -> None:
        said[str(message.topic())] = error.name() if error is not None else ""

    # Not idempotent: who may write nowhere would not even get the number that its records need, and no record would be tried.
    producer = Producer({**client_settings(brokers), "message.timeout.ms": int(WAIT_S * 1000), "log_level": 0})
    for topic in topics:
        producer.produce(topic, b"tried", b"key", 0, on_delivery=hear)
    producer.flush(WAIT_S)
    return said


def fetch_from(brokers: str, topics: Sequence[str], group: str) -> dict[str, str]:
    """Try to read each topic's first record; return topic -> the broker's word, empty where a record came."""
    settings = {"group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest", "log_level": 0}
    consumer = Consumer({**client_settings(brokers), **settings})
    try:
        known = {topic: consumer.list_topics(topic, timeout=WAIT_S).topics[topic].error for topic in topics}
        said = {topic: error.name() for topic, error in known.items() if error is not None}
        consumer.assign([TopicPartition(topic, 0, 0) for topic in topics if topic not in said])
        end = time.monotonic() + WAIT_S
        while set(topics) - set(said) and time.monotonic() < end:
            message = consumer.poll(1.0)
            error = message.error() if message is not None else None
            if message is not None and message.topic() is not None:
                said[str(message.topic())] = error.name() if error is not None else ""
    finally:
        consumer.close()
    return said


def commit_in(brokers: str, groups: Sequence[str], topic: str) -> dict[str, str]:
    """Try to keep an offset in each group; return group -> the broker's word, empty when the group is no hindrance."""
    # Kept in a name: the answers never come when the client is gone.
    admin = AdminClient({**client_settings(brokers), "log_level": 0})
    said: dict[str, str] = {}
    for group in groups:
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 0)])
        try:
            places = admin.alter_consumer_group_offsets([wanted], request_timeout=WAIT_S)[group].result(WAIT_S).topic_partitions
            errors = [place.error.name() for place in places if place.error is not None]
        except KafkaException as error:
            errors = [str(error.args[0].name())]
        said[group] = "".join(name for name in errors if name != "TOPIC_AUTHORIZATION_FAILED")
    return said


def begin_as(brokers: str, transactional_id: str) -> str:
    """Try to own a transactional id; return the broker's word, empty when it is owned."""
    settings = {**client_settings(brokers), "transactional.id": transactional_id}
    # A refusal is fatal to the client, which would say so on standard error.
    producer = Producer(settings, logger=logging.getLogger("attempts"))
    try:
        producer.init_transactions(WAIT_S)
    except KafkaException as error:
        return str(error.args[0].name())
    return ""


def why_refused(brokers: str) -> str:
    """Try to connect; return the first error that the client reports, empty when it reports none in time."""
    said: list[str] = []
    # Kept in a name: what is heard is told to a client that is there.
    admin = AdminClient({**client_settings(brokers), "log_level": 0, "error_cb": lambda error: said.append(str(error.name()))})  # type: ignore[dict-item] # a callback is one of its settings
    end = time.monotonic() + WAIT_S
    while not said and time.monotonic() < end:
        admin.poll(0.2)
    return next(iter(said), "")
