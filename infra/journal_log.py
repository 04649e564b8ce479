"""The executor's journal as Kafka keeps it: one fenced writer per command partition, read to its own first word by each new owner.

Every append is one transaction; a paused owner that wakes cannot write and hence cannot start the next step.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from infra.kafka import consumer_settings, destination, headers_of, producer_settings, watermarks
from schemas.avro_codec import Codec
from schemas.errors import FencedError, UnreachableError
from schemas.ids import Record, id_of
from schemas.principals import LOOKERS
from schemas.recoveries import JournalKind, JournalRecord

JOURNAL = "recovery.journal"
# Transaction markers take offsets too, so this many offsets hold at least one checkpoint of every 1,000 records.
LOOK_BACK = 4000
READ_DEADLINE_S = 30.0
TRANSACTION_S = 15.0


class JournalWriter:
    """Appends to one journal partition; ``append`` returns only when the records are durable.

    ``mark`` is the owner of the first record that it wrote: who reads up to it has read all that earlier owners wrote.
    """

    def __init__(self, brokers: str, partition: int, codec: Codec) -> None:
        """Fence every earlier owner of the partition, and say so in it."""
        self._partition = partition
        self._codec = codec
        self._lock = threading.Lock()
        settings = {**producer_settings(brokers), "transactional.id": f"healstream-execute-{partition}", "transaction.timeout.ms": 30_000}
        self._producer = Producer(settings)
        self._guard(lambda: self._producer.init_transactions(TRANSACTION_S))
        self.mark = uuid.uuid4().hex
        self.append([JournalRecord("", JournalKind.CHECKPOINT, datetime.now(UTC), owner=self.mark, partition=partition)])

    def append(self, records: Sequence[Record]) -> None:
        """Write journal records to the own partition and others to their topics, together or not at all."""
        with self._lock:
            self._guard(lambda: self._write(records))

    def _write(self, records: Sequence[Record]) -> None:
        self._producer.begin_transaction()
        for record in records:
            topic, key, partition = destination(record)
            place = self._partition if isinstance(record, JournalRecord) else partition
            self._producer.produce(topic, self._codec.encode(record), key, place, headers=headers_of(record))
        self._producer.commit_transaction(TRANSACTION_S)

    def _guard(self, call: Callable[[], object]) -> None:
        # stack.md: the first error that is not definite ends the process; its successor reads what is durable.
        try:
            call()
        except KafkaException as error:
            raise FencedError(
                f"journal partition {self._partition}", str(error), "The process ends; its supervisor starts it anew"
            ) from error


def read_journal(brokers: str, partition: int, codec: Codec, mark: str = "") -> list[JournalRecord]:
    """Return what runs wrote from the last checkpoint's open offset on, first of each id only; with a mark up to that at least.

    Where a reader is told that the stable part ends may lie before a transaction that the broker has still to finish. Raises
    UnreachableError when the end, or the mark, cannot be read.
    """
    consumer = Consumer({**consumer_settings(brokers, f"{LOOKERS}journal"), "isolation.level": "read_committed"})
    try:
        low, high = watermarks(consumer, TopicPartition(JOURNAL, partition), READ_DEADLINE_S)
        start = max(low, high - LOOK_BACK)
        records = _read(consumer, partition, start, codec, mark)
        marks = [record.open_offset for record in records if record.kind is JournalKind.CHECKPOINT and record.open_offset >= 0]
        begin = max(low, min(start, marks[-1])) if marks else low
        if begin < start:
            records = _read(consumer, partition, begin, codec, mark)
    finally:
        consumer.close()
    told = [record for record in records if record.kind is not JournalKind.CHECKPOINT]
    return list({id_of(record): record for record in reversed(told)}.values())[::-1]


def _read(consumer: Consumer, partition: int, start: int, codec: Codec, mark: str) -> list[JournalRecord]:
    place = TopicPartition(JOURNAL, partition, start)
    consumer.assign([place])
    _, end = watermarks(consumer, place, READ_DEADLINE_S)
    records: list[JournalRecord] = []
    is_marked = not mark
    idle = 0
    while _position(consumer, place, start) < end or not is_marked:
        message = consumer.poll(0.5)
        error = message.error() if message is not None else None
        if error is not None:
            raise UnreachableError(f"{JOURNAL}/{partition}", f"it cannot be read: {error.str()}", "Restore the partition from a backup")
        idle = 0 if message is not None else idle + 1
        if idle > READ_DEADLINE_S * 2:
            raise UnreachableError(f"{JOURNAL}/{partition}", "it could not be read to its end", "Check the broker")
        record = codec.decode(message.value()) if message is not None else None
        if isinstance(record, JournalRecord):
            records.append(record)
            is_marked = is_marked or record.owner == mark
    return records


def _position(consumer: Consumer, place: TopicPartition, start: int) -> int:
    offset = consumer.position([place])[0].offset
    return int(offset) if offset >= 0 else start
