"""Tells an outside watcher that this copy is well, again and again while that is so; in a thread of its own, so that it delays nothing.

Started by ``system.py`` when ``healstream.yaml`` has a row ``heartbeat``. When to beat is decided in ``pulse.py``; the URL is a secret and
is never part of a log line.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import structlog
from confluent_kafka import Message

from console.configuration import load_heartbeat
from console.heartbeat_rule import HeartbeatRule, why_no_url
from console.pulse import Pulse, Seen, why_silent
from console.url_files import url_in
from infra.adapters.beats import TIMEOUT_S, Beats
from infra.kafka import codec_of
from infra.topic_watch import TopicWatch, from_now
from schemas.errors import DeniedError
from schemas.oversight import Lease

LOOK_S = 1.0
log = structlog.get_logger("supervisor")


class Ear(Protocol):
    """Where the door's lease is heard."""

    def newest(self) -> tuple[Lease | None, float]:
        """Return the newest lease and the monotonic second of its receipt."""
        ...

    def start(self) -> None:
        """Begin to listen."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class LeaseEar:
    """Hears ``heal.lease`` from now on."""

    def __init__(self, brokers: str) -> None:
        """Prepare; nothing is heard yet."""
        self._codec = codec_of(brokers, [Lease])
        self._newest: tuple[Lease | None, float] = (None, 0.0)
        self._watch = TopicWatch(brokers, "heartbeat", [from_now("heal.lease")], self._take)
        self.start = self._watch.start
        self.close = self._watch.close

    def newest(self) -> tuple[Lease | None, float]:
        """Return the newest lease and the monotonic second of its receipt."""
        return self._newest

    def _take(self, message: Message) -> None:
        value = message.value()
        record = self._codec.decode(value if isinstance(value, bytes) else None)
        known, _ = self._newest
        # A former owner of the door that wakes once more proves nothing.
        if isinstance(record, Lease) and (known is None or record.epoch >= known.epoch):
            self._newest = (record, time.monotonic())


class Heartbeat:
    """The thread that beats; what it last said in the log is kept, so that each change is told once."""

    def __init__(self, rule: HeartbeatRule, ear: Ear, not_ready: Callable[[], Sequence[str]], beats: Beats) -> None:
        """Prepare; nothing runs yet. ``not_ready`` names the processes that are not."""
        self._rule = rule
        self._ear = ear
        self._not_ready = not_ready
        self._beats = beats
        self._pulse = Pulse(rule.every_s)
        self._told: tuple[str, str] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to listen and to beat."""
        self._ear.start()
        self._thread.start()

    def close(self) -> None:
        """Stop; a beat under way is given its time, and a name server that hangs is not waited for."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_S + LOOK_S)
        self._ear.close()

    def look(self, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        """Beat if one is due and all is well."""
        if not self._pulse.is_due(monotonic()):
            return
        # Asking every process takes a while: the lease is read, and judged, after it.
        waiting = tuple(self._not_ready())
        lease, heard_s = self._ear.newest()
        silent = why_silent(Seen(waiting, lease, heard_s), clock(), monotonic())
        if silent:
            self._tell("heartbeat silent", silent, "it beats again when every process is ready and the lease is fresh")
            return
        why = self._beat()
        self._pulse = self._pulse.after(monotonic(), taken=not why)
        if why:
            self._tell("heartbeat not taken", why, "it is tried again; healing goes on")
        else:
            self._tell("heartbeat taken", "", "the next one follows while all is well")

    def _beat(self) -> str:
        try:
            # Read anew each time: the URL may be changed without a restart.
            url = self._rule.url or url_in(self._rule.url_file, "URL of the heartbeat")
        except (OSError, UnicodeDecodeError) as error:
            return f"{self._rule.url_file} cannot be read: {type(error).__name__}"
        except DeniedError as error:
            return f"{error.why}: {error.mend}"
        wrong = why_no_url(url)
        return f"{self._rule.url_file}: {wrong}" if wrong else self._beats.post(url)

    def _tell(self, event: str, why: str, following: str) -> None:
        if self._told == (event, why):
            return
        self._told = (event, why)
        if why:
            log.warning(event, why=why, next=following)
        else:
            log.info(event, every_s=self._rule.every_s, next=following)

    def _run(self) -> None:
        try:
            while not self._stop.wait(LOOK_S):
                self.look(lambda: datetime.now(UTC), time.monotonic)
        finally:
            self._beats.close()


@contextmanager
def beating(config: Path, brokers: str, not_ready: Callable[[], Sequence[str]]) -> Iterator[None]:
    """Beat meanwhile if the folder names somebody who listens; raises ConfigurationError for a folder that is wrong."""
    rule = load_heartbeat(config)
    if rule is None:
        yield
        return
    heartbeat = Heartbeat(rule, LeaseEar(brokers), not_ready, Beats())
    heartbeat.start()
    log.info("heartbeat begins", every_s=rule.every_s, next="the first one goes out when all is well")
    try:
        yield
    finally:
        heartbeat.close()
