"""Topics in memory: bytes by partition and offset, as a broker would keep them, for flows without one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from schemas.avro_codec import Codec, Undecodable
from schemas.ids import Record
from schemas.outputs import Place
from schemas.topics import ALL_RECORDS, BY_NAME
from streams.binding import Incoming, Letter, letter_of

CODEC = Codec(ALL_RECORDS)


@dataclass
class MemoryTopics:
    """Every topic's records; what is appended keeps its partition's order."""

    rows: dict[tuple[str, int], list[Incoming]] = field(default_factory=lambda: defaultdict(list))

    def send(self, letter: Letter, at: datetime) -> None:
        """Append one letter."""
        row = self.rows[letter.topic, letter.partition]
        row.append(Incoming(Place(letter.topic, letter.partition, len(row)), at, letter.key or b"", letter.value, letter.headers))

    def send_record(self, record: Record, at: datetime, traceparent: str = "") -> None:
        """Append a record to its own topic."""
        self.send(letter_of(record, traceparent, CODEC), at)

    def compact(self, topic: str, now: datetime) -> None:
        """Leave of each key the newest, as a broker does sooner or later, and what is younger than the topic keeps whole."""
        young = now - timedelta(seconds=BY_NAME[topic].whole_for_s)
        for (name, number), row in self.rows.items():
            newest = {incoming.key: incoming.place.offset for incoming in row}
            if name == topic:
                self.rows[name, number] = [one for one in row if one.place.offset == newest[one.key] or one.at > young]

    def read(self, topic: str, partition: int, offset: int) -> list[Incoming]:
        """Return what a partition holds from the offset on."""
        return self.rows[topic, partition][offset:]

    def records(self, topic: str) -> Iterator[Record]:
        """Yield what the topic's bytes decode to, partition by partition."""
        for (name, _), row in sorted(self.rows.items()):
            if name == topic:
                yield from self.decoded(row)

    def decoded(self, row: list[Incoming]) -> Iterator[Record]:
        """Yield what one partition's bytes decode to."""
        for incoming in row:
            record = CODEC.decode(incoming.raw)
            assert not isinstance(record, Undecodable), record
            yield record
