"""What people and keepers write: control, lease, catalogue, feedback, audit, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from schemas.ids import ADDED_LATER, Identified, IdPart
from schemas.vocabulary import Kind


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's yes or no to one exact plan."""

    plan_hash: str
    approve: bool
    expires_at: datetime
    nonce: str


class SwitchMode(StrEnum):
    """How hard the kill switch stops."""

    HALT = "halt"
    DRAIN = "drain"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """The stop button of one scope (``fleet`` is everything)."""

    mode: SwitchMode
    reason: str


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which a target is left alone."""

    target: str
    from_at: datetime
    until: datetime
    reason: str


class RolloutLevel(StrEnum):
    """How far a strategy may go."""

    OBSERVE = "observe"
    SHADOW = "shadow"
    APPROVE = "approve"
    CANARY = "canary"
    AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class Rollout:
    """The level of one strategy."""

    level: RolloutLevel


@dataclass(frozen=True, slots=True)
class Override:
    """A person's word on one incident: run it, force a verdict, keep hands off, mark it healed, or cancel its run."""

    nonce: str
    run: bool = False
    force_verdict: str = ""
    hands_off: bool = False
    mark_healed: bool = False
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class CircuitReset:
    """A person's word that what opened a breaker is mended; the breaker is named by the key."""

    reason: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A person's word that they look after an incident: nobody else is told of it again."""

    note: str


@dataclass(frozen=True, slots=True)
class Control(Identified):
    """One key of the control topic and its newest value, signed by the person's key; exactly one of the values is set."""

    RECORD: ClassVar[str] = "Control"

    key: str
    by: str
    at: datetime
    approval: Approval | None = None
    killswitch: KillSwitch | None = None
    freeze: Freeze | None = None
    rollout: Rollout | None = None
    override: Override | None = None
    signature: str = ""
    circuit: CircuitReset | None = field(default=None, metadata=ADDED_LATER)
    ack: Acknowledgement | None = field(default=None, metadata=ADDED_LATER)

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.key,)


@dataclass(frozen=True, slots=True)
class Lease(Identified):
    """Admit's sign of life: without a fresh one no executor starts a step."""

    RECORD: ClassVar[str] = "Lease"

    epoch: int
    sequence: int
    at: datetime
    halted: tuple[str, ...] = ()

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.epoch, self.sequence)


class EntryKind(StrEnum):
    """What a catalogue entry holds."""

    PATTERNS = "patterns"
    STRATEGY_CARDS = "strategy_cards"
    POLICY = "policy"
    SERVICES = "services"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True)
class CatalogueEntry(Identified):
    """One file of the configuration folder as every worker reads it; ``body`` is its JSON text, ``version`` its content's hash."""

    RECORD: ClassVar[str] = "CatalogueEntry"

    name: str
    version: str
    kind: EntryKind
    body: str
    at: datetime
    by: str = ""
    signature: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.name, self.version)


@dataclass(frozen=True, slots=True)
class Feedback(Identified):
    """A lesson: a person's or an outcome's word on an incident; ``weight`` in 0..1, ``reward`` in -1..1; a person signs theirs."""

    RECORD: ClassVar[str] = "Feedback"

    incident_id: str
    source: str
    by: str
    at: datetime
    kind: Kind | None = None
    transient: bool | None = None
    correct: bool | None = None
    strategy: str = ""
    propensity: float = 1.0
    reward: float = 0.0
    verified: bool = False
    weight: float = 1.0
    note: str = ""
    signature: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.incident_id, self.source, self.by, self.at)


class ModelChange(StrEnum):
    """What a record on the model topic does."""

    SNAPSHOT = "snapshot"
    PROPOSED = "proposed"
    PROMOTED = "promoted"
    ACTING = "acting"


@dataclass(frozen=True, slots=True)
class ModelRecord(Identified):
    """A version of the classifier: its snapshot as data, or a proposal or promotion of one; ``sha256`` is over the body."""

    RECORD: ClassVar[str] = "ModelRecord"

    version: str
    change: ModelChange
    body: str
    sha256: str
    by: str
    at: datetime
    signature: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.version, self.change, self.by)


@dataclass(frozen=True, slots=True)
class AuditEntry(Identified):
    """One thing that was decided or done: who, what, on whom, and the evidence; ``details`` are redacted before they are written."""

    RECORD: ClassVar[str] = "AuditEntry"

    actor: str
    action: str
    subject: str
    at: datetime
    details: tuple[tuple[str, str], ...] = ()
    evidence: tuple[str, ...] = ()
    traceparent: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id: all of the content."""
        return (self.actor, self.action, self.subject, [list(pair) for pair in self.details], list(self.evidence), self.at)


@dataclass(frozen=True, slots=True)
class AuditRecord(Identified):
    """An entry in its place in the one chain; ``checkpoint`` is the notary's signature over ``hash``, on every N-th record."""

    RECORD: ClassVar[str] = "AuditRecord"

    entry: AuditEntry
    sequence: int
    entry_offset: int
    previous_hash: str
    hash: str
    checkpoint: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.sequence, self.hash)


@dataclass(frozen=True, slots=True)
class DeadOrigin:
    """Where a record that could not be read lies; ``headers`` as text, ``key`` as UTF-8 with replacement."""

    topic: str
    partition: int
    offset: int
    at: datetime
    key: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DeadLetter(Identified):
    """A record that a stage could not use, and why; ``value`` is redacted text of at most 64 KiB, empty when it cannot be decoded."""

    RECORD: ClassVar[str] = "DeadLetter"

    origin: DeadOrigin
    stage: str
    error: str
    attempts: int
    sha256: str
    value: str = ""

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id."""
        return (self.origin.topic, self.origin.partition, self.origin.offset)
