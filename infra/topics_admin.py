"""Create the topics of ``schemas/topics.py`` and say what is missing; the only place that creates any."""

from __future__ import annotations

import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.kafka import REACH_TIMEOUT_S, unreachable
from infra.logins import client_settings
from schemas.errors import UnreachableError
from schemas.topics import MAX_RECORD_BYTES, TOPICS, Topic


def topic_settings(topic: Topic) -> dict[str, str]:
    """Return a topic's broker-side configuration."""
    rows = {"max.message.bytes": str(MAX_RECORD_BYTES + 64 * 1024), "message.timestamp.type": "CreateTime"}
    if topic.compacted:
        kept = {"min.compaction.lag.ms": str(topic.whole_for_s * 1000)}
        return rows | kept | {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.3", "segment.ms": "3600000"}
    return rows | {"retention.ms": str(topic.retention_s * 1000), "retention.bytes": str(topic.retention_bytes)}


def topic_problems(brokers: str) -> list[str]:
    """Return one line per topic that is missing or has another partition count; raises UnreachableError without a broker."""
    admin = AdminClient({**client_settings(brokers), "log_level": 3})
    try:
        known = admin.list_topics(timeout=REACH_TIMEOUT_S).topics
    except KafkaException as error:
        raise unreachable(brokers, str(error.args[0].str())) from error
    missing = [f"topic {topic.name} is missing" for topic in TOPICS if topic.name not in known]
    other = [
        f"topic {topic.name} has {len(known[topic.name].partitions)} partitions, {topic.partitions} are needed"
        for topic in TOPICS
        if topic.name in known and len(known[topic.name].partitions) != topic.partitions
    ]
    return missing + other


def create_topics(brokers: str, replication: int = 1) -> list[str]:
    """Create what is missing and return its names; raises UnreachableError when the broker refuses."""
    missing = topics_missing(brokers)
    wanted = [
        NewTopic(topic.name, topic.partitions, replication, config=topic_settings(topic)) for topic in TOPICS if topic.name in missing
    ]
    if not wanted:
        return []
    admin = AdminClient({**client_settings(brokers), "log_level": 3})
    for name, done in admin.create_topics(wanted).items():
        try:
            done.result(REACH_TIMEOUT_S)
        except KafkaException as error:
            raise UnreachableError(
                f"topic {name}", str(error.args[0].str()), "Mend the cause and run `healstream topics create`"
            ) from error
    _wait_seen(admin, missing)
    return sorted(missing)


def topics_missing(brokers: str) -> set[str]:
    """Return the topics that are not there; raises UnreachableError without a broker."""
    return {problem.split()[1] for problem in topic_problems(brokers) if problem.endswith("is missing")}


def _wait_seen(admin: AdminClient, names: set[str]) -> None:
    # A created topic reaches the metadata a moment after its creation was answered; whoever starts next must find it.
    end = time.monotonic() + REACH_TIMEOUT_S
    while not names <= set(admin.list_topics(timeout=REACH_TIMEOUT_S).topics):
        if time.monotonic() > end:
            raise UnreachableError(f"topic {min(names)}", "it was created and is not seen", "Run `healstream topics check` in a moment")
        admin.poll(0.05)


def require_topics(brokers: str) -> None:
    """Return only when every topic is there as it should be; raises UnreachableError that names those that are not."""
    problems = topic_problems(brokers)
    if problems:
        raise UnreachableError(f"broker {brokers}", "; ".join(problems), "Create them with `healstream topics create`")
