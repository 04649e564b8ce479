"""Reads one partition of a compacted state topic to its end: what a stage's new owner begins from."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka.cimpl import OFFSET_BEGINNING, TopicPartition

from infra.kafka import watermarks
from infra.logins import client_settings
from schemas.errors import UnreachableError
from schemas.principals import LOOKERS

_BATCH = 1000


def read_entries(brokers: str, topic: str, partition: int, deadline_s: float, mark: tuple[str, str] | None = None) -> dict[str, str]:
    """Return the newest text of each key in the partition; raises UnreachableError when its end is not reached in time.

    An owner that has just written a mark reads until it sees it: where the stable part is told to end may lie before a transaction
    that the broker has still to finish.
    """
    ends_at = time.monotonic() + deadline_s
    consumer = Consumer(
        {
            **client_settings(brokers),
            "group.id": f"{LOOKERS}state",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    place = TopicPartition(topic, partition, OFFSET_BEGINNING)
    entries: dict[str, str] = {}
    try:
        low, high = watermarks(consumer, place, deadline_s)
        consumer.assign([place])
        # The position, not the last record's offset, is compared: compaction and aborted records leave gaps at the end.
        at = low
        while at < high or (mark and entries.get(mark[0]) != mark[1]):
            _take(consumer.consume(_BATCH, 0.2), entries)
            position = consumer.position([place])[0].offset
            at = max(at, position)
            if time.monotonic() > ends_at:
                raise UnreachableError(topic, f"the state was not read to its end within {deadline_s:g} s", "Look at the broker's log")
    except KafkaException as error:
        raise UnreachableError(topic, str(error), "Start the broker and run `healstream topics create`") from error
    finally:
        consumer.close()
    return entries


def _take(messages: list[Message], entries: dict[str, str]) -> None:
    for message in messages:
        if message.error() is not None:
            raise KafkaException(message.error())
        name = bytes(message.key() or b"").decode()
        value = message.value()
        if value is None:
            entries.pop(name, None)
        else:
            entries[name] = bytes(value).decode()
