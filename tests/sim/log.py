"""The log of the simulation: topics in memory with partitions folded to few, outages, fences, tables and committed offsets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from typing_extensions import override

from schemas.avro_codec import Undecodable
from schemas.ids import Record
from schemas.topics import BY_NAME
from streams.binding import Letter
from tests.support.memory_topics import CODEC, MemoryTopics


class AwayError(Exception):
    """The broker does not answer."""


class FencedOutError(Exception):
    """A later owner has begun; this one may write nothing more."""


@dataclass
class Log(MemoryTopics):
    """A broker in memory. ``partitions`` folds each topic's partitions; 1, 2 and 4 keep equal keys together."""

    partitions: int = 4
    is_away: bool = False
    has_fences: bool = True
    tables: dict[tuple[str, int], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    committed: dict[tuple[str, str, int], int] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _decoded: dict[tuple[str, int], list[Record | Undecodable]] = field(default_factory=lambda: defaultdict(list))

    def partitions_of(self, topic: str) -> int:
        """Return how many partitions a topic has here."""
        return min(BY_NAME[topic].partitions, self.partitions)

    @override
    def send(self, letter: Letter, at: datetime) -> None:
        """Append one letter; raises AwayError during an outage."""
        if self.is_away:
            raise AwayError
        super().send(replace(letter, partition=letter.partition % self.partitions_of(letter.topic)), at)

    def keep(self, topic: str, partition: int, changes: Mapping[str, str | None]) -> None:
        """Write entries of a compacted topic."""
        if self.is_away:
            raise AwayError
        table = self.tables[topic, partition]
        for name, text in changes.items():
            if text is None:
                table.pop(name, None)
            else:
                table[name] = text

    def fence(self, owner: str) -> int:
        """Return the epoch of a new owner; every earlier one is fenced out from now on."""
        if self.is_away:
            raise AwayError
        self.epochs[owner] += 1
        return self.epochs[owner]

    def transact(self, owner: str, epoch: int, letters: Iterable[Letter], at: datetime) -> None:
        """Append letters together or not at all; raises FencedOutError for an owner that has a successor."""
        if self.is_away:
            raise AwayError
        if self.has_fences and epoch != self.epochs[owner]:
            raise FencedOutError
        for letter in letters:
            self.send(letter, at)

    def known(self, topic: str, partition: int = 0) -> list[Record | Undecodable]:
        """Return what one partition's bytes decode to, each decoded once."""
        row, found = self.rows[topic, partition], self._decoded[topic, partition]
        if len(found) < len(row):
            found += (CODEC.decode(incoming.raw) for incoming in row[len(found) :])
        return found
