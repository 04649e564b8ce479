"""What a stage may say: values only, so that a stage never knows of topics, brokers or Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from schemas.ids import Record


@dataclass(frozen=True, slots=True)
class Emit:
    """Send this record to the topic that belongs to it."""

    record: Record


@dataclass(frozen=True, slots=True)
class Late:
    """An event that came too late, or from the future: kept in the side output, counted, not used."""

    event: Record
    why: str


@dataclass(frozen=True, slots=True)
class Reject:
    """The input cannot be used; it goes to the dead letters with this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Count:
    """Add ``n`` to a counter of ``interfaces.md``; ``trace`` is the traceparent of what is counted, and no label."""

    metric: str
    labels: tuple[tuple[str, str], ...] = ()
    n: float = 1.0
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Observe:
    """Put a value into a histogram of ``interfaces.md``, in its base unit; ``trace`` is as in ``Count``."""

    metric: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Gauge:
    """Set a gauge of ``interfaces.md``."""

    metric: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


Output = Emit | Late | Reject | Count | Observe | Gauge

E_contra = TypeVar("E_contra", bound=Record, contravariant=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an input record lies: stages put it into evidence; shells into dead letters."""

    topic: str
    partition: int
    offset: int


class StageLogic(Protocol[E_contra]):
    """A pure stage: events and ticks in, outputs out. Applying one event twice changes nothing more: ids decide.

    Its state is a set of named entries (name -> JSON text), so that a shell writes only what changed; each stage's class has
    ``from_state(entries, rules)`` to begin again from them. Entries whose name starts with ``@`` belong to the shell.
    """

    def on_event(self, event: E_contra, place: Place, now: datetime) -> Sequence[Output]:
        """Take one event in; ``now`` is the shell's clock."""
        ...

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Let time pass; called about twice a second."""
        ...

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the entries changed since the last call (None: removed) and forget that they changed."""
        ...

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        ...
