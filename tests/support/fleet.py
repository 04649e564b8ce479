"""A whole system with several workers of a kind under the real supervisor, a broker of its own, and everything its topics say.

For chaos tests: workers and the broker can be killed or paused by name; the supervisor starts again what ended.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.audit_stored import SPOKEN
from console.publish import publish
from console.supervise import ChildSpec, Supervisor, clean_environ
from console.system_paths import shipped_patterns
from console.topic_reader import Follower
from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.kafka import producer_settings, send
from infra.topics_admin import create_topics
from learning.patterns.loader import RESERVED_FILES
from schemas.avro_codec import Codec
from schemas.configuration import PATTERNS_PREFIX, Configuration, Keys
from schemas.ids import Record
from schemas.people import People
from schemas.policy import Policy
from schemas.services import Services
from schemas.signing import private_bytes, public_text
from schemas.topics import ALL_RECORDS
from tests.support.broken_network import BrokenNetwork
from tests.support.stepped_clocks import SteppedClocks

T = TypeVar("T")
Emit = Callable[[Sequence[Record]], None]
R = TypeVar("R", bound=Record)
WORKERS = {
    "detect-1": ("streams.app", "detect"),
    "detect-2": ("streams.app", "detect"),
    "middle": ("streams.app", "middle"),
    "gatekeeper": ("streams.gatekeeper", ""),
    "executor-1": ("recoverers.worker", ""),
    "executor-2": ("recoverers.worker", ""),
    "prober": ("streams.prober", ""),
}
# Enough for a fault that meets all of them at once.
FEW = {name: WORKERS[name] for name in ("detect-1", "middle", "gatekeeper", "executor-1", "executor-2", "prober")}
READY_S = 150.0
SPARE = {"gatekeeper-2": ("streams.gatekeeper", "")}


class Breakable(Protocol):
    """What a fleet looks after: the catalogue of it, and how it is started and ended."""

    catalogue: Services

    def start(self) -> None:
        """Start all of it as its owner would."""
        ...

    def close(self) -> None:
        """End all of it."""
        ...


B = TypeVar("B", bound=Breakable)


@dataclass
class Heard:
    """Every record of the followed topics, in the order of their coming."""

    records: list[Record] = field(default_factory=list)

    def of(self, wanted: type[R]) -> list[R]:
        """Return the records of one class."""
        return [record for record in tuple(self.records) if isinstance(record, wanted)]


class Fleet(Generic[B]):
    """Started by ``start``, ended by ``close``; every random choice comes from ``random``. ``copies`` are how often an event may come."""

    def __init__(
        self,
        folder: Path,
        jars: tuple[Path, ...],
        seed: int,
        build: Callable[[Path, Emit], B],
        *,
        is_between: bool = False,
        clocks: SteppedClocks | None = None,
    ) -> None:
        """Prepare; ``is_between``: all that is said to the broker goes through a network that can be broken; ``clocks``: of the workers."""
        self.folder = folder
        self.clocks = clocks
        self.people = People()
        self.copies: tuple[int, ...] = (1, 1, 2, 5)
        self.random = random.Random(seed)
        # Of its own, because CI jobs end in threads of theirs.
        self._mixing = random.Random(seed + 1)
        port, controller, between = free_ports(3)
        self.network = BrokenNetwork(between, port, seed) if is_between else None
        self.broker = EmbeddedBroker(BrokerPlace(folder / "broker", port, controller, between if is_between else 0), jars)
        self.keys = {name: Ed25519PrivateKey.generate() for name in ("admit", "notary", "publisher")}
        self.heard = Heard()
        self._codec = Codec(ALL_RECORDS)
        self._sending = threading.Lock()
        self.supervisors: list[Supervisor] = []
        self._follower: Follower | None = None
        self.targets = build(folder / "targets", self.emit)

    @property
    def address(self) -> str:
        """Return the bootstrap address."""
        return f"127.0.0.1:{self.network.port}" if self.network else self.broker.address

    @property
    def notary_key(self) -> str:
        """Return the public key of the chain's checkpoints."""
        return public_text(self.keys["notary"])

    def start(self, policy: Policy, workers: Mapping[str, tuple[str, str]] = WORKERS) -> None:
        """Start everything and wait until all of it is ready."""
        for name in ("logs", "keys", "state"):
            (self.folder / name).mkdir(exist_ok=True)
        for name, key in self.keys.items():
            (self.folder / "keys" / f"{name}.key").write_bytes(private_bytes(key))
        if self.network:
            self.network.start()
        self.broker.start()
        self.broker.wait_ready(READY_S)
        create_topics(self.address)
        self._producer = Producer(producer_settings(self.address))
        paths = [path for path in sorted(shipped_patterns().glob("*.json")) if path.name not in RESERVED_FILES]
        configuration = Configuration(
            policy=policy,
            services=self.targets.catalogue,
            people=self.people,
            keys=Keys(public_text(self.keys["admit"]), self.notary_key),
            patterns=tuple((f"{PATTERNS_PREFIX}{path.name}", path.read_text(encoding="utf-8")) for path in paths),
        )
        publish(self.address, configuration, self.keys["publisher"])
        self._follower = Follower(self.address, SPOKEN, self.heard.records.append)
        self._follower.start()
        self.targets.start()
        self.supervise(workers).wait_ready(READY_S)

    def supervise(self, workers: Mapping[str, tuple[str, str]]) -> Supervisor:
        """Start workers under a supervisor of their own."""
        specs = [self._spec(name, *words) for name, words in workers.items()]
        supervisor = Supervisor(specs, self.folder / "logs", self.random.random)
        supervisor.start()
        self.supervisors.append(supervisor)
        return supervisor

    def go_on_by_true_time(self, workers: Mapping[str, tuple[str, str]]) -> None:
        """End the workers whose clocks could be set, and start others whose cannot: each look at such a clock costs a worker time."""
        for supervisor in self.supervisors:
            supervisor.stop()
        self.supervisors.clear()
        self.clocks = None
        self.supervise(workers).wait_ready(READY_S)

    def close(self) -> None:
        """End everything."""
        self.rest()
        self.targets.close()
        self.broker.stop()
        if self.network:
            self.network.stop()

    def rest(self) -> None:
        """End the workers and stop listening; the broker goes on."""
        for supervisor in self.supervisors:
            for child in supervisor.children:
                if child.process is not None and child.is_alive():
                    # A paused process would not hear that it is to end.
                    child.process.send_signal(signal.SIGCONT)
            supervisor.stop()
        self.supervisors.clear()
        if self._follower is not None:
            self._follower.close()
            self._follower = None

    def emit(self, records: Sequence[Record]) -> None:
        """Produce the records as often each as ``copies`` has it, and out of their order."""
        with self._sending:
            several = [record for record in records for _ in range(self._mixing.choice(self.copies))]
            self._mixing.shuffle(several)
            self._produce(several)

    def emit_once(self, record: Record) -> None:
        """Produce one record, and no copy of it."""
        with self._sending:
            self._produce([record])

    def _produce(self, records: Sequence[Record]) -> None:
        for record in records:
            send(self._producer, record, self._codec)
        assert self._producer.flush(60) == 0

    def emit_raw(self, topic: str, values: Sequence[bytes]) -> None:
        """Produce bytes that are no records, spread over the partitions."""
        with self._sending:
            for number, value in enumerate(values):
                self._producer.produce(topic, value, key=f"raw-{number}".encode())
            assert self._producer.flush(60) == 0

    def until(self, what: str, look: Callable[[], T | None], seconds: float = 60) -> T:
        """Return what is waited for, or fail with the ends of the logs."""
        assert self._follower is not None
        found = self._follower.wait_for(look, seconds)
        assert found is not None, f"{what} was not seen within {seconds} s\n{self.logs()}"
        return found

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a signal to a living worker; return its process id."""
        child = next(child for supervisor in self.supervisors for child in supervisor.children if child.spec.name == name)
        process = self.until(f"{name} alive", lambda: child.process if child.is_alive() else None)
        process.send_signal(number)
        return process.pid

    def name_of(self, pid: int) -> str | None:
        """Return which worker has this process id now."""
        return next((name for name, one in self.pids().items() if one == pid), None)

    def starts(self) -> dict[str, int]:
        """Return how often each worker was started."""
        return {child.spec.name: child.starts for supervisor in self.supervisors for child in supervisor.children}

    def crash_broker(self, outage_s: float) -> None:
        """Kill the broker with -9 and start it again after that many seconds."""
        pid = self.broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        back_at = time.monotonic() + outage_s
        self.until("the end of the outage", lambda: True if time.monotonic() >= back_at and self.broker.pid is None else None)
        self.broker.start()
        self.broker.wait_ready()

    def pids(self) -> dict[str, int]:
        """Return the process of each worker that lives."""
        rows = [row for supervisor in self.supervisors for row in supervisor.rows()]
        return {str(row["name"]): pid for row in rows if isinstance(pid := row["pid"], int)}

    def shares(self, group: str) -> list[int]:
        """Return how many partitions each member of a group has."""
        # Kept in a name: the answer never comes when the client is gone.
        admin = AdminClient({"bootstrap.servers": self.address})
        try:
            found = admin.describe_consumer_groups([group])[group].result(10)
        except (KafkaException, TimeoutError):
            # A coordinator that still loads has assigned nobody yet.
            return []
        return sorted(len(member.assignment.topic_partitions) for member in found.members)

    def logs(self) -> str:
        """Return the end of each worker's log."""
        files = sorted((self.folder / "logs").glob("*.log"))
        return "\n".join(f"== {path.stem}\n{path.read_text(encoding='utf-8', errors='replace')[-2000:]}" for path in files)

    def _spec(self, name: str, module: str, role: str) -> ChildSpec:
        port = free_ports(1)[0]
        told = clean_environ(os.environ) | {
            "PYTHONUNBUFFERED": "1",
            "HEALSTREAM_BROKERS": self.address,
            "HEALSTREAM_STATE": str(self.folder / "state"),
            "HEALSTREAM_KEYS": str(self.folder / "keys"),
            "HEALSTREAM_PUBLISHER_KEY": public_text(self.keys["publisher"]),
            "HEALSTREAM_METRICS_PORT": str(port),
            "HEALSTREAM_ROLE": role or "all",
            **(self.clocks.environ(name) if self.clocks else {}),
        }
        return ChildSpec(name, (sys.executable, "-m", module), tuple(told.items()), port)
