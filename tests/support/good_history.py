"""A small history in which all is well, made by hand: a refused CI run, a healed service, a rolled back file, a re-run job.

The tests of the checkers spoil it in one place at a time; see ``tests/chaos/test_invariant_checker.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.kafka import Located
from schemas.catalogue import CARDS
from schemas.decisions import Decision, HealingCommand, Mode, Verdict
from schemas.events import JobFinished
from schemas.ids import Record, id_of
from schemas.incidents import Detection, DetectionStatus, EvidenceRef, Incident, IncidentUpdate, RunRef, UpdateCause
from schemas.outputs import Emit, Place
from schemas.oversight import AuditEntry, Lease
from schemas.recoveries import FactorResult, JournalKind, JournalRecord, OutcomeStatus, RecoveryOutcome
from schemas.signing import public_text
from schemas.vocabulary import Group, Kind, Result
from streams.notary import Notary, NotaryRules
from tests.support.history import Effect, History

BEGIN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
SERVICE, FILE, FAILED, FLAKY = "service:web", "config:oracle-conf:/x", "job:github/acme/a/1/build", "job:github/acme/b/2/build"
CHECKPOINT_EVERY = 5


def at(seconds: float) -> datetime:
    """Return a moment of the history."""
    return BEGIN + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Story:
    """One incident from its event to its outcome; ``run`` is the CI run's id."""

    target: str
    scope: str
    kind: Kind
    begin: float
    steps: tuple[str, ...] = ()
    end: OutcomeStatus = OutcomeStatus.HEALED
    strategy: str = ""
    run: str = ""

    def event(self, attempt: int = 1) -> JobFinished:
        """Return the failed job."""
        place = ("github", self.target.split("/")[1] + "/" + self.target.split("/")[2], self.run, attempt)
        return JobFinished(*place, "ci", "build", "c" * 40, "main", "push", Result.FAILURE, at(self.begin))

    def detection(self, probe: str = "", attempt: int = 1) -> Detection:
        """Return what detect saw."""
        event = self.event(attempt) if self.run else None
        ref = (
            EvidenceRef("ci.events", 0, attempt, id_of(event)) if event else EvidenceRef("infra.health", 0, 0, f"check{probe}{self.begin}")
        )
        job = RunRef("github", event.project, self.run, attempt, "build") if event else None
        times = (at(self.begin), at(self.begin), "critical")
        signals = (("probe", probe),) if probe else ()
        detection = Detection(DetectionStatus.FIRING, self.target, self.scope, "any", True, *times, (ref,), signals=signals)
        return replace(detection, run=job)

    def incident(self, attempt: int = 1) -> Incident:
        """Return the incident."""
        seen = self.detection(attempt=attempt)
        key = (self.scope, str(self.begin), str(attempt))
        times = (at(self.begin), at(self.begin + 0.5))
        group = Group.RUNTIME if seen.run is None else Group.INFRA
        incident = Incident(key, self.kind, group, 1.0, "f", self.target, self.scope, "critical", True, *times)
        return replace(incident, run=seen.run, evidence=seen.evidence)

    def decision(self) -> Decision:
        """Return the decision."""
        verdict = Verdict.HEAL if self.steps else Verdict.REFUSE
        times = (at(self.begin), at(self.begin + 0.5))
        head = Decision(
            id_of(self.incident()), self.target, self.scope, self.kind, "f", *times, 1, 1, verdict, at(self.begin + 1), at(3600)
        )
        return replace(head, strategy=self.strategy, plan_hash="plan")

    def command(self) -> HealingCommand:
        """Return the command."""
        told = self.decision()
        head = (Mode.RUN, told.incident_id, id_of(told), 1, 1, self.kind, told.opened_at, told.detected_at, self.target, self.scope)
        return HealingCommand(*head, self.strategy, 1, "plan", 1, at(self.begin + 1.5), at(3600), CARDS[0].deadline_s)

    def journal(self) -> Iterator[JournalRecord]:
        """Yield the run, forwards and, when it ends so, back."""
        seconds = self.begin + 2.0
        yield self._line(JournalKind.ACCEPTED, seconds)
        yield self._line(JournalKind.PLANNED, seconds, undoable=self.strategy != "rerun_job")
        for step in self.steps:
            yield replace(self._line(JournalKind.INTENT, seconds, step), pre_image='{"hash": "old"}')
            yield self._line(JournalKind.DONE, seconds + 0.5, step, status="ok")
            seconds += 1.0
        well = self.end is OutcomeStatus.HEALED
        for number, word in enumerate(("seen", "settled" if well else "failed")):
            checked = self._line(JournalKind.VERIFIED, seconds, source=f"source-{number}", passed=well, status=word)
            yield replace(checked, factor=f"factor-{number}", round=1)
        for step in () if well else self.steps[::-1]:
            yield self._line(JournalKind.UNDO_INTENT, seconds + 0.1, step)
            yield self._line(JournalKind.UNDONE, seconds + 0.2, step, status="ok")
        yield self._line(JournalKind.CONCLUDED, seconds + 1, status=self.end.value)

    def outcome(self) -> RecoveryOutcome:
        """Return the final outcome."""
        told = self.decision()
        head = RecoveryOutcome(
            told.incident_id,
            id_of(told),
            1,
            True,
            self.target,
            self.kind,
            self.end,
            "why",
            told.opened_at,
            told.detected_at,
            at(self.begin + 9),
        )
        factors = (FactorResult("factor-0", "source-0", True), FactorResult("factor-1", "source-1", True))
        return replace(head, command_id=id_of(self.command()), verification=factors) if self.steps else head

    def records(self) -> list[Record]:
        """Return all of it, without the audit."""
        told: list[Record] = [self.detection(), self.incident(), self.decision(), self.outcome()]
        return [*told, self.command(), *self.journal()] if self.steps else told

    def entries(self) -> Iterator[AuditEntry]:
        """Yield what the audit must hold."""
        told, name = self.decision(), id_of(self.incident())
        yield AuditEntry("classify", "incident.opened", name, at(self.begin))
        yield AuditEntry("decide", f"decision.{told.verdict}", name, at(self.begin), (("decision_id", id_of(told)),))
        if self.steps:
            yield AuditEntry("healstream", "command.admitted", name, at(self.begin), (("command", id_of(self.command())),))
        for record in self.journal() if self.steps else ():
            word = {JournalKind.DONE: "step.done", JournalKind.UNDONE: "undo.undone"}.get(record.kind)
            if word:
                details = (("command_id", record.command_id), ("step", record.step), ("idempotency_key", record.idempotency_key))
                yield AuditEntry("executor", f"recovery.{word}", self.target, record.at, details)

    def _line(self, kind: JournalKind, seconds: float, step: str = "", **result: object) -> JournalRecord:
        key = f"key of {step}" if step else ""
        owner = "here/1"
        line = JournalRecord(id_of(self.command()), kind, at(seconds), step, idempotency_key=key, owner=owner, epoch=1, scope=self.scope)
        return replace(line, result=json.dumps(result))


STORIES = (
    Story(FAILED, "run:github/acme/a/1", Kind.TEST_FAILURE, 0, end=OutcomeStatus.REFUSED, run="1"),
    Story(SERVICE, "group:shop", Kind.SERVICE_DOWN, 10, ("start:web", "validate:web"), strategy="service_restart"),
    Story(FILE, "group:oracle", Kind.CONFIG_DRIFT, 20, ("write:x", "reload:x"), OutcomeStatus.ROLLED_BACK, "config_restore"),
    Story(FLAKY, "run:github/acme/b/2", Kind.TIMEOUT, 30, ("rerun:job",), strategy="rerun_job", run="2"),
)


def chain_of(entries: Sequence[AuditEntry]) -> list[Record]:
    """Return the entries as the notary chains them."""
    notary = Notary.from_state({}, NotaryRules(KEY, CHECKPOINT_EVERY))
    outputs = [one for number, entry in enumerate(entries) for one in notary.on_event(entry, Place("heal.audit.entries", 0, number), BEGIN)]
    return [output.record for output in outputs if isinstance(output, Emit)]


def good_history() -> History:
    """Return the history without a fault."""
    service = STORIES[1]
    joined = service.detection("http")
    told = IncidentUpdate(id_of(service.incident()), UpdateCause.EVIDENCE, id_of(joined), at(10))
    leases = [Lease(1, 0, at(0)), Lease(1, 1, at(1)), Lease(2, 0, at(2))]
    entries = [entry for story in STORIES for entry in story.entries()]
    return History(
        records=(*(record for story in STORIES for record in story.records()), joined, told, *leases, *chain_of(entries)),
        events=tuple(Located(story.event(), "ci.events", 0, number) for number, story in enumerate(STORIES) if story.run),
        effects=(Effect(SERVICE, "start", "key of start:web", at(12.2)), Effect(FLAKY, "rerun", "", at(32.2))),
        images=(("write:x", '{"hash": "old"}'),),
        notary_key=public_text(KEY),
        checkpoint_every=CHECKPOINT_EVERY,
    )
