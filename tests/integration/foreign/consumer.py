"""A consumer that somebody else wrote: prints each outcome on ``recovery.outcomes`` as one line of JSON, from the ``.avsc`` files alone.

``python consumer.py BROKERS SCHEMAS COUNT SECONDS``: ends with 0 after COUNT final outcomes, with 1 when they do not come in time.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from avro_by_the_book import Schemas  # type: ignore[import-not-found]  # found beside this file when it runs
from confluent_kafka import Consumer


def main(brokers: str, folder: str, count: str, seconds: str) -> None:
    """Print what was read."""
    schemas, missing, end = Schemas(Path(folder)), int(count), time.monotonic() + float(seconds)
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "somebody-else",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe(["recovery.outcomes"])
    while missing > 0 and time.monotonic() < end:
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error() is not None:
            sys.exit(str(message.error()))
        name, row = schemas.decode(bytes(message.value() or b""))
        if isinstance(row, dict):
            missing -= bool(row["final"])
            sys.stdout.write(json.dumps({"record": name, **row}, default=str) + "\n")
    consumer.close()
    sys.exit(0 if missing <= 0 else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
