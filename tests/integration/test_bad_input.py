"""Everything that is wrong with what strangers send, at once into a running worker.

Each goes where it belongs and is counted, and the run that lies behind it on the same partition is classified.
"""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Message, Producer

from infra.kafka import Settings, header, located, messages_to_end, producer_settings, read_to_end
from infra.topics_admin import create_topics
from schemas.avro_codec import Codec
from schemas.door import MAX_VALUE_BYTES
from schemas.events import HealthCheck, HealthStatus, JobFinished, LogChunk
from schemas.ids import Record
from schemas.incidents import Incident
from schemas.oversight import DeadLetter
from schemas.partitioning import partition_of
from schemas.policy import Policy
from schemas.topics import ALL_RECORDS, BY_NAME, TOPIC_OF, key_of
from schemas.vocabulary import Kind, Result
from tests.support.whole_system import WholeSystem

CODEC = Codec(ALL_RECORDS)
WORKER = "streams.app"
DEADLINE_S = 40.0
COUNTED = {
    ("ci.logs", "undecodable"): 2,
    ("ci.logs", "oversized"): 1,
    ("ci.logs", "invalid"): 1,
    ("ci.logs", "late"): 1,
    ("ci.logs", "future"): 1,
    ("ci.logs", "stray_partition"): 1,
    ("ci.logs", "duplicate"): 1,
    ("infra.health", "late"): 1,
}
LINES = ("collecting left-pad==9.9.9\n", "ERROR: No matching distribution found for left-pad==9.9.9\n", "Error: exit code 1.\n")


@dataclass
class Sender:
    """Produces records with the broker's word on each; where they go is up to the caller."""

    address: str
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The producer's own cap lies above the broker's, so that the broker is the one who refuses.
        more: Settings = {"message.max.bytes": 8 * 1024 * 1024, "compression.type": "none"}
        self._producer = Producer({**producer_settings(self.address), **more})

    def raw(self, topic: str, key: str, value: bytes, partition: int | None = None) -> None:
        home = partition_of(key.encode(), BY_NAME[topic].partitions)
        self._producer.produce(topic, value, key.encode(), home if partition is None else partition, on_delivery=self._hear)
        assert self._producer.flush(20) == 0

    def record(self, record: Record, astray: int = 0) -> None:
        topic, key = TOPIC_OF[type(record)], key_of(record)
        count = BY_NAME[topic].partitions
        self.raw(topic, key, CODEC.encode(record), (partition_of(key.encode(), count) + astray) % count)

    def _hear(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self.refused.append(str(error.name()))


@pytest.fixture(scope="module")
def system(jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSystem]:
    """Yield a broker with one worker of all streams."""
    running = WholeSystem(tmp_path_factory.mktemp("bad-input"), jars)
    try:
        running.broker.start()
        running.broker.wait_ready()
        create_topics(running.address)
        running.publish(Policy())
        running.run(WORKER)
        running.wait_ready(WORKER)
        yield running
    finally:
        running.close()


def until(question: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not question():
        assert time.monotonic() < end, f"{what} was not seen in time"


def chunk(run_id: str, seq: int, *, eof: bool = False) -> LogChunk:
    return LogChunk("github", "acme/api", run_id, 1, "build", seq, LINES[seq % len(LINES)], eof, datetime.now(UTC))


def finished(run_id: str) -> JobFinished:
    now = datetime.now(UTC)
    return JobFinished(
        "github", "acme/api", run_id, 1, "ci", "build", "c" * 40, "main", "push", Result.FAILURE, now, now, log_chunks=len(LINES)
    )


def counted(system: WholeSystem) -> dict[tuple[str, str], float]:
    """Return (source, reason) -> events rejected, from the worker's metrics page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{system.ports[WORKER]}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    rows = [line.partition("{")[2].rpartition("} ") for line in lines if line.startswith("healstream_events_rejected_total{")]
    labels = [({pair.split("=")[0]: pair.split("=")[1].strip('"') for pair in names.split(",")}, value) for names, _, value in rows]
    return {(label["source"], label["reason"]): float(value) for label, value in labels}


def incidents_of(system: WholeSystem, run_id: str) -> list[Incident]:
    found = [one for one in read_to_end(system.address, "heal.incidents") if isinstance(one, Incident)]
    return [one for one in found if f"/{run_id}/" in one.target]


def late_reasons(system: WholeSystem) -> dict[tuple[str, str], str]:
    """Return (record, its run or target) -> why it lies on the side output."""
    found: dict[tuple[str, str], str] = {}
    for message in messages_to_end(system.address, "heal.side"):
        record = located(message, CODEC).record
        if isinstance(record, LogChunk | HealthCheck):
            name = record.run_id if isinstance(record, LogChunk) else record.target
            found[type(record).__name__, name] = header(message, "hs-late")
    return found


def send_what_is_wrong(sender: Sender) -> None:
    good = "github/acme/api/good"
    sender.raw("ci.logs", good, b"\x00\xffno record at all")
    sender.raw("ci.logs", good, CODEC.encode(chunk("good", 0))[:-7])
    sender.raw("ci.logs", good, b"\xc3\x01" + os.urandom(MAX_VALUE_BYTES))
    sender.record(replace(chunk("good", 0), text="x" * (256 * 1024 + 1)))
    sender.record(chunk("done", 9))
    sender.record(replace(chunk("future", 0), at=datetime.now(UTC) + timedelta(hours=1)))
    sender.record(chunk("astray", 0), astray=1)
    check = HealthCheck("service:side", "tcp", HealthStatus.PASS, datetime.now(UTC))
    sender.record(check)
    sender.record(replace(check, at=check.at - timedelta(minutes=10)))
    assert sender.refused == []
    # The broker itself refuses what its topic does not take.
    sender.raw("ci.logs", good, os.urandom(3 * 1024 * 1024 - 10_000))
    assert sender.refused == ["MSG_SIZE_TOO_LARGE"]


def test_bad_records_go_where_they_belong_with_a_counter_and_the_stream_goes_on(system: WholeSystem) -> None:
    # given a run that is classified already
    sender = Sender(system.address)
    for record in (chunk("done", 0), chunk("done", 1), chunk("done", 2, eof=True), finished("done")):
        sender.record(record)
    until(lambda: bool(incidents_of(system, "done")), "the first run's incident")
    # when everything that can be wrong comes, all of it on the partition of the run that comes last
    send_what_is_wrong(sender)
    # and a good run whose end comes before its log, whose chunks come backwards and twice
    for record in (finished("good"), chunk("good", 2, eof=True), chunk("good", 1), chunk("good", 1), chunk("good", 0)):
        sender.record(record)
    # then each was counted by its reason, and the good run is classified once
    until(lambda: counted(system) == COUNTED, "the counters")
    until(lambda: bool(incidents_of(system, "good")), "the good run's incident")
    [incident] = incidents_of(system, "good")
    assert (incident.kind, incident.complete) == (Kind.DEPENDENCY_RESOLUTION, True), incident
    # and the dead letters say what was wrong and show nothing of what could not be read
    letters = [one for one in read_to_end(system.address, "heal.deadletter") if isinstance(one, DeadLetter)]
    assert sorted(one.error.partition(":")[0] for one in letters) == ["invalid", "oversized", "undecodable", "undecodable"]
    assert {one.origin.topic for one in letters} == {"ci.logs"}
    assert all(not one.value and len(one.sha256) == 64 for one in letters)
    # and the side output has the late and the future ones, the stray one is where its key belongs
    sides = late_reasons(system)
    assert sides["LogChunk", "future"] == "from the future"
    assert sides["LogChunk", "done"] == "the run has been detected already"
    assert sides["HealthCheck", "service:side"] == "older than the newest sample of its probe"
    homes = [message.partition() for message in messages_to_end(system.address, "ci.logs") if header(message, "hs-rekeyed")]
    assert homes == [partition_of(b"github/acme/api/astray", BY_NAME["ci.logs"].partitions)]
