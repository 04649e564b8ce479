"""A producer that somebody else wrote: failed jobs to ``ci.logs`` and ``ci.events`` under the partitioner that it was told.

``python producer.py BROKERS SCHEMAS PARTITIONER PROJECT RUN_ID...`` with the failing log on standard input; ``default`` leaves
librdkafka's own partitioner (CRC32). It prints one line of JSON per record: topic, partition and key, as the broker acknowledged it.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path

from avro_by_the_book import Schemas  # type: ignore[import-not-found]  # found beside this file when it runs
from confluent_kafka import Message, Producer

BY_DEFAULT = "default"


def report(error: object, message: Message) -> None:
    """Say where a record lies, or end when it was refused."""
    if error is not None:
        sys.exit(f"refused: {error}")
    key = bytes(message.key() or b"").decode()
    sys.stdout.write(json.dumps({"topic": message.topic(), "partition": message.partition(), "key": key}) + "\n")


def main(brokers: str, folder: str, partitioner: str, project: str, *runs: str) -> None:
    """Send each run's log and end."""
    schemas, log = Schemas(Path(folder)), sys.stdin.read()
    chosen = {} if partitioner == BY_DEFAULT else {"partitioner": partitioner}
    producer = Producer({"bootstrap.servers": brokers, "message.timeout.ms": 20000, **chosen})
    for run_id in runs:
        now = datetime.now(timezone.utc)  # noqa: UP017 - a stranger's Python may be older
        job = {"source": "github", "project": project, "run_id": run_id, "attempt": 1, "job": "build"}
        key = f"github/{project}/{run_id}"
        producer.produce(
            "ci.logs", schemas.encode("LogChunk", {**job, "seq": 0, "text": log, "eof": True, "at": now}), key, on_delivery=report
        )
        ended = {"workflow": "ci", "commit": "c" * 40, "branch": "main", "trigger": "push", "result": "failure", "finished_at": now}
        producer.produce("ci.events", schemas.encode("JobFinished", {**job, **ended, "log_chunks": 1}), key, on_delivery=report)
    if producer.flush(30):
        sys.exit("not everything was taken")


if __name__ == "__main__":
    main(*sys.argv[1:])
