"""Records to Kafka with each one's acknowledgement awaited: how an event loop produces with a client that lives in threads.

``deliver`` returns only when the broker has every record. A record that was given up may have arrived all the same: its id tells.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.kafka import codec_of, destination, headers_of, producer_settings
from schemas.avro_codec import Codec
from schemas.errors import BusyError, UnreachableError
from schemas.ids import Record

# A sender waits about ten seconds for its answer; the broker gets less.
ACKNOWLEDGE_S = 5.0
MAX_WAITING = 5_000
MAX_WAITING_KIB = 64 * 1024
# It returns at once when something is reported; this only bounds how late a stop is seen.
_POLL_S = 1.0
_ASK_S = 1.0
# What a broker that is not there is called; any other word is about one record.
_AWAY = frozenset({"_MSG_TIMED_OUT", "_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT"})
_MEND = "Send the same again; `healstream status` says whether the broker runs"


@dataclass(slots=True)
class _Left:
    """How many records of one delivery have not been reported yet, and the first reason against one."""

    count: int
    why: str = ""

    def is_last(self, error: KafkaError | None) -> bool:
        """Take one report in; tell whether all are there."""
        self.count -= 1
        self.why = self.why or (str(error.str()) if error is not None else "")
        return self.count == 0


def _settle(done: asyncio.Future[str], why: str) -> None:
    # Whoever waited may have gone: a sender that hung up.
    if not done.done():
        done.set_result(why)


class Outbox:
    """One idempotent producer with a thread that hears acknowledgements; used from one event loop."""

    def __init__(self, brokers: str, acknowledge_s: float = ACKNOWLEDGE_S, codec: Codec | None = None) -> None:
        """Connect in the background; nothing is sent yet."""
        self._codec = codec or codec_of(brokers)
        limits = {"queue.buffering.max.messages": MAX_WAITING, "queue.buffering.max.kbytes": MAX_WAITING_KIB}
        self._fatal = ""
        self._refused = ""
        self._producer = Producer(
            {
                **producer_settings(brokers),
                **limits,
                # The default keeps a sender waiting for company that a single webhook does not have.
                "linger.ms": 1,
                # A broker that is away is said by ``fault``, once and in our words.
                "log_level": 2,
                "message.timeout.ms": int(acknowledge_s * 1000),
                "error_cb": self._on_error,
            }
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="outbox", daemon=True)
        self._thread.start()

    async def deliver(self, records: Sequence[Record]) -> None:
        """Return when Kafka has acknowledged all; raises BusyError when the queue is full, UnreachableError when it has not in time."""
        if not records:
            return
        if self.fault():
            raise UnreachableError("the broker", self.fault(), _MEND)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str] = loop.create_future()
        left = _Left(len(records))

        def hear(error: KafkaError | None, _message: Message) -> None:
            # In the polling thread, one report after the other.
            self._refused = f"the broker takes nothing: {error.str()}" if error is not None and error.name() in _AWAY else ""
            if left.is_last(error):
                loop.call_soon_threadsafe(_settle, done, left.why)

        for record in records:
            self._produce(record, hear)
        why = await done
        if why:
            raise UnreachableError("the broker", f"it did not acknowledge every record: {why}", _MEND)

    def fault(self) -> str:
        """Say why nothing can be taken now, empty while it can."""
        return self._fatal or self._refused

    @property
    def is_dead(self) -> bool:
        """Tell whether this producer will never send again: the process ends and its supervisor starts it anew."""
        return bool(self._fatal)

    def close(self, deadline_s: float) -> None:
        """Wait for what is still on its way, then end the thread."""
        self._producer.flush(deadline_s)
        self._stop.set()
        self._thread.join()

    def _produce(self, record: Record, hear: Callable[[KafkaError | None, Message], None]) -> None:
        topic, key, partition = destination(record)
        try:
            self._producer.produce(topic, self._codec.encode(record), key, partition, headers=headers_of(record), on_delivery=hear)
        except BufferError as error:
            raise BusyError(
                "the gateway", f"more than {MAX_WAITING} records wait for the broker", "Send the same again in a second"
            ) from error
        except KafkaException as error:
            raise UnreachableError("the broker", str(error.args[0].str()), _MEND) from error

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = f"the producer has ended: {error.str()}"

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(_POLL_S)
            if self._refused and self._answers():
                self._refused = ""

    def _answers(self) -> bool:
        """Tell whether the broker is back: while it is away nothing is queued that could find it out."""
        try:
            return bool(self._producer.list_topics(timeout=_ASK_S).brokers)
        except KafkaException:
            return False
