"""One request from its proof to its answer: proven, known or new, translated, produced, acknowledged; called by ``routes.py``.

Nothing is answered with 202 before Kafka has acknowledged every record of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from console.gateway.answers import Refusal, RunFacts, Taken
from console.gateway.memory import MAX_DELIVERIES, MAX_RUNS, Bounded, Delivery, delivery_id
from console.gateway.received import Received, digest_of
from console.gateway.senders import Sender, missing_header, translated
from console.gateway.signatures import Secrets
from schemas.errors import BusyError, UnreachableError
from schemas.events import Event
from schemas.ids import Record, id_of
from schemas.outputs import Count

BUSY_RETRY_S = 1
AWAY_RETRY_S = 5


class Outlet(Protocol):
    """Where records go: ``infra/outbox.py``."""

    async def deliver(self, records: Sequence[Record]) -> None:
        """Return when all are acknowledged; raises BusyError or UnreachableError."""
        ...

    def fault(self) -> str:
        """Say why nothing can be taken now, empty while it can."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a sender is told of a delivery that was taken."""

    delivery: Delivery
    is_duplicate: bool = False

    def told(self) -> dict[str, object]:
        """Return the members of the answer."""
        one = self.delivery
        told: dict[str, object] = {"id": one.id, "records": list(one.records), "duplicate": self.is_duplicate}
        return told | ({"ignored": one.ignored} if one.ignored else {})


@dataclass(slots=True)
class Intake:
    """The gateway's one way in; ``now`` is the clock and ``count`` takes the metrics."""

    outlet: Outlet
    secrets: Secrets
    now: Callable[[], datetime]
    count: Callable[[Count], None]
    deliveries: Bounded[Delivery] = field(default_factory=lambda: Bounded(MAX_DELIVERIES))
    runs: Bounded[RunFacts] = field(default_factory=lambda: Bounded(MAX_RUNS))

    async def take(self, sender: Sender, received: Received) -> Accepted | Refusal:
        """Return what the sender is answered."""
        answer = await self._taken(sender, received)
        if isinstance(answer, Refusal):
            self.refused(sender.name, answer)
        return answer

    def refused(self, name: str, refusal: Refusal) -> None:
        """Count a refusal."""
        reason = refusal.title.lower().replace(" ", "_")
        self.count(Count("healstream_events_rejected_total", (("source", name), ("reason", reason))))

    async def produce(self, name: str, records: Sequence[Event]) -> Refusal | None:
        """Return when Kafka has the records, or why it has not and when to come again."""
        try:
            await self.outlet.deliver(records)
        except BusyError as error:
            return Refusal(429, "Too busy", error.why, error.mend, BUSY_RETRY_S)
        except UnreachableError as error:
            return Refusal(503, "Broker away", error.why, error.mend, AWAY_RETRY_S)
        for record in records:
            self.count(Count("healstream_events_total", (("source", name), ("kind", record.RECORD))))
        return None

    async def _taken(self, sender: Sender, received: Received) -> Accepted | Refusal:
        origin = sender.prove(received, self.secrets)
        if isinstance(origin, Refusal):
            return origin
        missing = missing_header(sender, received)
        if missing:
            return missing
        digest = digest_of(received, sender.needs)
        named = next((received.headers[name] for name in sender.ids if received.headers.get(name)), "")
        name = delivery_id(sender.name, named, digest)
        known = self.deliveries.get(name)
        if known is not None:
            return Accepted(known, is_duplicate=True) if known.digest == digest else _other_body(named)
        found = translated(sender, received, origin)
        return found if isinstance(found, Refusal) else await self._delivered(sender, Delivery(name, digest, (), found.ignored), found)

    async def _delivered(self, sender: Sender, delivery: Delivery, taken: Taken) -> Accepted | Refusal:
        refusal = await self.produce(sender.name, taken.records)
        if refusal is not None:
            return refusal
        for key, facts in taken.learned:
            self.runs.put(key, facts)
        done = Delivery(delivery.id, delivery.digest, tuple(id_of(record) for record in taken.records), delivery.ignored)
        # Only now: what was answered with 503 comes again under the same name, and must be taken then.
        self.deliveries.put(done.id, done)
        return Accepted(done)


def _other_body(named: str) -> Refusal:
    told = f"the delivery {named[:80]} was taken before with another body"
    return Refusal(409, "Delivery known", told, "Give every delivery a name of its own; repeat one only unchanged")
