"""Hears pushes on ``ci.events`` from now on, in a thread of its own; asked by ``streams/prober.py``, which then looks at lock files."""

from __future__ import annotations

from collections import deque

from confluent_kafka import OFFSET_END, Message, TopicPartition

from infra.topic_watch import TopicWatch
from schemas.avro_codec import Codec
from schemas.events import PUSHED, WorkflowFinished
from schemas.topics import BY_NAME

TOPIC = "ci.events"
# What is heard while nobody asks: older pushes of a repository are outlived by newer ones.
MOST = 1000


class PushWatch:
    """Keeps what was pushed until it is asked for."""

    def __init__(self, brokers: str) -> None:
        """Prepare; nothing is heard before ``start``."""
        self._codec = Codec([WorkflowFinished])
        self._heard: deque[WorkflowFinished] = deque(maxlen=MOST)
        places = [TopicPartition(TOPIC, number, OFFSET_END) for number in range(BY_NAME[TOPIC].partitions)]
        self._watch = TopicWatch(brokers, "pushes", places, self._take)
        self.start = self._watch.start
        self.close = self._watch.close

    def heard(self) -> list[WorkflowFinished]:
        """Return the pushes since the last call."""
        found: list[WorkflowFinished] = []
        while self._heard:
            found.append(self._heard.popleft())
        return found

    def _take(self, message: Message) -> None:
        value = message.value()
        record = self._codec.decode(value if isinstance(value, bytes) else None)
        # The other records of the topic, and what cannot be read, are for detect, which says so.
        if isinstance(record, WorkflowFinished) and record.workflow == PUSHED:
            self._heard.append(record)
