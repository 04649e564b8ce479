"""From messages to rows: the read model in SQLite, folded by ``console/readmodel.py`` and ``console/recoveries.py``.

A batch's rows and its offsets are one transaction, so a crash between two batches loses and doubles nothing. Fed by ``feed.py``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from console.feedback_words import PERSON
from console.readmodel import TOPICS_READ, IncidentView, ReadModel, summary_of
from console.recoveries import Recovery, recoveries_of, row_of
from console.site.brakes import take_brakes
from console.site.chronicle import take_audit
from console.site.tables import times_built
from recoverers.journal import replay
from schemas.avro_codec import Codec, Undecodable
from schemas.decisions import Decision
from schemas.errors import StaleError
from schemas.ids import EPOCH, Record, id_of, micros
from schemas.incidents import WORKFLOW, Detection, DetectionStatus, Incident
from schemas.oversight import AuditRecord, Control, Feedback, Lease, ModelRecord
from schemas.proposals import PatternProposal, ProposalWord
from schemas.recoveries import JournalKind, JournalRecord, OutcomeStatus, RecoveryOutcome
from schemas.topics import ALL_RECORDS

DOOR_STATE = "heal.state.admit"
TOPICS = (
    *TOPICS_READ,
    "recovery.journal",
    "learning.feedback",
    "learning.models",
    "heal.lease",
    "heal.audit",
    "heal.detections",
    DOOR_STATE,
)
CHANGES_KEPT, SWITCH_WORDS_KEPT, DEPLOYMENTS_KEPT = 50_000, 5_000, 1_000
# Under names of their own: a person's words are few among the lessons, and those on switches among the words.
SWITCH_WORD, PERSON_WORD, DEPLOYMENT = "killswitch", "Feedback/person", "Detection/deployment"
CODEC = Codec(ALL_RECORDS)
_BACK = frozenset({OutcomeStatus.ROLLED_BACK, OutcomeStatus.ROLLBACK_FAILED})
_TOLD: dict[type[Record], str] = {ModelRecord: "model", PatternProposal: "model", ProposalWord: "model"}
# Of these only the newest say anything; how many are kept.
_NEWEST = {Lease.RECORD: 1, SWITCH_WORD: SWITCH_WORDS_KEPT, DEPLOYMENT: DEPLOYMENTS_KEPT}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a topic as its bytes, its place and its key; of a state topic, no bytes take the key's entry away."""

    topic: str
    partition: int
    offset: int
    raw: bytes
    key: str = ""


def offsets_in(base: sqlite3.Connection) -> dict[tuple[str, int], int]:
    """Return the next offset to read of every partition that was read."""
    return {(topic, partition): n for topic, partition, n in base.execute("SELECT topic, partition, next FROM offsets")}


def take(base: sqlite3.Connection, messages: Iterable[Message], built: int | None = None) -> int:
    """Take a batch in, all of it or nothing, and return how many of its messages were new; what cannot be decoded is passed over.

    Raises StaleError when the model was begun anew since ``built``: what was read before would hide what is read again.
    """
    base.execute("BEGIN IMMEDIATE")
    try:
        _require_same(base, built)
        count = _take(base, messages)
    except BaseException:
        base.execute("ROLLBACK")
        raise
    base.execute("COMMIT")
    return count


def _require_same(base: sqlite3.Connection, built: int | None) -> None:
    if built is not None and times_built(base) != built:
        raise StaleError("read model", "it is built anew", "Read the topics again from the offsets that it holds now")


@dataclass(slots=True)
class _Batch:
    """What a batch is sorted into: records by incident, entries of the door's state by key, records of the audit chain."""

    touched: dict[str, list[Record]] = field(default_factory=dict)
    entries: dict[str, str | None] = field(default_factory=dict)
    chained: list[tuple[AuditRecord, bytes]] = field(default_factory=list)


def _take(base: sqlite3.Connection, messages: Iterable[Message]) -> int:
    known, batch, count = offsets_in(base), _Batch(), 0
    for message in messages:
        place = (message.topic, message.partition)
        if message.offset < known.get(place, 0):
            continue
        known[place] = message.offset + 1
        count += 1
        _sort(base, batch, message)
    for incident, came in batch.touched.items():
        _fold(base, incident, came)
    _tell_all(base, "circuit", take_brakes(base, batch.entries))
    _tell_all(base, "audit", take_audit(base, batch.chained))
    for kind, kept in _NEWEST.items():
        newest = "SELECT seq FROM records WHERE kind = ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
        base.execute(f"DELETE FROM records WHERE kind = ? AND seq <= ({newest})", (kind, kind, kept))  # noqa: S608 - both texts are ours
    base.execute("DELETE FROM changes WHERE seq <= (SELECT MAX(seq) FROM changes) - ?", (CHANGES_KEPT,))
    base.executemany("INSERT OR REPLACE INTO offsets VALUES (?, ?, ?)", [(*place, n) for place, n in known.items()])
    return count


def _sort(base: sqlite3.Connection, batch: _Batch, message: Message) -> None:
    if message.topic == DOOR_STATE:
        batch.entries[message.key] = message.raw.decode("utf-8", "replace") or None
        return
    record = CODEC.decode(message.raw)
    if isinstance(record, AuditRecord):
        batch.chained.append((record, message.raw))
    elif not isinstance(record, Undecodable):
        for incident in _keep(base, record, message.raw):
            batch.touched.setdefault(incident, []).append(record)


def _keep(base: sqlite3.Connection, record: Record, raw: bytes) -> list[str]:
    """Store one record, and return the incidents that are another now."""
    if isinstance(record, Control):
        base.execute("INSERT OR REPLACE INTO controls VALUES (?, ?)", (record.key, raw))
        _tell(base, "control", record.key)
        if record.killswitch is not None:
            # Whether a release counts hangs on the word before it: of these the newest alone is not enough.
            base.execute("INSERT INTO records (kind, incident, raw) VALUES (?, '', ?)", (SWITCH_WORD, raw))
        parts = record.key.split("/")
        owner = _owner(base, parts[1]) if parts[0] == "approval" and len(parts) > 1 else ""
        return [owner] if owner else []
    if isinstance(record, Detection):
        # Of what was detected the incidents tell; only the begin of a deployment is told by nothing else.
        if _is_deployment(record):
            base.execute("INSERT INTO records (kind, incident, raw) VALUES (?, '', ?)", (DEPLOYMENT, raw))
            _tell(base, "incident", "")
        return []
    incident = _incident_of(base, record)
    kind = PERSON_WORD if isinstance(record, Feedback) and record.source == PERSON else record.RECORD
    base.execute("INSERT INTO records (kind, incident, raw) VALUES (?, ?, ?)", (kind, incident, raw))
    if type(record) in _TOLD:
        _tell(base, _TOLD[type(record)], id_of(record))
    if isinstance(record, Feedback) and kind == PERSON_WORD:
        if record.correct is not None:
            base.execute("INSERT INTO judged VALUES (?, ?)", (micros(record.at), int(record.correct)))
        # It changes no incident; what a person says of one is shown with it all the same.
        _tell(base, "incident", incident)
    return [incident] if incident and not isinstance(record, Feedback) else []


def _is_deployment(record: Detection) -> bool:
    is_begin = record.detector == WORKFLOW and record.status is DetectionStatus.FIRING
    return is_begin and ("deployment", "true") in record.signals


def _incident_of(base: sqlite3.Connection, record: Record) -> str:
    if isinstance(record, Incident):
        return id_of(record)
    if not isinstance(record, JournalRecord):
        incident = str(getattr(record, "incident_id", ""))
        if isinstance(record, Decision):
            base.execute("INSERT OR IGNORE INTO owners VALUES (?, ?)", (id_of(record), incident))
        return incident
    if record.kind is JournalKind.ACCEPTED:
        base.executemany("INSERT OR IGNORE INTO owners VALUES (?, ?)", _command_in(record))
    return _owner(base, record.command_id)


def _command_in(record: JournalRecord) -> list[tuple[str, str]]:
    """Return the command's id and its incident; nothing where the journal's line cannot be read: it is shown with no incident then."""
    try:
        return [(name, run.command.incident_id) for name, run in replay([record]).items()]
    except (ValueError, KeyError, TypeError):
        return []


def _owner(base: sqlite3.Connection, name: str) -> str:
    """Return the incident of a decision or command; empty when neither is known."""
    found = base.execute("SELECT incident FROM owners WHERE id = ?", (name,)).fetchone()
    return str(found[0]) if found else ""


def _tell(base: sqlite3.Connection, what: str, name: str) -> None:
    base.execute("INSERT INTO changes (what, id) VALUES (?, ?)", (what, name))


def _tell_all(base: sqlite3.Connection, what: str, names: Iterable[str]) -> None:
    for name in names:
        _tell(base, what, name)


def records_of(base: sqlite3.Connection, incident: str) -> list[Record]:
    """Return everything that was said of an incident, in the order in which it came."""
    rows = base.execute("SELECT raw FROM records WHERE incident = ? ORDER BY seq", (incident,))
    return decoded(raw for (raw,) in rows)


def decoded(raws: Iterable[bytes]) -> list[Record]:
    """Return the records of stored bytes."""
    return [record for record in map(CODEC.decode, raws) if not isinstance(record, Undecodable)]


def controls_in(base: sqlite3.Connection, prefix: str) -> list[Control]:
    """Return the newest word under every key that begins so."""
    # U+10FFFF sorts behind every other letter.
    rows = base.execute("SELECT raw FROM controls WHERE key >= ? AND key < ?", (prefix, f"{prefix}\U0010ffff"))
    return [word for word in decoded(raw for (raw,) in rows) if isinstance(word, Control)]


def switch_words(base: sqlite3.Connection) -> list[Control]:
    """Return what was said of kill switches, in its order."""
    rows = base.execute("SELECT raw FROM records WHERE kind = ? ORDER BY seq", (SWITCH_WORD,))
    return [word for word in decoded(raw for (raw,) in rows) if isinstance(word, Control)]


def model_of(base: sqlite3.Connection, incidents: Sequence[str]) -> ReadModel:
    """Return the read model of the named incidents alone, with the words on them."""
    model = ReadModel()
    for name in incidents:
        model.apply_all(records_of(base, name))
    for view in model.incidents.values():
        if view.decisions:
            model.apply_all(controls_in(base, f"approval/{id_of(view.decisions[-1])}/"))
    return model


def _fold(base: sqlite3.Connection, incident: str, came: list[Record]) -> None:
    stored = int(base.execute("SELECT COUNT(*) FROM records WHERE incident = ?", (incident,)).fetchone()[0])
    # Of an incident that is wholly in this batch nothing has to be decoded again: most are, while the model is built.
    records = came if stored == len(came) else records_of(base, incident)
    model = ReadModel()
    model.apply_all(records)
    view = model.incidents.get(incident)
    # Its own record may come later than what is said of it, or be gone by age.
    if view is not None:
        row = (incident, *_columns(incident, view, waits=bool(model.pending(EPOCH))))
        base.execute("INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    base.execute("DELETE FROM recoveries WHERE incident = ?", (incident,))
    base.executemany("INSERT OR REPLACE INTO recoveries VALUES (?, ?, ?, ?, ?, ?)", [_recovery(one) for one in recoveries_of(records)])
    _tell(base, "incident", incident)


def _columns(name: str, view: IncidentView, *, waits: bool) -> tuple[object, ...]:
    line, final, incident = summary_of(name, view), view.final(), view.incident
    named = (line["state"], line["kind"], line["target"], line["strategy"], micros(incident.opened_at))
    return (*named, micros(final.finished_at) if final else None, int(waits), json.dumps(line), *_measures(final))


def _measures(final: RecoveryOutcome | None) -> tuple[object, ...]:
    if final is None:
        return (None,) * 5
    sources = {factor.source for factor in final.verification if factor.passed}
    back_s = final.rollback_s if final.status in _BACK else None
    return (final.time_to_recover_s, final.time_to_detect_s, int(final.command_id is not None), int(len(sources) > 1), back_s)


def _recovery(row: Recovery) -> tuple[object, ...]:
    return (row.id, row.incident_id, row.state.value, int(not row.has_ended), micros(row.at), json.dumps(row_of(row)))
