"""The door of the streams: bytes of the In zone to a typed event, or to what becomes of bytes that are none; before ``detect.py``.

Pure: the shell sends what comes back. Dead letters, forwards and late events are values.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from schemas.avro_codec import Codec
from schemas.door import MAX_TEXT_BYTES, Refused, admit_bytes, redact
from schemas.events import Alert, Event, HealthCheck, JobFinished, JobStarted, LogChunk, MetricBatch, WorkflowFinished
from schemas.ids import Record, id_of
from schemas.outputs import Count, Late
from schemas.oversight import DeadLetter, DeadOrigin
from schemas.partitioning import partition_of
from schemas.policy import Policy
from schemas.topics import BY_NAME, key_of
from streams.steady_time import SteadyTime

REKEYED_HEADER = "hs-rekeyed"
MAX_KNOWN_IDS = 20_000
MAX_SAMPLES = 10_000
MAX_HEADERS = 32
_MASK = "[redacted]"
# An assigned secret may stand some white space behind its word, that is on the next lines: its word begins at most that far before
# the end that a hint tells.
_REACH_BYTES = 96
_KEY_BEGIN, _KEY_END = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"), "-----END "


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as the broker gave it."""

    topic: str
    partition: int
    offset: int
    at: datetime
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event to be used."""

    event: Event


@dataclass(frozen=True, slots=True)
class Forward:
    """A stray record: send its bytes as they are to the partition of its key, with this header added."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An event whose id was seen lately; nothing is to be done."""

    id: str


Ingested = Accepted | DeadLetter | Forward | Late | Duplicate


class Ingest:
    """Reads the In topics of one worker; ``partitions`` is how many each has on the broker."""

    def __init__(self, codec: Codec, policy: Callable[[], Policy], partitions: Mapping[str, int], hints: HintFinder) -> None:
        """Start with no ids known; they only save work: the stages are idempotent themselves. ``policy`` returns the one in force."""
        self._codec = codec
        self._policy = policy
        self._partitions = dict(partitions)
        self._hints = hints
        self._known: OrderedDict[tuple[str, int, str], None] = OrderedDict()
        self._time = SteadyTime()

    def read(self, raw: RawRecord, now: datetime) -> tuple[Ingested, Sequence[Count]]:
        """Return what a record is, and the counts to add."""
        steady = self._time.after(now)
        record = admit_bytes(raw.value, self._codec, lambda found: _fault_of(found, raw))
        if isinstance(record, Refused):
            return _dead(raw, record), (_rejected(raw.topic, record.reason),)
        stray = self._stray(raw)
        if stray is not None:
            return stray, (_rejected(raw.topic, "stray_partition"),)
        # What ``_fault_of`` let through is an event.
        event: Event = record  # type: ignore[assignment]
        if (time_of(event) - steady).total_seconds() > self._policy().future_limit_s:
            return Late(self._redacted(event), "from the future"), (_rejected(raw.topic, "future"),)
        event_id = id_of(event)
        if self._seen_before(raw, event_id):
            return Duplicate(event_id), (_rejected(raw.topic, "duplicate"),)
        event = self._redacted(event)
        kind = (("source", raw.topic), ("kind", event.RECORD))
        return Accepted(event), (Count("healstream_events_total", kind),)

    def _redacted(self, event: Event) -> Event:
        if not isinstance(event, LogChunk):
            return event
        text = redact_log(event.text, self._hints, self._policy().secrets)
        return event if text is event.text else replace(event, text=text)

    def _stray(self, raw: RawRecord) -> Forward | None:
        count = self._partitions.get(raw.topic, BY_NAME[raw.topic].partitions)
        key = raw.key or b""
        home = partition_of(key, count)
        # A record that was forwarded once stays where it is: two readers that disagree must not play ball with it.
        if home == raw.partition or any(name == REKEYED_HEADER for name, _ in raw.headers):
            return None
        return Forward(raw.topic, home, key, raw.value or b"", (*raw.headers, (REKEYED_HEADER, str(raw.partition).encode())))

    def _seen_before(self, raw: RawRecord, event_id: str) -> bool:
        # Known per partition, so that a partition which comes back to this worker after a rebalance is told apart from its offset.
        slot = (raw.topic, raw.partition, event_id)
        if slot in self._known:
            self._known.move_to_end(slot)
            return True
        self._known[slot] = None
        if len(self._known) > MAX_KNOWN_IDS:
            self._known.popitem(last=False)
        return False

    def forget(self, topic: str, partition: int) -> None:
        """Forget a partition's ids: called when it is assigned, because its owner may replay what it had not yet stored."""
        for slot in [slot for slot in self._known if slot[:2] == (topic, partition)]:
            del self._known[slot]


def time_of(event: Event) -> datetime:
    """Return an event's own time."""
    match event:
        case LogChunk() | HealthCheck():
            return event.at
        case JobStarted():
            return event.started_at
        case JobFinished() | WorkflowFinished():
            return event.finished_at
        case MetricBatch():
            return max([event.last_at, *(sample.at for sample in event.samples)])
        case Alert():
            return event.starts_at


class HintFinder(Protocol):
    """Finds what may be a secret: ``learning.patterns.secret_hints.SecretHints``."""

    def ends(self, text: bytes) -> Sequence[int] | None:
        """Return where each ends, in order; None when the whole text has to be read."""
        ...


def redact_log(text: str, hints: HintFinder, literals: tuple[str, ...] = ()) -> str:
    """Return what ``schemas.door.redact`` returns, at the speed of logs: only lines with a hint are looked at."""
    for literal in literals:
        text = text.replace(literal, _MASK)
    raw = text.encode("utf-8", "surrogatepass")
    ends = hints.ends(raw)
    if ends is None:
        return _without_cut_key(redact(text))
    if not ends:
        return text
    parts: list[str] = []
    at = 0
    for start, stop in _lines_before(raw, ends):
        parts += (_text(raw[at:start]), redact(_text(raw[start:stop])))
        at = stop
    return "".join((*parts, _text(raw[at:])))


def _without_cut_key(text: str) -> str:
    # A key whose end is in the next chunk: what is here of it goes.
    begun = [found.start() for found in _KEY_BEGIN.finditer(text)]
    return text[: begun[0]] + _MASK if begun and _KEY_END not in text[begun[0] :] else text


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


def _lines_before(raw: bytes, ends: Sequence[int]) -> list[tuple[int, int]]:
    """Return the spans of whole lines that hold what ends at ``ends``, joined where they touch."""
    spans: list[tuple[int, int]] = []
    for end in ends:
        start = raw.rfind(b"\n", 0, max(end - _REACH_BYTES, 0)) + 1
        stop = raw.find(b"\n", end) + 1 or len(raw)
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], stop))
        else:
            spans.append((start, stop))
    return spans


def _fault_of(record: Record, raw: RawRecord) -> str | None:
    if type(record) not in BY_NAME[raw.topic].records:
        return f"{record.RECORD} does not belong on {raw.topic}"
    expected = key_of(record).encode()
    if raw.key != expected:
        return f"the key is not the record's own: {expected[:200].decode(errors='replace')!r} is wanted"
    if isinstance(record, LogChunk):
        return _fault_of_chunk(record)
    if isinstance(record, MetricBatch) and len(record.samples) > MAX_SAMPLES:
        return f"{len(record.samples)} samples, the cap is {MAX_SAMPLES}"
    return None


def _fault_of_chunk(chunk: LogChunk) -> str | None:
    if chunk.seq < 0:
        return f"seq {chunk.seq} is negative"
    # A character is one byte at least and four at most: most chunks need no second encoding.
    if len(chunk.text) * 4 > MAX_TEXT_BYTES and len(chunk.text.encode()) > MAX_TEXT_BYTES:
        return f"the text is longer than {MAX_TEXT_BYTES} bytes"
    return None


def _rejected(topic: str, reason: str) -> Count:
    return Count("healstream_events_rejected_total", (("source", topic), ("reason", reason)))


def _dead(raw: RawRecord, refused: Refused) -> DeadLetter:
    shown = tuple((name[:100], redact(value[:500].decode(errors="replace"))) for name, value in raw.headers[:MAX_HEADERS])
    key = redact((raw.key or b"")[:500].decode(errors="replace"))
    origin = DeadOrigin(raw.topic, raw.partition, raw.offset, raw.at, key, shown)
    return DeadLetter(origin, "ingest", f"{refused.reason}: {refused.detail}", 1, refused.sha256, refused.shown)
