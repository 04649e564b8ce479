"""Keeps the read model in step with the topics: from where it stood, batch by batch, from a thread of its own; and builds it anew.

Rows and offsets are one transaction of ``store.take``, so where it was stopped it goes on.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from console.site.store import TOPICS, Message, offsets_in, take
from console.site.tables import connect, forget, times_built
from infra.kafka import codec_of, consumer_settings, messages_to_end, watermarks
from schemas.avro_codec import Codec
from schemas.errors import HealstreamError, StaleError
from schemas.principals import LOOKERS
from schemas.topics import BY_NAME

BATCH, POLL_S, STOP_S, AGAIN_S = 1_000, 0.2, 10.0, 5.0
Place = tuple[str, int]


def rebuild(brokers: str, path: Path) -> int:
    """Throw the read model away and build it from the topics; returns how many messages were read; raises UnreachableError.

    A page that follows meanwhile begins anew too, and takes its part of the work.
    """
    codec = codec_of(brokers)
    with closing(connect(path)) as base:
        forget(base)
        built = times_built(base)
        return sum(_take_all(base, messages_to_end(brokers, topic, 600.0), built, codec) for topic in TOPICS)


def _take_all(base: sqlite3.Connection, messages: Iterable[KafkaMessage], built: int, codec: Codec) -> int:
    found, count = (_message(message, codec) for message in messages), 0
    while batch := list(islice(found, BATCH)):
        take(base, batch, built)
        count += len(batch)
    return count


def _message(found: KafkaMessage, codec: Codec) -> Message:
    value, key = found.value(), found.key()
    # Kept as what is read without a registry: the page must open when there is none.
    raw = codec.at_rest(value) if isinstance(value, bytes) else b""
    name = key.decode("utf-8", "replace") if isinstance(key, bytes) else ""
    return Message(str(found.topic()), int(found.partition() or 0), int(found.offset() or 0), raw, name)


def is_of_other_topics(stored: dict[Place, int], ends: dict[Place, int]) -> bool:
    """Tell whether more was read than there is: the topics were made anew, and what was kept is of others."""
    return any(stored.get(place, 0) > end for place, end in ends.items())


class Feed:
    """Follows the topics until it is closed; when it cannot go on, ``on_end`` hears why, and it tries again after ``AGAIN_S`` seconds."""

    def __init__(self, brokers: str, path: Path, on_end: Callable[[Exception], None]) -> None:
        """Prepare; nothing is read before ``start``."""
        self._brokers, self._path, self._on_end = brokers, path, on_end
        self._codec = codec_of(brokers)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="site-feed", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the batch that is being taken."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self._follow()
            except (HealstreamError, KafkaException, sqlite3.Error, OSError) as error:
                self._on_end(error)
                self._ending.wait(AGAIN_S)

    def _follow(self) -> None:
        consumer = Consumer(consumer_settings(self._brokers, f"{LOOKERS}site"))
        try:
            places = [(name, number) for name in TOPICS for number in range(BY_NAME[name].partitions)]
            ends = {place: watermarks(consumer, TopicPartition(*place))[1] for place in places}
            with closing(connect(self._path)) as base:
                if is_of_other_topics(offsets_in(base), ends):
                    forget(base)
                built, stored = times_built(base), offsets_in(base)
                consumer.assign([TopicPartition(*place, stored.get(place, OFFSET_BEGINNING)) for place in places])
                with suppress(StaleError):
                    for batch in self._batches(consumer):
                        take(base, batch, built)
        finally:
            consumer.close()

    def _batches(self, consumer: Consumer) -> Iterator[list[Message]]:
        while not self._ending.is_set():
            found = [message for message in consumer.consume(BATCH, POLL_S) if message.error() is None]
            if found:
                yield [_message(message, self._codec) for message in found]
