"""The doors of the Faust stages as the shell sees them: bytes to an event with counts, or to letters instead of one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schemas.avro_codec import Codec
from schemas.door import Refused, admit_bytes
from schemas.ids import Record
from schemas.outputs import Emit, Late, Output, Place
from schemas.oversight import DeadLetter
from schemas.policy import Policy
from schemas.topics import BY_NAME
from streams.binding import Incoming, Letter
from streams.ingest import Accepted, Duplicate, Forward, HintFinder, Ingest, RawRecord

# The stages that share a door lag behind each other by a few records, and a record has some kilobytes.
MAX_KNOWN_RECORDS = 200


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of one record: an event to apply (None: there is none), what to say of it, and bytes to send as they are."""

    event: Record | None
    outputs: Sequence[Output] = ()
    letters: Sequence[Letter] = ()


class Door(Protocol):
    """Judges what comes in, before the stage sees it."""

    def open(self, incoming: Incoming, now: datetime) -> Opened | Refused:
        """Return what came of the record, or why it is refused."""
        ...

    def forget(self, partition: int) -> None:
        """Forget what is known of a partition: its owner begins again from its state."""
        ...


class PlainDoor:
    """The door of topics that only we write: a record that decodes and belongs on its topic passes.

    The stages of one process share one: several of them read the same topics, and what one has decoded lately the next need not.
    """

    def __init__(self, codec: Codec) -> None:
        """Remember the codec."""
        self._codec = codec
        self._known: OrderedDict[Place, Opened | Refused] = OrderedDict()

    def open(self, incoming: Incoming, now: datetime) -> Opened | Refused:  # noqa: ARG002 - the Protocol's shape
        """Return the record, or why it is refused."""
        place = incoming.place
        known = self._known.get(place)
        if known is not None:
            return known

        def wrong(record: Record) -> str | None:
            return None if isinstance(record, BY_NAME[place.topic].records) else f"{record.RECORD} does not belong on {place.topic}"

        found = admit_bytes(incoming.raw, self._codec, wrong)
        opened = self._known[place] = found if isinstance(found, Refused) else Opened(found)
        if len(self._known) > MAX_KNOWN_RECORDS:
            self._known.popitem(last=False)
        return opened

    def forget(self, partition: int) -> None:
        """Nothing: what stands at a place of a topic never changes."""


class IngestDoor:
    """The door of the In zone: ``streams/ingest.py`` in the shell's words."""

    def __init__(self, codec: Codec, policy: Callable[[], Policy], topics: Sequence[str], hints: HintFinder) -> None:
        """Make the ingest of these topics; ``policy`` returns the one in force."""
        self._topics = tuple(topics)
        self._ingest = Ingest(codec, policy, _partitions(topics), hints)

    def open(self, incoming: Incoming, now: datetime) -> Opened | Refused:
        """Return the event, or the dead letter, side output or forward that takes its place."""
        place = incoming.place
        raw = RawRecord(place.topic, place.partition, place.offset, incoming.at, incoming.key, incoming.raw, incoming.headers)
        found, counts = self._ingest.read(raw, now)
        match found:
            case Accepted(event):
                return Opened(event, counts)
            case DeadLetter() as letter:
                return Opened(None, (Emit(letter), *counts))
            case Forward(topic, partition, key, value, headers):
                return Opened(None, counts, (Letter(topic, partition, key, value, headers),))
            case Late() as late:
                return Opened(None, (late, *counts))
            case Duplicate():
                return Opened(None, counts)

    def forget(self, partition: int) -> None:
        """Forget the partition's ids: what was seen but not stored comes again and must count."""
        for topic in self._topics:
            self._ingest.forget(topic, partition)


def _partitions(topics: Sequence[str]) -> Mapping[str, int]:
    return {topic: BY_NAME[topic].partitions for topic in topics}
