"""A Faust worker process on the real broker: it loses nothing, counts nothing twice, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.kafka import header, messages_to_end, producer_settings, read_to_end, send
from infra.state_log import read_entries
from infra.topics_admin import create_topics, topic_problems
from schemas.avro_codec import Codec
from schemas.configuration import (
    KEYS_ENTRY,
    PEOPLE_ENTRY,
    POLICY_ENTRY,
    SERVICES_ENTRY,
    Keys,
    keys_body,
    people_body,
    policy_body,
    services_body,
)
from schemas.decisions import Decision
from schemas.events import HealthCheck, HealthStatus, JobFinished, LogChunk
from schemas.incidents import Detection
from schemas.oversight import AuditEntry, CatalogueEntry, DeadLetter, EntryKind
from schemas.partitioning import partition_of
from schemas.people import People
from schemas.policy import Policy
from schemas.services import Services
from schemas.signing import public_text, sign
from schemas.topics import ALL_RECORDS, BY_NAME, TOPIC_OF, key_of
from schemas.vocabulary import Result
from tests.support.unmeasured import unmeasured

AT = datetime(2026, 1, 2, tzinfo=UTC)
CODEC = Codec(ALL_RECORDS)
PARTITIONS = BY_NAME["ci.logs"].partitions
STATE = "heal.state.detect-runs"
DEADLINE_S = 90.0
ROOT = Path(__file__).parents[2]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def until(question: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Wait for an answer of yes; fail at the deadline."""
    ends_at = time.monotonic() + deadline_s
    while not question():
        assert time.monotonic() < ends_at, "the deadline passed"
        time.sleep(0.2)


@dataclass
class Workers:
    """Starts worker processes on one broker and ends those that are left."""

    brokers: str
    folder: Path
    started: list[subprocess.Popen[bytes]]

    def start(
        self, *, ready: bool = True, module: str = "tests.support.tiny_worker", measured: bool = False, **more: str
    ) -> subprocess.Popen[bytes]:
        """Start one; coverage follows only into what will be told to end, for what is killed writes none down."""
        port = free_ports(1)[0]
        rows = {"HEALSTREAM_BROKERS": self.brokers, "HEALSTREAM_STATE": str(self.folder), "HEALSTREAM_METRICS_PORT": str(port)}
        environ = os.environ if measured else unmeasured(os.environ)
        log = (self.folder / f"worker-{len(self.started)}.log").open("wb")
        process = subprocess.Popen([sys.executable, "-m", module], env={**environ, **rows, **more}, cwd=ROOT, stdout=log, stderr=log)
        self.started.append(process)
        if ready:
            until(lambda: process.poll() is not None or says_ready(port))
            assert process.poll() is None, self.said()
        return process

    def said(self) -> str:
        return (self.folder / f"worker-{len(self.started) - 1}.log").read_text(errors="replace")[-3000:]


def says_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def own_broker(jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield a broker of this file's own: offsets and topics of other tests would disturb the counts."""
    port, controller_port = free_ports(2)
    server = EmbeddedBroker(BrokerPlace(tmp_path_factory.mktemp("faust-broker"), port, controller_port), jars)
    server.start()
    try:
        server.wait_ready()
        create_topics(server.address)
        yield server.address
    finally:
        server.stop()


@pytest.fixture
def workers(own_broker: str, tmp_path: Path) -> Iterator[Workers]:
    """Yield the starter of workers."""
    made = Workers(own_broker, tmp_path, [])
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def settings(brokers: str) -> dict[str, str | int | float | bool]:
    return {**producer_settings(brokers), "compression.type": "gzip"}


def chunk(run: str, text: str = "a line") -> LogChunk:
    return LogChunk("github", "acme/api", run, 1, "build", 0, text, eof=True, at=AT)


def produce(producer: Producer, record: LogChunk, *, poison: bool = False) -> None:
    key = key_of(record).encode()
    value = b"\xc3\x01 no record" if poison else CODEC.encode(record)
    producer.produce("ci.logs", value, key, partition_of(key, PARTITIONS), headers=[("traceparent", TRACE.encode())])


def spoken(brokers: str, prefix: str) -> list[AuditEntry]:
    found = read_to_end(brokers, "heal.audit.entries")
    return [entry for entry in found if isinstance(entry, AuditEntry) and entry.subject.startswith(prefix)]


def counted(brokers: str) -> int:
    return sum(int(read_entries(brokers, STATE, partition, 30).get("count", "0")) for partition in range(PARTITIONS))


def dead(brokers: str) -> list[DeadLetter]:
    return [letter for letter in read_to_end(brokers, "heal.deadletter") if isinstance(letter, DeadLetter)]


def unheard(brokers: str, prefix: str, wanted: Sequence[str]) -> set[str]:
    return set(wanted) - {entry.subject for entry in spoken(brokers, prefix)}


def test_one_record_goes_through_a_worker_which_then_ends_when_told_to(own_broker: str, workers: Workers) -> None:
    # given a worker
    process = workers.start(measured=True)
    producer = Producer(settings(own_broker))
    # when one record comes
    produce(producer, chunk("one-0"))
    assert producer.flush(30) == 0
    # then its output is there with its trace, no web server was opened, and the worker is small and ends in time
    until(lambda: len(spoken(own_broker, "one-")) == 1)
    message = next(message for message in messages_to_end(own_broker, "heal.audit.entries") if b"one-0" in (message.value() or b""))
    assert dict(message.headers() or [])["traceparent"] == TRACE.encode()
    seen = psutil.Process(process.pid)
    assert {row.laddr.ip for row in seen.net_connections("tcp") if row.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    assert seen.memory_info().rss < 300 * 1024 * 1024
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0


@pytest.mark.parametrize("later", ["no", "yes"])
def test_poison_and_kill_9_lose_nothing_and_count_nothing_twice(own_broker: str, workers: Workers, later: str) -> None:
    # given 2,000 records, every fifth of them poison
    before, before_dead = counted(own_broker), len({(x.origin.partition, x.origin.offset) for x in dead(own_broker)})
    producer = Producer(settings(own_broker))
    mark = f"kill-{later}-"
    good = [f"{mark}{n}" for n in range(2000) if n % 5]
    first = workers.start(TINY_WRITES_LATER=later)
    for n in range(500):
        produce(producer, chunk(f"{mark}{n}"), poison=n % 5 == 0)
    assert producer.flush(30) == 0
    until(lambda: len(spoken(own_broker, mark)) > 100)
    # when the worker is killed while the rest arrives, and another takes over
    for n in range(500, 2000):
        produce(producer, chunk(f"{mark}{n}"), poison=n % 5 == 0)
    assert producer.flush(30) == 0
    first.kill()
    first.wait(10)
    assert unheard(own_broker, mark, good), "the kill came too late to prove anything"
    workers.start(TINY_WRITES_LATER=later)
    # then every record had its output, every poison its dead letter, and the guard kept the count exact
    until(lambda: not unheard(own_broker, mark, good))
    until(lambda: len({(x.origin.partition, x.origin.offset) for x in dead(own_broker)}) == before_dead + 400)
    until(lambda: counted(own_broker) >= before + len(good))
    assert counted(own_broker) == before + len(good)
    numbers = Counter(
        (entry.action, entry.details) for entry in {(e.subject, e.action, e.details): e for e in spoken(own_broker, mark)}.values()
    )
    assert max(numbers.values()) == 1


@pytest.mark.parametrize("later", ["no", "yes"])
def test_a_defect_of_the_stage_costs_one_record_and_leaves_no_half_change(own_broker: str, workers: Workers, later: str) -> None:
    before, letters = counted(own_broker), len(dead(own_broker))
    workers.start(TINY_WRITES_LATER=later)
    producer = Producer(settings(own_broker))
    mark = f"defect-{later}-"
    for n, text in enumerate(("good", "explode", "good")):
        produce(producer, chunk(f"{mark}{n}", text))
    assert producer.flush(30) == 0
    until(lambda: not unheard(own_broker, mark, [f"{mark}0", f"{mark}2"]) and len(dead(own_broker)) > letters)
    until(lambda: counted(own_broker) == before + 2)
    assert "ZeroDivisionError" in dead(own_broker)[-1].error or any("ZeroDivisionError" in letter.error for letter in dead(own_broker))


def test_a_record_of_an_aborted_transaction_is_not_seen(own_broker: str, workers: Workers) -> None:
    workers.start()
    writer = Producer({**settings(own_broker), "transactional.id": "aborter"})
    writer.init_transactions(30)
    writer.begin_transaction()
    produce(writer, chunk("abort-0"))
    assert writer.flush(30) == 0
    writer.abort_transaction(30)
    # the same key, so that it comes after the aborted one on the same partition
    producer = Producer(settings(own_broker))
    key = key_of(chunk("abort-0")).encode()
    producer.produce("ci.logs", CODEC.encode(chunk("abort-1")), key, partition_of(key, PARTITIONS))
    assert producer.flush(30) == 0
    until(lambda: bool(spoken(own_broker, "abort-1")))
    assert not spoken(own_broker, "abort-0")


def test_a_worker_refuses_to_start_without_its_topics_and_names_them(own_broker: str, workers: Workers) -> None:
    admin = AdminClient({"bootstrap.servers": own_broker})
    admin.delete_topics(["heal.side"])["heal.side"].result(30)
    try:
        until(lambda: bool(topic_problems(own_broker)))
        process = workers.start(ready=False)
        assert process.wait(60) == 5
        assert "heal.side" in workers.said()
    finally:
        create_topics(own_broker)


def publish(brokers: str, key: Ed25519PrivateKey) -> None:
    producer = Producer(settings(brokers))
    bodies = {
        POLICY_ENTRY: (EntryKind.POLICY, policy_body(Policy())),
        SERVICES_ENTRY: (EntryKind.SERVICES, services_body(Services())),
        PEOPLE_ENTRY: (EntryKind.CONFIGURATION, people_body(People())),
        KEYS_ENTRY: (EntryKind.CONFIGURATION, keys_body(Keys())),
    }
    for name, (kind, body) in bodies.items():
        send(producer, sign(CatalogueEntry(name, "1", kind, body, AT), key), CODEC)
    assert producer.flush(30) == 0


def test_what_is_said_of_a_target_is_not_read_behind_a_backlog_of_logs(own_broker: str, workers: Workers) -> None:
    # given a backlog of logs on every partition, and a service that fails after all of it
    key, backlog = Ed25519PrivateKey.generate(), 20_000
    publish(own_broker, key)
    producer = Producer(settings(own_broker) | {"queue.buffering.max.messages": backlog + 10})
    for number in range(backlog):
        log = replace(chunk(f"flood-{number % 64}", "x" * 400 + "\n"), seq=number // 64, at=datetime.now(UTC))
        send(producer, log, CODEC)
    for _ in range(2):
        send(producer, HealthCheck("service:flooded", "tcp", HealthStatus.FAIL, datetime.now(UTC)), CODEC)
    assert producer.flush(60) == 0
    # when a worker begins to read
    port = free_ports(1)[0]
    process = workers.start(
        ready=False,
        module="streams.app",
        HEALSTREAM_ROLE="detect",
        HEALSTREAM_PUBLISHER_KEY=public_text(key),
        HEALSTREAM_METRICS_PORT=str(port),
    )
    # then the service is told of while most of the logs are still to be read
    until(lambda: any(isinstance(one, Detection) and one.target == "service:flooded" for one in read_to_end(own_broker, "heal.detections")))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        rows = answer.read().decode().splitlines()
    read = [float(row.split()[-1]) for row in rows if row.startswith('healstream_events_total{kind="LogChunk",source="ci.logs"}')]
    assert sum(read) < backlog / 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_a_failed_run_becomes_a_decision_with_its_trace_in_one_worker_of_all_stages(own_broker: str, workers: Workers) -> None:
    # given a worker of all stages with a published configuration
    key = Ed25519PrivateKey.generate()
    publish(own_broker, key)
    process = workers.start(module="streams.app", measured=True, HEALSTREAM_ROLE="all", HEALSTREAM_PUBLISHER_KEY=public_text(key))
    # when a job fails
    now = datetime.now(UTC)
    text = "ERROR: No matching distribution found for left-pad==9.9.9\nProcess completed with exit code 1.\n"
    log = replace(chunk("whole-1", text), at=now)
    end = JobFinished(
        "github", "acme/api", "whole-1", 1, "ci", "build", "c0ffee", "main", "push", Result.FAILURE, now, now, "runner-1", log_chunks=1
    )
    producer = Producer(settings(own_broker))
    for record in (log, end):
        run_key = key_of(record).encode()
        partition = partition_of(run_key, PARTITIONS)
        producer.produce(TOPIC_OF[type(record)], CODEC.encode(record), run_key, partition, headers=[("traceparent", TRACE.encode())])
    assert producer.flush(30) == 0
    # then it is decided on, in the same trace, by a small process
    target = "job:github/acme/api/whole-1/build"
    until(lambda: any(isinstance(found, Decision) and found.target == target for found in read_to_end(own_broker, "heal.decisions")))
    decided = next(message for message in messages_to_end(own_broker, "heal.decisions") if target.encode() in (message.value() or b""))
    assert header(decided, "traceparent").split("-")[1] == TRACE.split("-")[1]
    assert psutil.Process(process.pid).memory_info().rss < 300 * 1024 * 1024
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
