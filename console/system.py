"""One running healstream: broker, topics, published configuration, workers, case files; ``python -m console.system NAME`` is ``up``.

Called by ``healstream up`` (as a detached process) and by the demo (in its own process).
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType

import structlog
from confluent_kafka import KafkaException
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.audit_watch import CheckpointWatch
from console.backoff import Backoff
from console.casefile import CASE_STATUSES, case_json, case_markdown
from console.configuration import NOTICES, load_checkpoints_place, load_configuration, load_services
from console.folder_watch import FolderWatch
from console.heartbeat import beating
from console.home import PENDING, Home, address_for, empty_temporary, home_of, make_state, only_copy, require_room, write_file
from console.keys import component_keys, load_key
from console.locked import lock_of, put_in_force
from console.publish import publish
from console.readmodel import TOPICS_READ, ReadModel
from console.scraped import scraped_file, scraped_text
from console.supervise import ChildSpec, Supervisor, clean_environ
from console.system_paths import shipped_patterns
from console.topic_reader import Follower
from console.words import say as say_control
from infra.broker.install import cache_folder, install
from infra.broker.lock_rows import Lock
from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.gateway_settings import GATEWAY_VARIABLES, PORT_VARIABLE, port_in
from infra.logging import configure
from infra.logins import BROKERS_VARIABLE, address_in, with_registry
from infra.service_notice import ALIVE, READY, STOPPING, tell_systemd
from infra.topics_admin import create_topics
from schemas.avro_codec import Codec
from schemas.configuration import Configuration
from schemas.errors import HealstreamError, UnreachableError
from schemas.ids import Record, id_of
from schemas.incidents import Incident
from schemas.oversight import Control
from schemas.signing import public_text

Say = Callable[[str], None]
WORKERS: tuple[tuple[str, str, str], ...] = (
    ("gatekeeper", "streams.gatekeeper", ""),
    ("detect", "streams.app", "detect"),
    ("middle", "streams.app", "middle"),
    ("executor-1", "recoverers.worker", ""),
    ("executor-2", "recoverers.worker", ""),
    ("prober", "streams.prober", ""),
    ("gateway", "console.serve", ""),
)
GATEWAY = "gateway"
# Started only where there is a `notices.yaml`; one that names nobody tells programs, by CDEvents.
NOTIFIER = ("notify", "console.notify", "")
# Started only where a CI server of `services.yaml` lets its logs be asked for, or something be written about its jobs.
FETCHER = ("fetcher", "console.fetch_logs", "")
REPORTER = ("reporter", "console.report_runs", "")
LOOK_S = 1.0
LED_S = 20.0
log = structlog.get_logger("supervisor")


def workers_of(home: Home) -> tuple[tuple[str, str, str], ...]:
    """Return the workers of a copy: those that every one has, and those that its configuration gives something to do."""
    servers = load_services(home.config).ci
    more = (
        (NOTIFIER, (home.config / NOTICES).is_file()),
        (FETCHER, any(server.fetch_logs for server in servers)),
        (REPORTER, any(server.reports for server in servers)),
    )
    return (*WORKERS, *(worker for worker, is_needed in more if is_needed))


def worker_specs(
    home: Home, brokers: str, publisher_key: str, environ: Mapping[str, str], workers: Sequence[tuple[str, str, str]] = WORKERS
) -> tuple[ChildSpec, ...]:
    """Return the workers' processes, each with a free port of its own."""
    ports = free_ports(len(workers))
    told = clean_environ(environ) | {
        "PYTHONUNBUFFERED": "1",
        "HEALSTREAM_STATE": str(home.state),
        "HEALSTREAM_CONFIG": str(home.config),
        "HEALSTREAM_KEYS": str(home.keys),
        "HEALSTREAM_PUBLISHER_KEY": publisher_key,
        "TMPDIR": str(home.temporary),
    }
    specs = [
        ChildSpec(
            name,
            (sys.executable, "-m", module),
            tuple({**told, **_own(home, brokers, name), "HEALSTREAM_METRICS_PORT": str(port), "HEALSTREAM_ROLE": role or "all"}.items()),
            port,
        )
        for (name, module, role), port in zip(workers, ports, strict=True)
    ]
    return tuple(gateway_spec(spec, environ) if spec.name == GATEWAY else spec for spec in specs)


def _own(home: Home, brokers: str, worker: str) -> dict[str, str]:
    """Return where a worker finds the broker, on a locked one under the name of its kind."""
    return {BROKERS_VARIABLE: address_for(home, brokers, worker.partition("-")[0])}


def gateway_spec(spec: ChildSpec, environ: Mapping[str, str]) -> ChildSpec:
    """Return the gateway's process with its own port and secrets, which no other worker is told.

    The port is the one that is asked for, because senders are told it once and for all, else a free one.
    """
    asked = port_in(environ.get(PORT_VARIABLE) or "0")
    own = {name: environ[name] for name in sorted(GATEWAY_VARIABLES & environ.keys())}
    return replace(spec, environ=(*spec.environ, *own.items(), (PORT_VARIABLE, str(asked or free_ports(1)[0]))))


def gateway_url(specs: Sequence[ChildSpec]) -> str:
    """Return where the gateway of these processes is reached, empty where there is none."""
    told = next((dict(spec.environ) for spec in specs if spec.name == GATEWAY), {})
    scheme = "https" if told.get("HEALSTREAM_SERVE_CERTIFICATE") else "http"
    return f"{scheme}://{told.get('HEALSTREAM_SERVE_HOST') or '127.0.0.1'}:{told[PORT_VARIABLE]}" if told else ""


def publish_once_led(brokers: str, configuration: Configuration, key: Ed25519PrivateKey) -> None:
    """Publish, waiting for topics that were just created to get their leader."""
    end = time.monotonic() + LED_S
    while True:
        try:
            publish(brokers, configuration, key)
        except KafkaException as error:
            if time.monotonic() > end:
                raise UnreachableError(f"broker {brokers}", str(error), "Run `healstream doctor`") from error
            time.sleep(LOOK_S / 10)
        else:
            return


class System:
    """Everything of one copy; ``start`` returns when all is ready, ``stop`` when nothing is left."""

    def __init__(self, home: Home, environ: Mapping[str, str], say: Say) -> None:
        """Prepare; nothing runs yet."""
        self.home = home
        self.brokers = address_in(environ)
        self.supervisor: Supervisor | None = None
        self._environ = environ
        self._say = say
        self._stack = ExitStack()
        self._folder = FolderWatch(home, "")
        self._broker: EmbeddedBroker | None = None
        self._broker_began_s = 0.0
        self._backoff = Backoff()

    def start(self) -> None:
        """Start all; raises HealstreamError with what is wrong, having ended what had begun."""
        try:
            require_room(self.home)
            make_state(self.home)
            self._stack.enter_context(only_copy(self.home))
            empty_temporary(self.home)
            keys = component_keys(self.home.keys)
            loaded = load_configuration(self.home.config, shipped_patterns(), keys)
            self._start_broker(lock_of(self.home, self._environ))
            made = create_topics(self.brokers)
            self.brokers = address_for(self.home, self.brokers, "supervisor")
            self._say(f"topics: {len(made)} created" if made else "topics: all there")
            publisher = load_key(self.home.keys / "publisher.key")
            publish_once_led(self.brokers, loaded, publisher)
            self._folder.version = loaded.version
            self._folder.keep()
            self._start_workers(public_text(publisher))
            self._start_cases()
            self._start_checkpoints()
            self.write_running()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything in reverse order."""
        self._stack.close()
        self.home.running.unlink(missing_ok=True)
        scraped_file(self.home).unlink(missing_ok=True)

    def look(self) -> None:
        """Start a broker that ended, publish a pending stop and a changed configuration folder; called about once a second."""
        self._tend_broker(time.monotonic())
        self._publish_pending_switch()
        self._folder.look(self.brokers)
        self.write_running()

    def write_running(self) -> None:
        """Say on disk what runs and where."""
        rows = self.supervisor.rows() if self.supervisor else []
        where = gateway_url([child.spec for child in self.supervisor.children]) if self.supervisor else ""
        people = address_for(self.home, self.brokers, "operator")
        said = {"version": 1, "pid": os.getpid(), "brokers": people, "configuration": self._folder.version, "processes": rows}
        text = json.dumps({**said, "gateway": where, "refused": self._folder.refused}, indent=2)
        if not self.home.running.exists() or self.home.running.read_text(encoding="utf-8") != text:
            write_file(self.home.running, text)
            write_file(scraped_file(self.home), scraped_text(rows))

    def _start_broker(self, lock: Lock | None) -> None:
        if self.brokers:
            self._say(f"broker: {self.brokers} (given)")
            return
        jars = install(cache_folder(self._environ))
        port, controller = free_ports(2)
        broker = EmbeddedBroker(BrokerPlace(self.home.state / "broker", port, controller), jars, lock)
        self._stack.callback(broker.stop)
        broker.start()
        self._broker_began_s = time.monotonic()
        broker.wait_ready()
        self.brokers, self._broker = with_registry(broker.address, self._environ), broker
        if lock:
            put_in_force(self.home, broker.address)
        self._say(f"broker: Apache Kafka on 127.0.0.1:{port}{', locked' if lock else ''}")

    def _tend_broker(self, now_s: float) -> None:
        if self._broker is None or self._broker.pid is not None or not self._backoff.may_start(now_s):
            return
        log.warning("the broker ended", next="it is started again on the same data and port; workers go on when it answers")
        self._backoff = self._backoff.after_end(now_s - self._broker_began_s, now_s, random.SystemRandom().random)
        self._broker_began_s = now_s
        self._broker.start()

    def _start_workers(self, publisher_key: str) -> None:
        specs = worker_specs(self.home, self.brokers, publisher_key, self._environ, workers_of(self.home))
        self.supervisor = Supervisor(specs, self.home.logs, random.SystemRandom().random)
        self._stack.callback(self.supervisor.stop)
        self.supervisor.start()
        self.supervisor.wait_ready()
        ports = ", ".join(f"{child.spec.name} {child.spec.port}" for child in self.supervisor.children)
        self._say(f"workers ready (metrics ports: {ports})")
        self._say(f"gateway: {gateway_url([child.spec for child in self.supervisor.children])}/ingest/...")
        self._stack.enter_context(beating(self.home.config, self.brokers, self.supervisor.not_ready))

    def _start_cases(self) -> None:
        writer = CaseWriter(self.home.cases)
        follower = Follower(self.brokers, TOPICS_READ, writer.take)
        self._stack.callback(follower.close)
        follower.start()

    def _start_checkpoints(self) -> None:
        place = self._environ.get("HEALSTREAM_CHECKPOINTS", "") or load_checkpoints_place(self.home.config)
        if not place:
            return
        watch = CheckpointWatch(place, self._environ)
        follower = Follower(self.brokers, ("heal.audit",), watch.take)
        # Ended in reverse: what was followed to the end is still published.
        self._stack.callback(watch.close)
        self._stack.callback(follower.close)
        watch.start()
        follower.start()
        self._say(f"audit checkpoints go to {place} too")

    def _publish_pending_switch(self) -> None:
        for pending in self.home.state.glob(f"*{PENDING}"):
            control = Codec([Control]).decode(pending.read_bytes())
            if isinstance(control, Control):
                say_control(self.brokers, control)
                log.info("kill switch published", key=control.key)
            pending.unlink()


class CaseWriter:
    """Keeps the read model and writes a case file for each incident that ended in a person's hands."""

    def __init__(self, folder: Path) -> None:
        """Write below the folder."""
        self._cases = folder
        self._model = ReadModel()

    def take(self, record: Record) -> None:
        """Take one record in; the topics are followed side by side, so the last piece writes the case."""
        self._model.apply(record)
        name = id_of(record) if isinstance(record, Incident) else str(getattr(record, "incident_id", ""))
        view = self._model.incidents.get(name)
        final = view.final() if view else None
        if view is None or final is None or final.status not in CASE_STATUSES:
            return
        folder = self._cases / name
        is_new = not folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_file(folder / "case.json", case_json(name, view))
            write_file(folder / "case.md", case_markdown(name, view))
        except OSError as error:
            log.error("case not written", incident=name, why=str(error), next="free the disk; a restart writes it from the topics")  # noqa: TRY400 - the sentence, not the trace
            return
        if is_new:
            log.warning(
                "escalated", incident=name, target=final.target, reason=final.reason, case=str(folder), next="a person reads the case"
            )


def on_signals(act: Callable[[int, FrameType | None], None]) -> None:
    """Let every signal that ends a process do this."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, act)


def look_until(stop: threading.Event, system: System) -> None:
    """Look after the system about once a second until the end."""
    while not stop.wait(LOOK_S):
        try:
            system.look()
            tell_systemd(os.environ, ALIVE)
        except (HealstreamError, KafkaException, OSError) as error:
            log.warning("not done now", why=str(error), next="tried again in a second")


def main(name: str) -> int:
    """Run until SIGTERM; what goes wrong is said on the last line of the log."""
    configure("supervisor")
    stop = threading.Event()
    system = System(home_of(os.environ, name), os.environ, log.info)
    try:
        # A start is given up at once; what runs is ended in order.
        on_signals(signal.default_int_handler)
        system.start()
        on_signals(lambda *_: stop.set())
        tell_systemd(os.environ, READY)
        look_until(stop, system)
        tell_systemd(os.environ, STOPPING)
    except KeyboardInterrupt:
        log.info("start given up", next="nothing is left running; the data stays")
    except HealstreamError as error:
        log.error("supervisor ends", what=error.what, why=error.why, mend=error.mend)  # noqa: TRY400 - the sentence, not the trace
        return error.exit_code
    except OSError as error:
        log.error("supervisor ends", what=str(error.filename), why=str(error.strerror), mend="Free or mend the disk; nothing is lost")  # noqa: TRY400 - the sentence, not the trace
        return 1
    finally:
        on_signals(lambda *_: stop.set())
        system.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
