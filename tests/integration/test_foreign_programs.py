"""Programs that know only Kafka, Avro and the ``.avsc`` files: two producers with different partitioners, a consumer, and ``kcat``."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer

from infra.kafka import header, messages_to_end, producer_settings
from schemas.avro_codec import fingerprint_of
from schemas.partitioning import partition_of
from schemas.policy import Policy
from schemas.topics import BY_NAME
from tests.integration.foreign.avro_by_the_book import Schemas, crc_64_avro, mark_of
from tests.support.kcat import read_topic, write_file
from tests.support.whole_system import AUTOMATIC, WholeSystem

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas" / "avro"
FOREIGN = Path(__file__).parent / "foreign"
RUNS = ("71001", "71002", "71003", "71004", "71005")
PYTEST_LOG = """collected 3 items
tests/test_cart.py .F.                                                   [100%]
E       assert 3 == 4
tests/test_cart.py:7: AssertionError
FAILED tests/test_cart.py::test_total - assert 3 == 4
========================= 1 failed, 2 passed in 0.04s ==========================
Error: Process completed with exit code 1.
"""


@pytest.fixture(scope="module")
def system(jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSystem]:
    running = WholeSystem(tmp_path_factory.mktemp("foreign"), jars)
    try:
        running.start(Policy(strategies=AUTOMATIC))
        yield running
    finally:
        running.close()


def run_program(name: str, *words: str, said: str = "") -> list[dict[str, object]]:
    """Run a foreign program away from our code and return the lines of JSON that it printed."""
    done = subprocess.run(
        [sys.executable, str(FOREIGN / f"{name}.py"), *words],
        input=said,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def stray(rows: list[dict[str, object]]) -> list[tuple[str, str]]:
    """Return topic and key of the records that lie elsewhere than murmur2 says."""
    return [
        (str(row["topic"]), str(row["key"]))
        for row in rows
        if partition_of(str(row["key"]).encode(), BY_NAME[str(row["topic"])].partitions) != row["partition"]
    ]


def counted_strays(system: WholeSystem) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{system.ports['streams.app']}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if "events_rejected_total{" in line and 'reason="stray_partition"' in line)


def rekeyed(system: WholeSystem, topic: str) -> dict[str, tuple[int, str]]:
    """Return the key of each forwarded record with its partition now and the header that says where it lay."""
    found: dict[str, tuple[int, str]] = {}
    for message in messages_to_end(system.address, topic):
        headers = dict(message.headers() or [])
        if "hs-rekeyed" in headers:
            found[bytes(message.key() or b"").decode()] = (int(message.partition() or 0), header(message, "hs-rekeyed"))
    return found


def test_the_foreign_programs_import_nothing_of_ours() -> None:
    allowed = {"__future__", "collections", "datetime", "io", "json", "pathlib", "sys", "time"} | {"confluent_kafka", "fastavro"}
    for path in FOREIGN.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed | {"avro_by_the_book"}, path.name


def test_our_fingerprints_are_those_of_the_specification() -> None:
    # The first two are from the specification's own test data.
    assert crc_64_avro(b'"null"') == 0x63DD24E7CC258F8A
    assert crc_64_avro(b'"int"') == 0x7275D51A3F395C8F
    for path in SCHEMAS.glob("*.avsc"):
        text = path.read_text(encoding="utf-8")
        assert mark_of(json.loads(text)) == fingerprint_of(text), path.name


def test_two_strangers_failed_jobs_become_outcomes_that_a_third_can_read(system: WholeSystem) -> None:
    # when a producer with librdkafka's CRC32 and one with murmur2 send failed jobs
    by_crc = run_program("producer", system.address, str(SCHEMAS), "default", "acme/crc", *RUNS, said=PYTEST_LOG)
    by_murmur = run_program("producer", system.address, str(SCHEMAS), "murmur2_random", "acme/murmur", *RUNS, said=PYTEST_LOG)
    lost = stray(by_crc)
    assert lost, "no record lay astray, so nothing would be proved"
    assert stray(by_murmur) == []
    # then a consumer that knows the schema files only reads one final outcome per run
    outcomes = run_program("consumer", system.address, str(SCHEMAS), str(2 * len(RUNS)), "60")
    ended = {str(row["target"]): (row["record"], row["kind"], row["status"]) for row in outcomes if row["final"]}
    wanted = {f"job:github/acme/{name}/{run_id}/build" for name in ("crc", "murmur") for run_id in RUNS}
    assert set(ended) == wanted
    assert set(ended.values()) == {("RecoveryOutcome", "test_failure", "refused")}
    # and each stray record was forwarded to its key's partition, says from where, and was counted
    assert counted_strays(system) == len(lost)
    for topic in ("ci.logs", "ci.events"):
        forwarded = rekeyed(system, topic)
        lay = {str(row["key"]): str(row["partition"]) for row in by_crc if row["topic"] == topic}
        assert set(forwarded) == {key for name, key in lost if name == topic}
        for key, (partition, origin) in forwarded.items():
            assert (partition, origin) == (partition_of(key.encode(), BY_NAME[topic].partitions), lay[key])


def failed_job(run_id: str) -> dict[str, dict[str, object]]:
    """Return what a stranger writes of a failed job: topic and fields by the name of the schema."""
    now = datetime.now(UTC)
    job: dict[str, object] = {"source": "github", "project": "acme/kcat", "run_id": run_id, "attempt": 1, "job": "build"}
    ended = {"workflow": "ci", "commit": "c" * 40, "branch": "main", "trigger": "push", "result": "failure", "finished_at": now}
    return {
        "LogChunk": {**job, "seq": 0, "text": PYTEST_LOG, "eof": True, "at": now},
        "JobFinished": {**job, **ended, "log_chunks": 1},
    }


def ends_of(values: list[bytes], target: str) -> list[tuple[str, object, object]]:
    """Return record, status and kind of a target's final outcomes, as a stranger reads them."""
    read = [(name, row) for name, row in map(Schemas(SCHEMAS).decode, values) if isinstance(row, dict)]
    return [(name, row["status"], row["kind"]) for name, row in read if row["final"] and row["target"] == target]


def take_back(system: WholeSystem, value: bytes) -> None:
    """Write an outcome within a transaction that is then aborted: it lies on the topic and was never said."""
    producer = Producer({**producer_settings(system.address), "transactional.id": "somebody-who-gives-up"})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce("recovery.outcomes", value)
    producer.flush(60)
    producer.abort_transaction(60)


def test_kcat_tells_of_a_failed_job_from_files_and_reads_its_outcome_but_none_that_was_taken_back(
    system: WholeSystem, tmp_path: Path
) -> None:
    # given the Avro bytes of a failed job in two files, made from the schema files alone
    schemas = Schemas(SCHEMAS)
    for name, topic in (("LogChunk", "ci.logs"), ("JobFinished", "ci.events")):
        path = tmp_path / f"{name}.avro"
        path.write_bytes(schemas.encode(name, failed_job("81001")[name]))
        # when kcat produces each
        write_file(system.address, topic, "github/acme/kcat/81001", path)
    [outcome] = system.wait_outcomes("job:github/acme/kcat/81001/build", 120)
    take_back(system, system.codec.encode(outcome))
    committed, all_there = (read_topic(system.address, "recovery.outcomes", level) for level in ("read_committed", "read_uncommitted"))
    # then kcat reads the outcome once, and the repetition that was aborted only when it asks for what is not committed
    assert [len([raw for raw in values if raw == system.codec.encode(outcome)]) for values in (committed, all_there)] == [1, 2]
    assert ends_of(committed, outcome.target) == [("RecoveryOutcome", "refused", "test_failure")]
