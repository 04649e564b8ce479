"""What is still unread: each group's committed offsets, and those in the fenced loops' states, against the last committed records."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from infra.fenced_loop import OFFSET_PREFIX
from infra.kafka import messages_to_end
from infra.state_log import read_entries
from streams.flow import FLOW, Role, stages_of

GROUPS = {"healstream-detect": stages_of(Role.DETECT), "healstream-middle": stages_of(Role.MIDDLE)}
EXECUTOR = "healstream-executor"
_LOOPS = ("admit", "notary")


def last_offsets(brokers: str, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """Return the offset of the last committed record of each partition that has one; markers of transactions do not count."""
    found: dict[tuple[str, int], int] = {}
    for topic in topics:
        for message in messages_to_end(brokers, topic):
            found[topic, int(message.partition() or 0)] = int(message.offset() or 0)
    return found


def unread(brokers: str) -> list[str]:
    """Return one sentence per reader and partition that is not at the end."""
    reads = {group: {topic for stage in stages for topic in stage.reads} for group, stages in GROUPS.items()}
    reads[EXECUTOR] = {"recovery.commands"}
    loops = {stage.name: stage.reads for stage in FLOW if stage.name in _LOOPS}
    ends = last_offsets(brokers, {topic for topics in (*reads.values(), *loops.values()) for topic in topics})
    found: list[str] = []
    for reader, topics in (*reads.items(), *loops.items()):
        at = _applied(brokers, reader) if reader in loops else _committed(brokers, reader)
        for place, last in ends.items():
            if place[0] in topics and at.get(place, -1) < last:
                found.append(f"{reader} has {place[0]}/{place[1]} up to {at.get(place, -1)}, the last record is {last}")
    return found


def _committed(brokers: str, group: str) -> dict[tuple[str, int], int]:
    # Kept in a name: the answer never comes when the client is gone.
    admin = AdminClient({"bootstrap.servers": brokers})
    answer = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(10)
    return {(place.topic, place.partition): place.offset - 1 for place in answer.topic_partitions}


def _applied(brokers: str, loop: str) -> dict[tuple[str, int], int]:
    entries = read_entries(brokers, f"heal.state.{loop}", 0, 30.0)
    rows = ((name.removeprefix(OFFSET_PREFIX), text) for name, text in entries.items() if name.startswith(OFFSET_PREFIX))
    return {(topic, 0): int(text) for topic, text in rows}
