"""Every process of the system beside one broker of its own, with three real services that depend on each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError

from confluent_kafka import Producer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.broker.lock_rows import lock_in
from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.kafka import producer_settings, read_to_end, send
from infra.logins import address_with
from infra.parent_death import die_with_parent
from infra.rights_admin import apply_rights, login_files, make_known
from infra.topics_admin import create_topics
from schemas.avro_codec import Codec
from schemas.configuration import PATTERNS_PREFIX, Keys, keys_body, people_body, policy_body, services_body
from schemas.ids import Record
from schemas.oversight import CatalogueEntry, EntryKind, RolloutLevel
from schemas.policy import Policy, StrategyPolicy
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import RecoveryOutcome
from schemas.services import CiServer, Services, ServiceSpec, UpstreamSpec
from schemas.signing import private_bytes, public_text, sign
from schemas.topics import ALL_RECORDS, TOPIC_OF
from tests.support.executor_world import service_in, start_by_hand
from tests.support.two_people import ROLES, two_people
from tests.support.unmeasured import unmeasured

ROOT = Path(__file__).parents[2]
PROCESSES = ("streams.app", "streams.gatekeeper", "recoverers.worker", "streams.prober")
# On a locked broker each process comes under its own name, and no process does the work of two.
LOCKED = {
    "streams.app:detect": "detect",
    "streams.app:middle": "middle",
    "streams.gatekeeper": "gatekeeper",
    "recoverers.worker": "executor",
    "streams.prober": "prober",
}
SENDERS = {"heal.catalogue": "supervisor", "ci.logs": "ci-producer", "ci.events": "ci-producer"}
AUTOMATIC = tuple(StrategyPolicy(name, RolloutLevel.AUTOMATIC) for name in ("service_restart", "config_restore", "rerun_job"))


def probed(service: ServiceSpec) -> ServiceSpec:
    """Return the service with a process probe beside its others, all looked at several times a second."""
    probes = (ProbeSpec(f"{service.name}-process", ProbeKind.PROCESS, service.pid_file), *service.probes)
    return replace(service, probes=tuple(replace(probe, every_s=0.3, timeout_s=1.0) for probe in probes))


@dataclass
class WholeSystem:
    """Started by ``start``, ended by ``close``; ``people`` sign with the keys in ``person_keys``."""

    folder: Path
    jars: tuple[Path, ...]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    person_keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    ci: tuple[CiServer, ...] = ()
    upstreams: tuple[UpstreamSpec, ...] = ()
    # Pattern files by name; without any the shipped ones decide, and no log shows that a failure is gone.
    patterns: tuple[tuple[str, str], ...] = ()
    is_locked: bool = False
    # Whether coverage follows into the processes: ``close`` kills what the test has not ended, and that writes none down.
    is_measured: bool = False

    def __post_init__(self) -> None:
        self.port, controller, *service_ports = free_ports(5)
        lock = lock_in(self.folder / "logins") if self.is_locked else None
        self.broker = EmbeddedBroker(BrokerPlace(self.folder / "broker", self.port, controller), self.jars, lock)
        db = service_in(self.folder, "db", service_ports[0])
        api = service_in(self.folder, "api", service_ports[1], needs=("db",))
        web = service_in(self.folder, "web", service_ports[2], needs=("api",))
        self.services = tuple(probed(service) for service in (db, api, web))
        self.keys = {name: Ed25519PrivateKey.generate() for name in ("admit", "notary", "publisher")}
        self.person_keys = {name: Ed25519PrivateKey.generate() for name in ROLES}
        self.codec = Codec(ALL_RECORDS)
        self.names = tuple(LOCKED) if self.is_locked else PROCESSES
        self.ports = dict(zip(self.names, free_ports(len(self.names)), strict=True))
        self._producers: dict[str, Producer] = {}

    @property
    def address(self) -> str:
        """Return the bootstrap address, of a locked broker that of a person."""
        return self.address_of("operator")

    @property
    def producer(self) -> Producer:
        """Return the producer of everybody on an open broker, of a person on a locked one."""
        return self.producer_of("operator")

    def address_of(self, principal: str) -> str:
        """Return the bootstrap address of a principal; on an open broker all have the same."""
        return address_with(self.broker.address, login_files(self.folder / "logins")[principal]) if self.is_locked else self.broker.address

    def producer_of(self, principal: str) -> Producer:
        """Return the producer that writes under a principal's name."""
        address = self.address_of(principal)
        if address not in self._producers:
            self._producers[address] = Producer(producer_settings(address))
        return self._producers[address]

    def start(self, policy: Policy) -> None:
        """Start the broker, publish, start the services and every process, and wait until all are ready."""
        self.start_broker(policy)
        for service in self.services:
            start_by_hand(service)
        for name in self.names:
            self.run(name)
        for name in self.names:
            self.wait_ready(name, 150)

    def start_broker(self, policy: Policy) -> None:
        """Start the broker with its topics and the published policy, and nothing else."""
        self.broker.start()
        self.broker.wait_ready(150)
        create_topics(self.broker.address)
        if self.is_locked:
            make_known(self.broker.address, self.folder / "logins")
            apply_rights(self.broker.address)
        self.publish(policy)

    def publish(self, policy: Policy) -> None:
        """Write the signed catalogue."""
        keys = self.folder / "keys"
        keys.mkdir(exist_ok=True)
        for name, key in self.keys.items():
            (keys / f"{name}.key").write_bytes(private_bytes(key))
        people = two_people(self.person_keys)
        bodies = {
            "policy": policy_body(policy),
            "services": services_body(Services(self.services, ci=self.ci, upstreams=self.upstreams)),
            "people": people_body(people),
            "keys": keys_body(Keys(public_text(self.keys["admit"]), public_text(self.keys["notary"]))),
        }
        entries = [(name, EntryKind.CONFIGURATION, body) for name, body in bodies.items()]
        entries += [(f"{PATTERNS_PREFIX}{name}", EntryKind.PATTERNS, body) for name, body in self.patterns]
        for name, kind, body in entries:
            self.send(sign(CatalogueEntry(name, "1", kind, body, datetime.now(UTC)), self.keys["publisher"]))

    def send(self, record: Record) -> None:
        """Produce one record and wait for the broker's word."""
        producer = self.producer_of(SENDERS.get(TOPIC_OF[type(record)], "operator"))
        send(producer, record, self.codec)
        assert producer.flush(10) == 0

    def run(self, name: str, role: str = "all") -> None:
        """Start one process, ``module`` or ``module:role``; its log lies in the folder."""
        module, _, own_role = name.partition(":")
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        environment = {
            **(os.environ if self.is_measured else unmeasured(os.environ)),
            "HEALSTREAM_BROKERS": self.address_of(LOCKED.get(name, "detect")),
            "HEALSTREAM_STATE": str(state),
            "HEALSTREAM_KEYS": str(self.folder / "keys"),
            "HEALSTREAM_PUBLISHER_KEY": public_text(self.keys["publisher"]),
            "HEALSTREAM_METRICS_PORT": str(self.ports[name]),
            "HEALSTREAM_ROLE": own_role or role,
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", module]
            self.processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl runs between fork and exec
            )

    def wait_ready(self, name: str, seconds: float = 60) -> None:
        """Return once the process says that it is ready."""
        end = time.monotonic() + seconds
        why = "no answer"
        while time.monotonic() < end:
            assert self.processes[name].poll() is None, self.log(name)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/readyz", timeout=2):
                    return
            except (URLError, ConnectionError, TimeoutError) as error:
                why = str(error)
                time.sleep(0.1)
        raise AssertionError(f"{name} is not ready: {why}\n{self.log(name)}")

    def end(self, name: str) -> None:
        """Ask one process to end and wait until it has."""
        self.processes[name].terminate()
        self.processes[name].wait(30)

    def kill_and_run(self, name: str) -> None:
        """End one process as ``kill -9`` does and start it anew."""
        self.processes[name].kill()
        self.processes[name].wait()
        self.run(name)

    def log(self, name: str) -> str:
        """Return the end of a process's log."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def final_outcomes(self) -> list[RecoveryOutcome]:
        """Return every final outcome there is now."""
        found = read_to_end(self.address, "recovery.outcomes")
        return [record for record in found if isinstance(record, RecoveryOutcome) and record.final]

    def wait_outcomes(self, target: str, seconds: float) -> list[RecoveryOutcome]:
        """Return the target's final outcomes once there is one."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = [outcome for outcome in self.final_outcomes() if outcome.target == target]
            if found:
                return found
        logs = "\n".join(f"== {name}\n{self.log(name)}" for name in self.names)
        raise AssertionError(f"no outcome of {target} after {seconds} s: {self.final_outcomes()}\n{logs}")

    def kill_service(self, name: str) -> None:
        """End a service as a crash would."""
        spec = next(service for service in self.services if service.name == name)
        os.kill(int(Path(spec.pid_file).read_text(encoding="utf-8").split()[0]), signal.SIGKILL)

    def close(self) -> None:
        """End every process and service by pid."""
        for process in self.processes.values():
            process.kill()
            process.wait()
        for service in self.services:
            try:
                os.kill(int(Path(service.pid_file).read_text(encoding="utf-8").split()[0]), signal.SIGKILL)
            except (OSError, ValueError, IndexError):
                continue
        self.broker.stop()
