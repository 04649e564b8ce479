"""Hears what is written to a few partitions in a thread of its own, and says when all that one of them held has been taken.

The executor's ``LeaseWatch`` and ``DetectionWatch`` stand on it: they decide nothing until they have heard everything that was said.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, Message, TopicPartition

from infra.kafka import consumer_settings, watermarks
from schemas.principals import LOOKERS

# A record ends the wait at once; only the end of following waits for it.
_POLL_S = 1.0


def from_beginning(topic: str) -> TopicPartition:
    """Return the only partition of a topic, to be heard from its first record on."""
    return TopicPartition(topic, 0, OFFSET_BEGINNING)


def from_now(topic: str) -> TopicPartition:
    """Return the only partition of a topic, to be heard from now on."""
    return TopicPartition(topic, 0, OFFSET_END)


class TopicWatch:
    """Gives each record to ``take`` in its thread; the last of ``places`` is the one whose end is asked for."""

    def __init__(self, brokers: str, name: str, places: Sequence[TopicPartition], take: Callable[[Message], None]) -> None:
        """Prepare under a name of its own; nothing is heard before ``start``."""
        self._take = take
        self._asked = places[-1]
        # From its beginning nothing has been missed yet; from now on the broker has to say first where that is.
        self._position = 0 if self._asked.offset == OFFSET_BEGINNING else -1
        self._ending = threading.Event()
        settings = consumer_settings(brokers, f"{LOOKERS}{name}")
        # The end of the partition is reported, so that markers and compacted gaps behind the last word are passed too.
        self._consumer = Consumer({**settings, "enable.partition.eof": True})
        self._consumer.assign(list(places))
        # A consumer serves one caller at a time: asking the one that follows would wait for a gap between its polls.
        self._asker = Consumer(settings)
        self._asking = threading.Lock()
        self._thread = threading.Thread(target=self._follow, name=f"{name}-watch", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._ending.set()
        self._thread.join(5.0)
        self._consumer.close()
        self._asker.close()

    def has_caught_up(self, answer_s: float) -> bool:
        """Tell whether all that is there by now was taken within so many seconds; raises UnreachableError when the broker does not say."""
        until = time.monotonic() + answer_s
        with self._asking:
            _, end = watermarks(self._asker, TopicPartition(self._asked.topic, 0), answer_s)
        while self._position < end:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def _follow(self) -> None:
        while not self._ending.is_set():
            message = self._consumer.poll(_POLL_S)
            if message is None:
                continue
            error = message.error()
            if error is None:
                self._take(message)
            if message.topic() == self._asked.topic and (error is None or error.code() == KafkaError._PARTITION_EOF):  # noqa: SLF001 - its public name
                self._position = max(self._position, int(message.offset() or 0) + (error is None))
