"""``kcat`` as anybody runs it at a prompt: whole files as records, and a topic's records as they lie there."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.tools import tool

ENDS_S = 120
_LENGTH_BYTES = 4


def write_file(brokers: str, topic: str, key: str, path: Path) -> None:
    """Produce a file's bytes as one record; the partition follows from the key as Java's clients choose it."""
    words = ["-P", "-b", brokers, "-t", topic, "-k", key, "-X", "topic.partitioner=murmur2_random", str(path)]
    _run(words)


def read_topic(brokers: str, topic: str, isolation: str) -> list[bytes]:
    """Return the values that a topic holds now, under this ``isolation.level``."""
    # Each value behind its length: Avro may hold every byte, a line's end among them.
    said = _run(["-C", "-q", "-e", "-b", brokers, "-t", topic, "-o", "beginning", "-X", f"isolation.level={isolation}", "-f", "%R%s"])
    values, at = [], 0
    while at < len(said):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(said[at:begin], "big")
        values.append(said[begin:at])
    assert at == len(said), "kcat ended within a record"
    return values


def _run(words: list[str]) -> bytes:
    done = subprocess.run([tool("kcat"), *words], capture_output=True, timeout=ENDS_S, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
