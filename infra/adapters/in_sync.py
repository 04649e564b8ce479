"""Whether a cluster's brokers can spare one of them: its replicas as its own metadata tell. No decision is made here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient


@dataclass(frozen=True, slots=True)
class Replicas:
    """One partition: on which brokers it lies, and on which of them it is in sync."""

    partition: str
    brokers: tuple[int, ...]
    in_sync: tuple[int, ...]


def judge_replicas(alive: Collection[int], partitions: Iterable[Replicas]) -> str:
    """Return why no broker may be started or stopped now, empty when at most one is down and no data hang on that one alone."""
    rows = list(partitions)
    down = sorted({broker for row in rows for broker in row.brokers} - set(alive))
    if len(down) > 1:
        return f"{len(down)} brokers are down: {', '.join(map(str, down))}"
    # What was given one broker only has nowhere else to be in sync.
    lonely = next((row.partition for row in rows if len(row.brokers) > 1 and not set(row.in_sync) & set(alive)), "")
    return f"{lonely} has no replica in sync that lives" if lonely else ""


def why_out_of_sync(brokers: str, timeout_s: float) -> str:
    """Ask a cluster once, by its bootstrap addresses; return why its replicas do not allow it, empty when they do."""
    try:
        client = AdminClient({"bootstrap.servers": brokers, "log_level": 0, "socket.timeout.ms": max(int(timeout_s * 1000), 10)})
        seen = client.list_topics(timeout=timeout_s)
    except (KafkaException, ValueError) as error:
        return f"no broker answers: {error}"
    rows = (
        Replicas(f"{topic.topic}/{number}", tuple(partition.replicas), tuple(partition.isrs))
        for topic in seen.topics.values()
        for number, partition in topic.partitions.items()
    )
    return judge_replicas(seen.brokers, rows)
