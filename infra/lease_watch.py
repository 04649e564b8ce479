"""Follows ``heal.lease`` and ``heal.control`` in a thread of its own, so that a halt is heard while steps run. Called by the executor."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Message

from infra.stop_file import stop_mode
from infra.topic_watch import TopicWatch, from_beginning, from_now
from schemas.avro_codec import Codec
from schemas.control_words import SWITCH_PREFIX, SwitchRow, switch_after, why_not_counted
from schemas.decisions import Oversight
from schemas.errors import UnreachableError
from schemas.oversight import Control, Lease, SwitchMode
from schemas.people import People

LEASE, CONTROL = "heal.lease", "heal.control"
_ANSWER_S = 10.0


class LeaseWatch:
    """The last lease with the monotonic second of its receipt, and what people of ``people`` said: switches that are on, other words."""

    def __init__(self, brokers: str, codec: Codec, people: People, oversight: Oversight, stop_file: Path) -> None:
        """Read control from its beginning, leases from now on."""
        self._codec = codec
        self._people = people
        self._oversight = oversight
        self._stop_file = stop_file
        self._lock = threading.Lock()
        self._lease: tuple[Lease, float] | None = None
        self._controls: dict[str, Control] = {}
        self._switches: dict[str, SwitchRow] = {}
        self._watch = TopicWatch(brokers, "lease", [from_now(LEASE), from_beginning(CONTROL)], self._take)

    def start(self) -> None:
        """Begin to follow."""
        self._watch.start()

    def close(self) -> None:
        """Stop following."""
        self._watch.close()

    @property
    def lease(self) -> tuple[Lease | None, float]:
        """The newest lease and when it was received."""
        with self._lock:
            return self._lease or (None, 0.0)

    @property
    def controls(self) -> Mapping[str, Control]:
        """The newest words that count by key, switches not among them."""
        with self._lock:
            return dict(self._controls)

    @property
    def switches(self) -> tuple[tuple[str, SwitchMode], ...]:
        """The switches that are on, by scope."""
        now = datetime.now(tz=UTC)
        with self._lock:
            return tuple((key.removeprefix(SWITCH_PREFIX), row.mode) for key, row in self._switches.items() if row.is_on(now))

    @property
    def is_stopped(self) -> bool:
        """Whether the stop file halts."""
        return stop_mode(self._stop_file) is SwitchMode.HALT

    def catch_up(self) -> None:
        """Return when control has been read to the end that it has now; raises UnreachableError when the broker does not say."""
        if not self._watch.has_caught_up(_ANSWER_S):
            raise UnreachableError(CONTROL, "it could not be read to its end", "Check the broker; no step starts meanwhile")

    def _take(self, message: Message) -> None:
        value = message.value()
        record = self._codec.decode(value if isinstance(value, bytes) else None)
        with self._lock:
            if isinstance(record, Lease) and (self._lease is None or record.epoch >= self._lease[0].epoch):
                self._lease = (record, time.monotonic())
            elif isinstance(record, Control) and why_not_counted(record, self._people) is None:
                self._hear(record)

    def _hear(self, control: Control) -> None:
        if control.killswitch is None:
            self._controls[control.key] = control
            return
        row = switch_after(self._switches.get(control.key), control, self._oversight, datetime.now(tz=UTC))
        if row is None:
            self._switches.pop(control.key, None)
        elif isinstance(row, SwitchRow):
            self._switches[control.key] = row
