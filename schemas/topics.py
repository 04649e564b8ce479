"""The one table of topics: name, key, records, partitions, retention and writer; ``healstream topics create`` makes them from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.cdevents import CdEvent
from schemas.decisions import Admission, Decision, HealingCommand
from schemas.events import Alert, HealthCheck, JobFinished, JobStarted, LogChunk, MetricBatch, WorkflowFinished
from schemas.ids import Record, id_of
from schemas.incidents import Detection, Incident, IncidentUpdate
from schemas.oversight import AuditEntry, AuditRecord, CatalogueEntry, Control, DeadLetter, Feedback, Lease, ModelRecord
from schemas.pattern_review import PatternDemotion
from schemas.proposals import PatternProposal, ProposalWord
from schemas.recoveries import JournalRecord, RecoveryOutcome

MIB = 1024 * 1024
DAY_S = 24 * 3600


class KeyRule(StrEnum):
    """What the key of a topic's records is."""

    RUN = "source/project/run_id"
    TARGET = "target"
    SCOPE = "scope"
    INCIDENT = "incident"
    NAME = "name"
    PATTERN = "pattern"
    ORIGIN = "origin"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. ``partitions`` is fixed at creation; the sum of ``retention_bytes`` times partitions stays below 5 GB.

    Who of the ``writers`` may write is given to the broker by ``schemas/principals.py``. From a ``compacted`` topic nothing goes that is
    younger than ``whole_for_s``, though a newer word stands under its key.
    """

    name: str
    key: KeyRule
    records: tuple[type[Record], ...]
    partitions: int
    retention_s: int
    retention_bytes: int
    writers: tuple[str, ...]
    compacted: bool = False
    whole_for_s: int = 0


CI_PARTITIONS = 4
TARGET_PARTITIONS = 4
SCOPE_PARTITIONS = 4

# Detect writes to what it reads: a record in another partition than its key's is put into the right one.
AUDITING = ("classify", "decide", "admit", "executor", "learn", "publisher", "console")
LETTERING = ("detect", "classify", "decide", "admit", "notary", "executor", "learn", "notify", "fetcher", "reporter")

TOPICS: tuple[Topic, ...] = (
    Topic("ci.logs", KeyRule.RUN, (LogChunk,), CI_PARTITIONS, 3 * DAY_S, 256 * MIB, ("gateway", "fetcher", "ci-producer", "detect")),
    Topic(
        "ci.events",
        KeyRule.RUN,
        (JobStarted, JobFinished, WorkflowFinished),
        CI_PARTITIONS,
        7 * DAY_S,
        64 * MIB,
        ("gateway", "ci-producer", "detect"),
    ),
    Topic("infra.metrics", KeyRule.TARGET, (MetricBatch,), TARGET_PARTITIONS, DAY_S, 64 * MIB, ("scraper", "target-producer", "detect")),
    Topic("infra.health", KeyRule.TARGET, (HealthCheck,), TARGET_PARTITIONS, DAY_S, 64 * MIB, ("prober", "target-producer", "detect")),
    Topic("infra.alerts", KeyRule.TARGET, (Alert,), TARGET_PARTITIONS, 7 * DAY_S, 16 * MIB, ("gateway", "detect")),
    Topic("heal.detections", KeyRule.TARGET, (Detection,), 1, 30 * DAY_S, 128 * MIB, ("detect",)),
    Topic("heal.incidents", KeyRule.INCIDENT, (Incident, IncidentUpdate), 1, 30 * DAY_S, 256 * MIB, ("classify",)),
    Topic("heal.decisions", KeyRule.INCIDENT, (Decision,), 1, 30 * DAY_S, 128 * MIB, ("decide",)),
    Topic("heal.admissions", KeyRule.INCIDENT, (Admission,), 1, 30 * DAY_S, 128 * MIB, ("admit",)),
    # A word that does not count may stand above the one that does until admit, which may be down, has said that one again.
    Topic(
        "heal.control",
        KeyRule.NAME,
        (Control,),
        1,
        30 * DAY_S,
        64 * MIB,
        ("console", "supervisor", "admit"),
        compacted=True,
        whole_for_s=7 * DAY_S,
    ),
    Topic("heal.catalogue", KeyRule.NAME, (CatalogueEntry,), 1, 30 * DAY_S, 64 * MIB, ("publisher",), compacted=True),
    Topic("heal.demotions", KeyRule.PATTERN, (PatternDemotion,), 1, 30 * DAY_S, 16 * MIB, ("classify",), compacted=True),
    Topic("heal.lease", KeyRule.NONE, (Lease,), 1, 3600, 16 * MIB, ("admit",)),
    Topic("recovery.commands", KeyRule.SCOPE, (HealingCommand,), SCOPE_PARTITIONS, 30 * DAY_S, 32 * MIB, ("admit",)),
    Topic("recovery.journal", KeyRule.SCOPE, (JournalRecord,), SCOPE_PARTITIONS, 30 * DAY_S, 64 * MIB, ("executor",)),
    Topic("recovery.outcomes", KeyRule.INCIDENT, (RecoveryOutcome,), 1, 30 * DAY_S, 256 * MIB, ("executor", "admit")),
    Topic("learning.feedback", KeyRule.INCIDENT, (Feedback,), 1, 30 * DAY_S, 64 * MIB, ("learn", "console")),
    # What was promoted acts for as long as nothing else is: its body must outlive the other topics.
    Topic("learning.models", KeyRule.NAME, (ModelRecord, PatternProposal, ProposalWord), 1, 365 * DAY_S, 128 * MIB, ("learn", "console")),
    Topic("heal.audit.entries", KeyRule.NONE, (AuditEntry,), 1, 30 * DAY_S, 128 * MIB, AUDITING),
    Topic("heal.audit", KeyRule.NONE, (AuditRecord,), 1, 365 * DAY_S, 512 * MIB, ("notary",)),
    Topic("heal.cdevents", KeyRule.NAME, (), 1, 7 * DAY_S, 64 * MIB, ("notify",)),
    Topic("heal.deadletter", KeyRule.ORIGIN, (DeadLetter,), 4, 14 * DAY_S, 64 * MIB, LETTERING),
    Topic("heal.side", KeyRule.NONE, (LogChunk, JobStarted, JobFinished, MetricBatch, HealthCheck, Alert), 1, DAY_S, 64 * MIB, ("detect",)),
    Topic("heal.state.detect-runs", KeyRule.NAME, (), CI_PARTITIONS, 7 * DAY_S, 16 * MIB, ("detect",), compacted=True),
    Topic("heal.state.detect-targets", KeyRule.NAME, (), TARGET_PARTITIONS, 7 * DAY_S, 16 * MIB, ("detect",), compacted=True),
    Topic("heal.state.classify", KeyRule.NAME, (), 1, 7 * DAY_S, 16 * MIB, ("classify",), compacted=True),
    Topic("heal.state.decide", KeyRule.NAME, (), 1, 7 * DAY_S, 16 * MIB, ("decide",), compacted=True),
    Topic("heal.state.learn", KeyRule.NAME, (), 1, 7 * DAY_S, 16 * MIB, ("learn",), compacted=True),
    Topic("heal.state.admit", KeyRule.NAME, (), 1, 7 * DAY_S, 16 * MIB, ("admit",), compacted=True),
    Topic("heal.state.notary", KeyRule.NAME, (), 1, 7 * DAY_S, 16 * MIB, ("notary",), compacted=True),
    Topic("heal.state.notify", KeyRule.NAME, (), 1, 7 * DAY_S, 16 * MIB, ("notify",), compacted=True),
    Topic("heal.state.report", KeyRule.NAME, (), 1, 7 * DAY_S, 16 * MIB, ("reporter",), compacted=True),
)

# 256 KiB of text in the worst case of four bytes a character, with its envelope, fits with room to spare.
MAX_RECORD_BYTES = 2 * MIB

ALL_RECORDS: tuple[type[Record], ...] = tuple(dict.fromkeys(record for topic in TOPICS for record in topic.records))
TOPIC_OF: dict[type[Record], str] = {
    record: topic.name for topic in reversed(TOPICS) if topic.name != "heal.side" for record in topic.records
}
# CDEvents are JSON by their own specification and so none of the records in Avro that a topic lists.
TOPIC_OF[CdEvent] = "heal.cdevents"
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}


def key_of(record: Record) -> str:
    """Return the key under which a record is written to its own topic; empty where the topic has no key."""
    rule = BY_NAME[TOPIC_OF[type(record)]].key
    match rule:
        case KeyRule.RUN:
            return "/".join(str(getattr(record, name)) for name in ("source", "project", "run_id"))
        case KeyRule.TARGET | KeyRule.SCOPE | KeyRule.PATTERN:
            # These rules are called as their fields are.
            return str(getattr(record, rule.value, ""))
        case KeyRule.INCIDENT:
            return _incident_key(record)
        case KeyRule.NAME:
            return str(getattr(record, "key", None) or getattr(record, "name", None) or getattr(record, "version", ""))
        case KeyRule.ORIGIN:
            origin = getattr(record, "origin", None)
            return f"{origin.topic}/{origin.partition}" if origin is not None else ""
        case KeyRule.NONE:
            return ""


def _incident_key(record: Record) -> str:
    return str(getattr(record, "incident_id", "")) or id_of(record)
