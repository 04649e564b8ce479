"""The few things that every process does with confluent-kafka: settings, sending, and reading a topic to its end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from infra.logins import client_settings, registry_in
from schemas.avro_codec import Codec, Undecodable
from schemas.cdevents import CdEvent
from schemas.errors import UnreachableError
from schemas.ids import Record
from schemas.partitioning import partition_of
from schemas.principals import LOOKERS
from schemas.topics import ALL_RECORDS, BY_NAME, TOPIC_OF, key_of

Settings = dict[str, str | int | float | bool]

# Long enough for a broker that is busy, short enough that a person still waits for the answer.
REACH_TIMEOUT_S = 10.0
_RETRY_S = 0.1
_MEND = "Start it with `healstream up`, or set HEALSTREAM_BROKERS to a broker that runs"


def unreachable(brokers: str, why: str) -> UnreachableError:
    """Return the error for a broker that does not answer."""
    return UnreachableError(f"broker {brokers}", why, _MEND)


def producer_settings(brokers: str) -> Settings:
    """Return the settings of an idempotent producer: nothing lost or doubled by its own retries."""
    return {
        **client_settings(brokers),
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": "lz4",
        "linger.ms": 2,
        "message.max.bytes": 3 * 1024 * 1024,
        "partitioner": "murmur2_random",
        "log_level": 3,
    }


def consumer_settings(brokers: str, group: str) -> Settings:
    """Return the settings of a consumer that sees committed records only and commits by hand."""
    return {
        **client_settings(brokers),
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        # The client does not compare checksums unless it is told to, and the broker sends what its disk gives it.
        "check.crcs": True,
        "log_level": 3,
    }


def codec_of(brokers: str, records: Sequence[type[Record]] = ALL_RECORDS) -> Codec:
    """Return how these records are written and read there: by the registry that the address names, or without one."""
    url = registry_in(brokers)
    if not url:
        return Codec(records)
    # Its client takes longer to load than most commands take, and most have no registry.
    from infra.adapters.schema_registry import SchemaRegistry  # noqa: PLC0415

    return Codec(records, SchemaRegistry(url))


def ready_codec(brokers: str, records: Sequence[type[Record]] = ALL_RECORDS) -> Codec:
    """Return the codec of a process that stays, which needs the registry only for what is new from here on; raises without an answer."""
    codec = codec_of(brokers, records)
    codec.make_ready()
    return codec


@dataclass(frozen=True, slots=True)
class Located:
    """A decoded record (or why it is none) and where it lies."""

    record: Record | Undecodable
    topic: str
    partition: int
    offset: int
    traceparent: str = ""


def header(message: Message, name: str) -> str:
    """Return a header's text, empty when it is missing."""
    found = dict(message.headers() or []).get(name)
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found or "")


def located(message: Message, codec: Codec) -> Located:
    """Decode one message."""
    value = message.value()
    raw = value if isinstance(value, bytes) else None
    place = (str(message.topic()), int(message.partition() or 0), int(message.offset() or 0))
    return Located(codec.decode(raw), *place, traceparent=header(message, "traceparent"))


def headers_of(record: Record, traceparent: str = "") -> list[tuple[str, str | bytes | None]]:
    """Return the headers that every record of ours carries."""
    trace = str(getattr(record, "traceparent", "")) or traceparent
    rows: list[tuple[str, str | bytes | None]] = [("hs-schema", record.RECORD.encode())]
    rows = record.headers() if isinstance(record, CdEvent) else rows
    return [*rows, ("traceparent", trace.encode())] if trace else rows


def value_of(record: Record, codec: Codec) -> bytes:
    """Return what is written of a record: Avro, and of what programs outside read by a specification of their own the JSON of that."""
    return record.body() if isinstance(record, CdEvent) else codec.encode(record)


def destination(record: Record) -> tuple[str, bytes, int]:
    """Return topic, key and partition of a record."""
    topic = TOPIC_OF[type(record)]
    key = key_of(record).encode()
    return topic, key, partition_of(key, BY_NAME[topic].partitions)


def send(producer: Producer, record: Record, codec: Codec, extra: Mapping[str, str] | None = None) -> None:
    """Queue a record for its own topic; the caller flushes and looks at what remains."""
    topic, key, partition = destination(record)
    headers = [*headers_of(record), *((name, text.encode()) for name, text in (extra or {}).items())]
    producer.produce(topic, value_of(record, codec), key, partition, headers=headers)


def deliver(brokers: str, records: Sequence[Record], codec: Codec, deadline_s: float) -> None:
    """Send records and return once the broker has them all; raises UnreachableError with the reason when it has not in time."""
    producer = Producer({**producer_settings(brokers), "message.timeout.ms": int(deadline_s * 1000)})
    refused: list[str] = []

    def hear(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            refused.append(str(error.str()))

    for record in records:
        topic, key, partition = destination(record)
        producer.produce(topic, value_of(record, codec), key, partition, headers=headers_of(record), on_delivery=hear)
        producer.poll(0)
    # A record that was given up is no longer waited for: only its own report tells it from one that arrived.
    waiting = producer.flush(deadline_s + 1)
    if waiting or refused:
        raise unreachable(brokers, f"it did not take {waiting + len(refused)} of {len(records)} records: {(*refused, 'no answer')[0]}")


def watermarks(consumer: Consumer, place: TopicPartition, deadline_s: float = REACH_TIMEOUT_S) -> tuple[int, int]:
    """Return a partition's first and end offset; a partition that has no leader yet is asked again until the deadline.

    Raises UnreachableError when the deadline passes.
    """
    end = time.monotonic() + deadline_s
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=deadline_s)
        except KafkaException as error:
            # Right after a topic's creation or a broker's restart the leader is not known everywhere.
            if time.monotonic() > end:
                raise UnreachableError(f"{place.topic}/{place.partition}", str(error.args[0].str()), "Look at the broker's log") from error
            time.sleep(_RETRY_S)
        else:
            return int(low), int(high)


def _ends(consumer: Consumer, topic: str, brokers: str) -> dict[int, int]:
    """Return partition -> end offset for the partitions that hold anything; the consumer is assigned their beginnings."""
    try:
        known = consumer.list_topics(topic, timeout=REACH_TIMEOUT_S).topics[topic]
    except KafkaException as error:
        raise unreachable(brokers, str(error.args[0].str())) from error
    if known.error is not None:
        raise UnreachableError(f"topic {topic}", known.error.str(), "Create it with `healstream topics create`")
    starts: list[TopicPartition] = []
    ends: dict[int, int] = {}
    for partition in known.partitions:
        low, high = watermarks(consumer, TopicPartition(topic, partition))
        if high > low:
            starts.append(TopicPartition(topic, partition, low))
            ends[partition] = high
    consumer.assign(starts)
    return ends


def messages_to_end(brokers: str, topic: str, deadline_s: float = 30.0) -> Iterator[Message]:
    """Yield every committed message that is in the topic now; raises UnreachableError when the end is not reached in time."""
    # The broker holds a fetch at the end of a topic back for this long, and the end is known only when it answers.
    at_once = {"enable.partition.eof": True, "fetch.wait.max.ms": 10}
    # What fails is raised; beside it the client would report as a failure that we went before all its connections had been made.
    quietly = {"log_level": 0}
    consumer = Consumer({**consumer_settings(brokers, f"{LOOKERS}topic"), **at_once, **quietly})
    try:
        ends = _ends(consumer, topic, brokers)
        end = time.monotonic() + deadline_s
        while ends:
            message = consumer.poll(1.0)
            if time.monotonic() > end:
                raise unreachable(brokers, f"{topic} was not read to its end within {deadline_s:.0f} s")
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message
            elif error.name() == "_PARTITION_EOF":
                ends.pop(int(message.partition() or 0), None)
            else:
                raise unreachable(brokers, error.str())
    finally:
        consumer.close()


def read_to_end(brokers: str, topic: str, deadline_s: float = 30.0) -> list[Record]:
    """Return every record in the topic now, in the order of each partition; what cannot be decoded is left out."""
    codec = codec_of(brokers, BY_NAME[topic].records or ALL_RECORDS)
    found = (located(message, codec).record for message in messages_to_end(brokers, topic, deadline_s))
    return [record for record in found if not isinstance(record, Undecodable)]
