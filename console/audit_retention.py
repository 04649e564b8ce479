"""Does the broker keep the audit for as long as we say it does? Asked by ``healstream audit verify``."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined] # they are public and not listed

from infra.kafka import REACH_TIMEOUT_S, unreachable
from infra.logins import client_settings
from schemas.topics import Topic

_FOREVER = -1


def retention_faults(topic: Topic, settings: Mapping[str, str]) -> list[str]:
    """Return in what a topic's settings keep less than the table of topics says; -1 is for ever."""
    promised = {"retention.ms": topic.retention_s * 1000, "retention.bytes": topic.retention_bytes}
    kept = {name: int(settings.get(name, _FOREVER)) for name in promised}
    less = [
        f"{topic.name}: {name} is {kept[name]}, {least} is promised: records go before their time"
        for name, least in promised.items()
        if kept[name] != _FOREVER and kept[name] < least
    ]
    compacts = "compact" in settings.get("cleanup.policy", "delete")
    return [*less, *([f"{topic.name}: it is compacted: records go before their time"] if compacts and not topic.compacted else [])]


def settings_of(brokers: str, topic: Topic) -> dict[str, str]:
    """Return a topic's settings as the broker has them; raises UnreachableError."""
    wanted = ConfigResource(ResourceType.TOPIC, topic.name)
    admin = AdminClient({**client_settings(brokers), "log_level": 3})
    try:
        found = admin.describe_configs([wanted], request_timeout=REACH_TIMEOUT_S)[wanted].result(REACH_TIMEOUT_S)
    except KafkaException as error:
        raise unreachable(brokers, str(error.args[0].str())) from error
    return {str(name): str(row.value) for name, row in found.items()}
