"""What the failures play on: the sandbox, the running system, the CI server, and everything that the topics have said so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from confluent_kafka import Producer

from console.demo.commands import Commands
from console.demo.github_server import GithubServer
from console.demo.sandbox import Sandbox
from console.readmodel import TOPICS_READ, IncidentView, Pending, ReadModel
from console.topic_reader import Follower
from infra.kafka import codec_of, producer_settings, send
from schemas.ids import Record
from schemas.incidents import Detection, DetectionStatus
from schemas.oversight import DeadLetter
from schemas.recoveries import JournalKind, JournalRecord, OutcomeStatus

T = TypeVar("T")
FOLLOWED = (*TOPICS_READ, "heal.detections", "recovery.journal", "heal.deadletter")
OUTCOME_S = 180.0
ALWAYS = datetime.min.replace(tzinfo=UTC)


class SurpriseError(Exception):
    """A failure did not end as planned; the text says what was seen instead."""


@dataclass(slots=True)
class Heard:
    """What the topics have said."""

    model: ReadModel = field(default_factory=ReadModel)
    journal: list[JournalRecord] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """Keep one record."""
        match record:
            case JournalRecord():
                self.journal.append(record)
            case DeadLetter():
                self.dead.append(record)
            case Detection():
                self.detections.append(record)
            case _:
                self.model.apply(record)

    def views_on(self, target: str) -> list[IncidentView]:
        """Return the incidents of a target."""
        return [view for view in tuple(self.model.incidents.values()) if view.incident.target == target]

    def is_quiet(self, target: str) -> bool:
        """Tell whether every probe of the target says that it is well, and nothing is under way because one said otherwise."""
        last = {dict(row.signals).get("probe"): row.status for row in tuple(self.detections) if row.target == target}
        return DetectionStatus.FIRING not in last.values() and all(view.final() for view in self.views_on(target))

    def ended_on(self, target: str, since: datetime) -> IncidentView | None:
        """Return the incident that ended on what was broken at ``since``."""
        for view in self.views_on(target):
            final = view.final()
            # On a busy machine a slow answer may look like a failure: what was well again before anything was broken is another's.
            if final is not None and (final.status is not OutcomeStatus.SELF_HEALED or view.incident.opened_at >= since):
                return view
        return None


class Stage:
    """The stage of one demo."""

    def __init__(self, sandbox: Sandbox, brokers: str) -> None:
        """Follow the topics from now on; the CI server serves at once."""
        self.sandbox = sandbox
        self.brokers = brokers
        self.heard = Heard()
        self.is_left = False
        self.commands = Commands(sandbox.home, brokers)
        self._codec = codec_of(brokers)
        self._producer = Producer(producer_settings(brokers))
        self._follower = Follower(brokers, FOLLOWED, self.heard.take)
        self._follower.start()
        self.github = GithubServer(sandbox.api_port, self.emit)
        self.github.start()

    def leave(self) -> None:
        """Give up what is still waited for: the person wants to go."""
        self.is_left = True
        self._follower.end()
        self.commands.end()

    def close(self) -> None:
        """Stop following and serving, and let go of the broker."""
        self.github.stop()
        self._follower.close()
        del self._producer

    def emit(self, records: Sequence[Record]) -> None:
        """Produce records."""
        for record in records:
            send(self._producer, record, self._codec)
        self._producer.flush(10.0)

    def emit_raw(self, topic: str, values: Sequence[bytes]) -> None:
        """Produce bytes that are no records, spread over the partitions."""
        for number, value in enumerate(values):
            self._producer.produce(topic, value, key=f"poison-{number}".encode())
        self._producer.flush(10.0)

    def wait_for(self, what: str, look: Callable[[], T | None], deadline_s: float = OUTCOME_S) -> T:
        """Return what is waited for; raises SurpriseError after the deadline."""
        found = self._follower.wait_for(look, deadline_s)
        if found is None:
            raise SurpriseError(f"{what} was not seen within {deadline_s:.0f} s")
        return found

    def stays_away(self, look: Callable[[], T | None], for_s: float) -> bool:
        """Tell whether something stays unseen for that long."""
        return self._follower.wait_for(look, for_s) is None

    def quiet(self, target: str) -> datetime:
        """Return the time once all is well with the target, so that what is broken now is what is healed later."""
        self.wait_for(f"quiet about {target}", lambda: self.heard.is_quiet(target) or None)
        return datetime.now(UTC)

    def ended(self, target: str, since: datetime = ALWAYS, deadline_s: float = OUTCOME_S) -> IncidentView:
        """Return the incident of what was broken on the target at ``since``, once its final outcome is there."""
        return self.wait_for(f"the outcome on {target}", lambda: self.heard.ended_on(target, since), deadline_s)

    def intent(self, scope: str, step: str) -> JournalRecord:
        """Return the journal's intent of a step once it is there."""

        def look() -> JournalRecord | None:
            return next(
                (row for row in self.heard.journal if row.kind is JournalKind.INTENT and row.step == step and row.scope in {scope, ""}),
                None,
            )

        return self.wait_for(f"the start of step {step}", look)

    def pending_on(self, target: str) -> Pending:
        """Return the target's decision once it waits for a person and its plan is known."""

        def look() -> Pending | None:
            rows = self.heard.model.pending(datetime.now(UTC))
            return next((row for row in rows if row.decision.target == target and row.steps), None)

        return self.wait_for(f"a decision on {target} that waits for a person", look)
