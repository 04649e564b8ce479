"""The logs that patterns are tried on beside the recorded ones that come with the program: those that the log topic still holds."""

from __future__ import annotations

from collections import defaultdict

from infra.kafka import read_to_end
from learning.stored_logs import StoredLog
from schemas.events import JobFinished, LogChunk
from schemas.vocabulary import FAILED_RESULTS, Kind, Result

RunKey = tuple[str, str, str, int, str]


def logs_on_topic(brokers: str) -> tuple[StoredLog, ...]:
    """Return the runs whose chunks and end the topics still hold; of a failure only a person could tell the kind.

    Raises UnreachableError when the topics cannot be read.
    """
    ends = {_key(event): event.result for event in read_to_end(brokers, "ci.events") if isinstance(event, JobFinished)}
    texts: dict[RunKey, dict[int, str]] = defaultdict(dict)
    for chunk in read_to_end(brokers, "ci.logs"):
        if isinstance(chunk, LogChunk) and _key(chunk) in ends:
            texts[_key(chunk)].setdefault(chunk.seq, chunk.text)
    return tuple(_log(key, ends[key], chunks) for key, chunks in sorted(texts.items()))


def _key(event: JobFinished | LogChunk) -> RunKey:
    return (event.source, event.project, event.run_id, event.attempt, event.job)


def _log(key: RunKey, result: Result, chunks: dict[int, str]) -> StoredLog:
    kind = Kind.UNKNOWN if result in FAILED_RESULTS else Kind.SUCCESS
    text = "".join(chunks[seq] for seq in sorted(chunks))
    return StoredLog("/".join(map(str, key)), "unknown", "topic", "none", "unknown", kind, result, key[0], text)
