"""Real services, a real configuration and worker processes on a real broker, for the tests of the executor."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.adapters.launch import launch, ledger_rows
from infra.broker.server import free_ports
from infra.kafka import producer_settings, read_to_end, send
from schemas.avro_codec import Codec
from schemas.catalogue import CARDS, card_named
from schemas.configuration import KEYS_ENTRY, PEOPLE_ENTRY, POLICY_ENTRY, SERVICES_ENTRY, Keys, keys_body, people_body, policy_body
from schemas.configuration import services_body as services_text
from schemas.decisions import HealingCommand, Mode, plan_hash_of
from schemas.ids import Record
from schemas.oversight import CatalogueEntry, EntryKind, Lease
from schemas.people import People
from schemas.policy import Policy
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import RecoveryOutcome
from schemas.services import Services, ServiceSpec
from schemas.signing import public_text, sign
from schemas.topics import ALL_RECORDS
from schemas.vocabulary import Kind

ROOT = Path(__file__).parents[2]
PATIENCE_S = 180.0
"""How long, in seconds, a slow machine may take for what a quick one does in ten."""
SERVE = "import http.server,sys;http.server.HTTPServer(('127.0.0.1',int(sys.argv[1])),http.server.SimpleHTTPRequestHandler).serve_forever()"


def service_in(folder: Path, name: str, port: int, group: str = "shop", needs: tuple[str, ...] = ()) -> ServiceSpec:
    """Return a real HTTP service that runs in a folder of its own."""
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    probes = (
        ProbeSpec(f"{name}-tcp", ProbeKind.TCP, f"127.0.0.1:{port}"),
        ProbeSpec(f"{name}-http", ProbeKind.HTTP, f"http://127.0.0.1:{port}/"),
    )
    return ServiceSpec(name, group, (sys.executable, "-I", "-c", SERVE, str(port)), str(home), str(home / "pid"), needs, probes)


def stack_in(folder: Path, group: str) -> list[ServiceSpec]:
    """Return three services of a group, each of which needs the one before."""
    names = [f"{group}-{role}" for role in ("db", "api", "web")]
    rows = zip(names, [(), *((name,) for name in names)], ports(len(names)), strict=False)
    return [service_in(folder, name, port, group, needs) for name, needs, port in rows]


@dataclass
class ExecutorWorld:
    """One broker's topics with a published configuration, and the lease of a living admit."""

    brokers: str
    folder: Path
    services: tuple[ServiceSpec, ...]
    metrics_port: int = 0
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)
    codec: Codec = field(default_factory=lambda: Codec(ALL_RECORDS))

    def __post_init__(self) -> None:
        self.catalogue = Services(services=self.services)
        self.producer = Producer(producer_settings(self.brokers))
        bodies = {
            POLICY_ENTRY: (EntryKind.POLICY, policy_body(Policy())),
            SERVICES_ENTRY: (EntryKind.SERVICES, services_text(self.catalogue)),
            PEOPLE_ENTRY: (EntryKind.CONFIGURATION, people_body(People())),
            KEYS_ENTRY: (EntryKind.CONFIGURATION, keys_body(Keys(admit=public_text(self.key)))),
        }
        for name, (kind, body) in bodies.items():
            self.send(sign(CatalogueEntry(name, str(len(body)), kind, body, datetime.now(tz=UTC)), self.key))
        threading.Thread(target=self._keep_lease, daemon=True).start()

    def send(self, record: Record) -> None:
        send(self.producer, record, self.codec)
        assert self.producer.flush(10) == 0

    def _keep_lease(self) -> None:
        producer, number = Producer(producer_settings(self.brokers)), 0
        while not self.ending.wait(0.4):
            number += 1
            send(producer, Lease(1, number, datetime.now(tz=UTC)), self.codec)
            producer.poll(0)

    def start_worker(self, fail_point: str = "", code: Path = ROOT) -> subprocess.Popen[bytes]:
        environ = {
            "PATH": os.environ["PATH"],
            "HEALSTREAM_BROKERS": self.brokers,
            "HEALSTREAM_STATE": str(self.folder / "state"),
            "HEALSTREAM_CONFIG": str(self.folder / "config"),
            "HEALSTREAM_KEYS": str(self.folder / "keys"),
            "HEALSTREAM_PUBLISHER_KEY": public_text(self.key),
            "HEALSTREAM_METRICS_PORT": str(self.metrics_port),
            **({"HEALSTREAM_CHAOS": "1", "HEALSTREAM_FAIL_POINT": fail_point} if fail_point else {}),
        }
        (self.folder / "state").mkdir(exist_ok=True)
        log = (self.folder / f"worker-{len(self.workers)}.log").open("wb")
        worker = subprocess.Popen([sys.executable, "-m", "recoverers.worker"], cwd=code, env=environ, stderr=log, stdout=log)
        self.workers.append(worker)
        return worker

    def command(self, target: str, name: str) -> HealingCommand:
        card = card_named(CARDS, "service_restart")
        assert card is not None
        now = datetime.now(tz=UTC)
        order = HealingCommand(
            mode=Mode.RUN,
            incident_id=f"incident-{name}",
            decision_id=f"decision-{name}",
            attempt=1,
            max_attempts=1,
            kind=Kind.SERVICE_DOWN,
            opened_at=now,
            detected_at=now,
            target=target,
            scope=self.catalogue.scope_of(target),
            strategy=card.name,
            recipe_version=1,
            plan_hash=plan_hash_of(card.name, 1, target, (), card.bounds),
            epoch=1,
            issued_at=now,
            not_after=now + timedelta(seconds=600),
            deadline_s=card.deadline_s,
            bounds=card.bounds,
        )
        return sign(replace(order), self.key)

    def outcomes(self) -> list[RecoveryOutcome]:
        return [record for record in read_to_end(self.brokers, "recovery.outcomes") if isinstance(record, RecoveryOutcome)]

    def close(self) -> None:
        self.ending.set()
        for worker in self.workers:
            worker.kill()
            worker.wait()
        for service in self.services:
            for row in ledger_rows(Path(service.cwd) / "effects.jsonl"):
                if row.get("act") == "start":
                    _kill(int(str(row["pid"])))


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


def wait_for(what: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
    """Return whether it came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.2)
    return False


def shares(brokers: str) -> list[int]:
    """Return how many partitions each executor has."""
    # Kept in a name: the answer never comes when the client is gone.
    admin = AdminClient({"bootstrap.servers": brokers})
    try:
        group = admin.describe_consumer_groups(["healstream-executor"])["healstream-executor"].result()
    except KafkaException:
        # A broker that has just started is still loading its coordinator; nobody is assigned yet.
        return []
    return [len(member.assignment.topic_partitions) for member in group.members]


def start_by_hand(service: ServiceSpec) -> None:
    """Start a service as its owner would."""
    words = [sys.executable, "-I", "-S", launch.__code__.co_filename, service.pid_file, f"{service.cwd}/by-hand.jsonl", "hand", "--"]
    subprocess.run([*words, *service.argv], cwd=service.cwd, check=True)


def ports(count: int) -> list[int]:
    """Return free loopback ports."""
    return list(free_ports(count))
