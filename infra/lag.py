"""How far a consumer is behind, as a gauge: shown by the executor and by the fenced loop every few seconds."""

from __future__ import annotations

import time

from confluent_kafka import Consumer

from infra.metrics import Metrics
from schemas.outputs import Gauge

EVERY_S = 2.0


def lags_of(consumer: Consumer) -> dict[str, int]:
    """Return topic -> messages not read yet of a consumer's own partitions, as its last fetches told; asks the broker nothing."""
    found: dict[str, int] = {}
    for place in consumer.position(consumer.assignment()):
        _, high = consumer.get_watermark_offsets(place, cached=True)
        lag = max(0, int(high) - int(place.offset)) if place.offset >= 0 and high >= 0 else 0
        found[place.topic] = found.get(place.topic, 0) + lag
    return found


class LagGauge:
    """Puts the lag into the metrics when it is due."""

    def __init__(self, consumer: Consumer, metrics: Metrics) -> None:
        """Show the first one at once."""
        self._consumer = consumer
        self._metrics = metrics
        self._due_s = 0.0

    def show(self) -> None:
        """Show the lag unless it was shown lately."""
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + EVERY_S
            for topic, lag in lags_of(self._consumer).items():
                self._metrics.apply(Gauge("healstream_consumer_lag_messages", lag, (("topic", topic),)))
