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

from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.kafka import producer_settings, read_to_end, send
from infra.parent_death import die_with_parent
from infra.topics_admin import create_topics
from schemas.avro_codec import Codec
from schemas.configuration import PATTERNS_PREFIX, Keys, keys_body, people_body, policy_body, services_body
from schemas.ids import Record
from schemas.oversight import CatalogueEntry, EntryKind, RolloutLevel
from schemas.people import People, Person, Role
from schemas.policy import Policy, StrategyPolicy
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import RecoveryOutcome
from schemas.services import CiServer, Services, ServiceSpec, UpstreamSpec
from schemas.signing import private_bytes, public_text, sign
from schemas.topics import ALL_RECORDS
from tests.support.executor_world import service_in, start_by_hand

ROOT = Path(__file__).parents[2]
PROCESSES = ("streams.app", "streams.gatekeeper", "recoverers.worker", "streams.prober")
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

    def __post_init__(self) -> None:
        port, controller, *service_ports = free_ports(5)
        self.broker = EmbeddedBroker(BrokerPlace(self.folder / "broker", port, controller), self.jars)
        db = service_in(self.folder, "db", service_ports[0])
        api = service_in(self.folder, "api", service_ports[1], needs=("db",))
        web = service_in(self.folder, "web", service_ports[2], needs=("api",))
        self.services = tuple(probed(service) for service in (db, api, web))
        self.keys = {name: Ed25519PrivateKey.generate() for name in ("admit", "notary", "publisher")}
        self.person_keys = {name: Ed25519PrivateKey.generate() for name in ("ada", "bob")}
        self.codec = Codec(ALL_RECORDS)
        self.ports = dict(zip(PROCESSES, free_ports(len(PROCESSES)), strict=True))

    @property
    def address(self) -> str:
        """Return the broker's bootstrap address."""
        return self.broker.address

    def start(self, policy: Policy) -> None:
        """Start the broker, publish, start the services and every process, and wait until all are ready."""
        self.start_broker(policy)
        for service in self.services:
            start_by_hand(service)
        for name in PROCESSES:
            self.run(name)
        for name in PROCESSES:
            self.wait_ready(name)

    def start_broker(self, policy: Policy) -> None:
        """Start the broker with its topics and the published policy, and nothing else."""
        self.broker.start()
        self.broker.wait_ready()
        create_topics(self.address)
        self.producer = Producer(producer_settings(self.address))
        self.publish(policy)

    def publish(self, policy: Policy) -> None:
        """Write the signed catalogue."""
        keys = self.folder / "keys"
        keys.mkdir(exist_ok=True)
        for name, key in self.keys.items():
            (keys / f"{name}.key").write_bytes(private_bytes(key))
        roles = {"ada": frozenset({Role.OPERATOR}), "bob": frozenset({Role.OPERATOR, Role.APPROVER})}
        people = People(tuple(Person(name, roles[name], public_text(key)) for name, key in self.person_keys.items()))
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
        send(self.producer, record, self.codec)
        assert self.producer.flush(10) == 0

    def run(self, name: str, role: str = "all") -> None:
        """Start one process; its log lies in the folder."""
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "HEALSTREAM_BROKERS": self.address,
            "HEALSTREAM_STATE": str(state),
            "HEALSTREAM_KEYS": str(self.folder / "keys"),
            "HEALSTREAM_PUBLISHER_KEY": public_text(self.keys["publisher"]),
            "HEALSTREAM_METRICS_PORT": str(self.ports[name]),
            "HEALSTREAM_ROLE": role,
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", name]
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
        logs = "\n".join(f"== {name}\n{self.log(name)}" for name in PROCESSES)
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
