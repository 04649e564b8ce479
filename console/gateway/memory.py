"""What the gateway remembers for a while, bounded: deliveries that were taken, and facts of runs.

It only saves work and adds trust: after a restart a repeated delivery becomes records with the same ids, and the job of a run that is
not known is of unknown trust.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from typing_extensions import override

from schemas.ids import content_id

V = TypeVar("V")
MAX_DELIVERIES = 20_000
MAX_RUNS = 20_000


class Bounded(Mapping[str, V], Generic[V]):
    """A mapping that forgets what was put first when it is full."""

    def __init__(self, most: int) -> None:
        """Start empty."""
        self._rows: OrderedDict[str, V] = OrderedDict()
        self._most = most

    def put(self, key: str, value: V) -> None:
        """Remember one row as the newest."""
        self._rows[key] = value
        self._rows.move_to_end(key)
        if len(self._rows) > self._most:
            self._rows.popitem(last=False)

    @override
    def __getitem__(self, key: str) -> V:
        return self._rows[key]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    @override
    def __len__(self) -> int:
        return len(self._rows)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that was taken: its id, the digest of its body, and the ids of the records that Kafka has acknowledged."""

    id: str
    digest: str
    records: tuple[str, ...]
    ignored: str = ""


def delivery_id(sender: str, named: str, digest: str) -> str:
    """Return the id of a delivery: over the sender's own name for it, else over its content."""
    return content_id("Delivery", sender, named or digest)
