"""Follows ``heal.lease`` and ``heal.control`` in a thread of its own, so that a halt is heard while steps run. Called by the executor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, TopicPartition

from infra.kafka import consumer_settings, watermarks
from schemas.avro_codec import Codec
from schemas.errors import UnreachableError
from schemas.oversight import Control, Lease

LEASE, CONTROL = "heal.lease", "heal.control"
_ANSWER_S = 10.0


class LeaseWatch:
    """The last lease with the monotonic second of its receipt, and every control key's newest value that ``is_valid`` accepts."""

    def __init__(self, brokers: str, codec: Codec, is_valid: Callable[[Control], bool], stop_file: Path) -> None:
        """Read control from its beginning, leases from now on."""
        self._codec = codec
        self._is_valid = is_valid
        self._stop_file = stop_file
        self._lock = threading.Lock()
        self._lease: tuple[Lease, float] | None = None
        self._controls: dict[str, Control] = {}
        self._position = 0
        self._ending = threading.Event()
        self._consumer = Consumer({**consumer_settings(brokers, "healstream-lease-watch"), "isolation.level": "read_committed"})
        self._consumer.assign([TopicPartition(LEASE, 0, OFFSET_END), TopicPartition(CONTROL, 0, OFFSET_BEGINNING)])
        self._thread = threading.Thread(target=self._follow, name="lease-watch", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._ending.set()
        self._thread.join(5.0)
        self._consumer.close()

    @property
    def lease(self) -> tuple[Lease | None, float]:
        """The newest lease and when it was received."""
        with self._lock:
            return self._lease or (None, 0.0)

    @property
    def controls(self) -> Mapping[str, Control]:
        """The newest values by key."""
        with self._lock:
            return dict(self._controls)

    @property
    def is_stopped(self) -> bool:
        """Whether the stop file is there."""
        return self._stop_file.exists()

    def catch_up(self) -> None:
        """Return when control has been read to the end that it has now; raises UnreachableError when the broker does not say."""
        place = TopicPartition(CONTROL, 0)
        _, end = watermarks(self._consumer, place, _ANSWER_S)
        until = time.monotonic() + _ANSWER_S
        while self._position < end:
            if time.monotonic() > until:
                raise UnreachableError(CONTROL, "it could not be read to its end", "Check the broker; no step starts meanwhile")
            time.sleep(0.02)

    def _follow(self) -> None:
        place = TopicPartition(CONTROL, 0)
        while not self._ending.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                self._take(message.value())
            self._position = max(self._position, int(self._consumer.position([place])[0].offset))

    def _take(self, raw: bytes | None) -> None:
        record = self._codec.decode(raw)
        with self._lock:
            if isinstance(record, Lease) and (self._lease is None or record.epoch >= self._lease[0].epoch):
                self._lease = (record, time.monotonic())
            elif isinstance(record, Control) and self._is_valid(record):
                self._controls[record.key] = record
