"""Reads topics for people: once to their end, or following them from a thread of its own; called by the commands and the demo."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from console.readmodel import TOPICS_READ, ReadModel
from infra.kafka import codec_of, consumer_settings, located, read_to_end
from schemas.avro_codec import Undecodable
from schemas.ids import Record
from schemas.principals import LOOKERS
from schemas.topics import BY_NAME

T = TypeVar("T")
# A record ends the wait at once; only the end of following waits for it.
POLL_S = 1.0


def read_model(brokers: str, deadline_s: float = 30.0) -> ReadModel:
    """Return everything that the topics hold now; raises UnreachableError."""
    model = ReadModel()
    for topic in TOPICS_READ:
        model.apply_all(read_to_end(brokers, topic, deadline_s))
    return model


class Follower:
    """Follows topics from their beginning and keeps what it read; ``wait_for`` looks again whenever something came."""

    def __init__(self, brokers: str, topics: Sequence[str], take: Callable[[Record], None]) -> None:
        """Prepare; ``take`` is called from the following thread."""
        self._codec = codec_of(brokers)
        self._take = take
        self._ending = threading.Event()
        self._came = threading.Condition()
        self._consumer = Consumer(consumer_settings(brokers, f"{LOOKERS}follower"))
        places = [TopicPartition(name, number, OFFSET_BEGINNING) for name in topics for number in range(BY_NAME[name].partitions)]
        self._consumer.assign(places)
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def end(self) -> None:
        """Let everybody who waits go at once, with what there is."""
        self._ending.set()
        with self._came:
            self._came.notify_all()

    def close(self) -> None:
        """Stop following."""
        self.end()
        if self._thread.is_alive():
            self._thread.join(5.0)
        self._consumer.close()

    def wait_for(self, look: Callable[[], T | None], deadline_s: float) -> T | None:
        """Return what ``look`` finds, asking again with every record, None after the deadline."""
        end = time.monotonic() + deadline_s
        with self._came:
            while True:
                found = look()
                rest = end - time.monotonic()
                if found is not None or rest <= 0 or self._ending.is_set():
                    return found
                self._came.wait(min(rest, 0.2))

    def _follow(self) -> None:
        while not self._ending.is_set():
            message = self._consumer.poll(POLL_S)
            if message is None or message.error() is not None:
                continue
            record = located(message, self._codec).record
            if isinstance(record, Undecodable):
                continue
            with self._came:
                self._take(record)
                self._came.notify_all()
