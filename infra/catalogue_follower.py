"""Notices in a thread that one-partition topics have grown, so that a worker takes up what is published without a restart.

Called by ``streams/app.py``. It keeps no records: whoever is told reads the topics, so an idle worker pays for two small questions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog
from confluent_kafka import Consumer, TopicPartition

from infra.kafka import consumer_settings, watermarks
from schemas.errors import HealstreamError, UnreachableError
from schemas.principals import LOOKERS

# A published pattern acts about that long after the broker has it, plus the time that compiling takes.
LOOK_S = 2.0
log = structlog.get_logger()


def follow(brokers: str, topics: Sequence[str], changed: Callable[[], None]) -> None:
    """Start the thread: it calls ``changed`` once at first and after each growth; an error of ours that it raises is logged."""
    threading.Thread(target=_look, args=(brokers, tuple(topics), changed), name="catalogue", daemon=True).start()


def _look(brokers: str, topics: Sequence[str], changed: Callable[[], None]) -> None:
    consumer = Consumer(consumer_settings(brokers, f"{LOOKERS}ends"))
    known: tuple[int, ...] = ()
    while True:
        ends = known
        try:
            ends = tuple(watermarks(consumer, TopicPartition(topic, 0))[1] for topic in topics)
            if ends != known:
                changed()
                known = ends
        except UnreachableError as error:
            log.warning("what is published cannot be read now; it is tried again", why=error.why)
        except HealstreamError as error:
            log.warning("what is published cannot be used; the rules in force stay until it changes", why=error.why)
            known = ends
        time.sleep(LOOK_S)
