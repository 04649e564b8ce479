"""What lies between a pure stage and Kafka, as values: outputs become letters, offsets a guard, failures dead letters.

``streams/agents.py`` sends what is said here; nothing in this file knows a client library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from schemas.avro_codec import Codec
from schemas.door import MAX_DEAD_VALUE_BYTES, Refused, redact
from schemas.errors import RecordShapeError
from schemas.ids import Record, id_of
from schemas.outputs import Count, Emit, Gauge, Late, Observe, Output, Place, Reject
from schemas.oversight import DeadLetter, DeadOrigin
from schemas.partitioning import partition_of
from schemas.topics import BY_NAME, MAX_RECORD_BYTES, TOPIC_OF, key_of

GUARD_PREFIX = "@offsets/"
SIDE_TOPIC = "heal.side"
_MAX_HEADERS = 16
_MAX_HEADER_BYTES = 256

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

# Tuples, because a union is made anew wherever it is written.
_SENT, _MEASURED = (Emit, Late, Reject), (Count, Observe, Gauge)

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """One record as it is given to a producer; a value of None removes the key from a compacted topic."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Incoming:
    """One record as it was received; ``at`` is its Kafka timestamp."""

    place: Place
    at: datetime
    key: bytes
    raw: bytes | None
    headers: Headers = ()

    def without_value(self) -> Incoming:
        """Return what is kept of it while its event is: all but the bytes."""
        return Incoming(self.place, self.at, self.key, None, self.headers)


@dataclass(slots=True)
class Guard:
    """The last offset applied per input topic of one partition: what makes a redelivered event change nothing."""

    offsets: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_entries(cls, entries: Mapping[str, str]) -> Guard:
        """Return the guard that the state's entries hold."""
        return cls({name[len(GUARD_PREFIX) :]: int(value) for name, value in entries.items() if name.startswith(GUARD_PREFIX)})

    def has_applied(self, place: Place) -> bool:
        """Tell whether the event at this place is already in the state."""
        return place.offset <= self.offsets.get(place.topic, -1)

    def advance(self, place: Place) -> None:
        """Remember that the event at this place is in the state now."""
        self.offsets[place.topic] = place.offset

    def entries(self) -> dict[str, str]:
        """Return the guard as entries of the state."""
        return {f"{GUARD_PREFIX}{topic}": str(offset) for topic, offset in sorted(self.offsets.items())}


def stage_entries(entries: Mapping[str, str]) -> dict[str, str]:
    """Return the entries that belong to the stage, without the shell's own."""
    return {name: value for name, value in entries.items() if not name.startswith("@")}


def traceparent_in(headers: Headers) -> str:
    """Return the W3C traceparent among the headers, empty when there is none or it is malformed."""
    text = next((value for name, value in reversed(headers) if name == "traceparent"), b"").decode("ascii", "replace")
    return text if _TRACEPARENT.fullmatch(text) else ""


def new_traceparent(random_bytes: bytes) -> str:
    """Return a sampled traceparent made of 24 random bytes."""
    return f"00-{random_bytes[:16].hex()}-{random_bytes[16:24].hex()}-01"


def letter_of(record: Record, traceparent: str, codec: Codec, topic: str = "") -> Letter:
    """Return the record's letter to its own topic, or to ``topic``; its own traceparent wins over its source's."""
    name = topic or TOPIC_OF[type(record)]
    key = "" if topic else key_of(record)
    value = codec.encode(record)
    _refuse_oversized(record.RECORD, value)
    trace = str(getattr(record, "traceparent", "")) or traceparent
    headers: list[tuple[str, bytes]] = [("hs-schema", record.RECORD.encode())]
    if trace:
        headers.append(("traceparent", trace.encode()))
    # A record without a key is spread by its id, so that a duplicate lands beside the first.
    partition = partition_of((key or id_of(record)).encode(), BY_NAME[name].partitions)
    return Letter(name, partition, key.encode() or None, value, tuple(headers))


def _refuse_oversized(name: str, value: bytes) -> None:
    if len(value) > MAX_RECORD_BYTES:
        raise RecordShapeError(name, f"{len(value)} bytes, the cap is {MAX_RECORD_BYTES}", "The stage that built it must bound it")


def dead_letter(incoming: Incoming, stage: str, refused: Refused) -> DeadLetter:
    """Return the dead letter of a record that a stage could not use."""
    headers = tuple(
        (name[:_MAX_HEADER_BYTES], redact(value[:_MAX_HEADER_BYTES].decode("utf-8", "replace")))
        for name, value in incoming.headers[:_MAX_HEADERS]
    )
    place = incoming.place
    key = redact(incoming.key[:_MAX_HEADER_BYTES].decode("utf-8", "replace"))
    origin = DeadOrigin(place.topic, place.partition, place.offset, incoming.at, key, headers)
    shown = refused.shown.encode()[:MAX_DEAD_VALUE_BYTES].decode("utf-8", "ignore")
    return DeadLetter(origin, stage, f"{refused.reason}: {refused.detail}"[:1000], 1, refused.sha256, shown)


def refusal(incoming: Incoming, reason: str, detail: str) -> Refused:
    """Return a refusal of what came in, for a reason found after the door."""
    return Refused(reason, redact(detail)[:500], sha256(incoming.raw or b"").hexdigest(), "")


def letters_of(outputs: Iterable[Output], incoming: Incoming | None, stage: str, codec: Codec) -> tuple[Letter, ...]:
    """Return what a stage's outputs send; ``incoming`` is None when a tick made them."""
    sent = [output for output in outputs if isinstance(output, _SENT)]
    if not sent:
        return ()
    trace = traceparent_in(incoming.headers) if incoming else ""
    letters: list[Letter] = []
    for output in sent:
        match output:
            case Emit(record):
                letters.append(letter_of(record, trace, codec))
            case Late(event, why):
                side = letter_of(event, trace, codec, SIDE_TOPIC)
                letters.append(Letter(side.topic, side.partition, None, side.value, (*side.headers, ("hs-late", why.encode()[:200]))))
            case Reject(reason):
                if incoming is not None:
                    letters.append(letter_of(dead_letter(incoming, stage, refusal(incoming, "rejected", reason)), trace, codec))
    return tuple(letters)


def measures_of(outputs: Iterable[Output]) -> tuple[Count | Observe | Gauge, ...]:
    """Return the outputs that are measured, not sent."""
    return tuple(output for output in outputs if isinstance(output, _MEASURED))


def state_letters(topic: str, partition: int, changes: Mapping[str, str | None], guard: Guard) -> tuple[Letter, ...]:
    """Return what makes the changes durable: the entries, then the guard, so that a guard never speaks of an unwritten entry."""
    rows: dict[str, str | None] = {**changes, **guard.entries()}
    letters = tuple(Letter(topic, partition, name.encode(), None if text is None else text.encode()) for name, text in rows.items())
    for letter in letters:
        _refuse_oversized(topic, letter.value or b"")
    return letters
