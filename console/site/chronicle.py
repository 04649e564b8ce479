"""The audit chain as the page knows it: every record held against the one before it as it comes in, the newest ones kept for searching.

Fed by ``store.py`` in the transaction of each batch. Whose signature the newest checkpoint is, is asked when somebody looks: the notary's
public key is the copy's, not the topic's.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from console.audit_reading import CHECKPOINT_EVERY
from schemas.avro_codec import Codec
from schemas.errors import UsageError
from schemas.ids import id_of
from schemas.oversight import AuditEntry, AuditRecord
from streams.notary import BEGINNING, ChainCheck, ChainStart, checkpoint_is_signed

AUDIT_KEPT = 10_000
_CODEC = Codec([AuditRecord])
_LETTERS = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})
# What tells how far a strategy may go is kept however old it is: the newest word on one may be a year old.
_LEVELS = "actor = 'decide' AND action IN ('rollout.set', 'rollout.refused', 'strategy.demoted')"
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Chain:
    """What was read of the chain: from which record to which, its breaks, and the newest checkpoint's signature with what it signs."""

    first: int
    last: int
    hash: str
    at: str
    breaks: int = 0
    newest_break: str = ""
    break_at: str = ""
    checkpoint: int = -1
    signed: str = ""
    signature: str = ""


def take_audit(base: sqlite3.Connection, records: Sequence[tuple[AuditRecord, bytes]]) -> list[str]:
    """Take the next records of the chain in, and return the id of the newest."""
    if not records:
        return []
    chain = chain_in(base)
    start = ChainStart(chain.last + 1, chain.hash) if chain else _start(records[0][0])
    check = ChainCheck(None, CHECKPOINT_EVERY, start)
    for record, raw in records:
        chain = _after(chain, record, check.take(record))
        values = (record.sequence, record.entry.actor, record.entry.action, _said(record.entry), raw)
        base.execute("INSERT OR REPLACE INTO audit VALUES (?, ?, ?, ?, ?)", values)
    base.execute("DELETE FROM chain")
    base.execute("INSERT INTO chain VALUES (?)", (json.dumps(asdict(chain)) if chain else "",))
    oldest = "(SELECT sequence FROM audit ORDER BY sequence DESC LIMIT 1 OFFSET ?)"
    base.execute(f"DELETE FROM audit WHERE sequence <= {oldest} AND NOT ({_LEVELS})", (AUDIT_KEPT,))  # noqa: S608 - our own texts
    return [id_of(records[-1][0])]


def _start(record: AuditRecord) -> ChainStart:
    # Where retention took the beginning, what was published elsewhere vouches for the rest (`healstream audit verify --checkpoints`).
    return ChainStart(record.sequence, record.previous_hash) if record.sequence else BEGINNING


def _after(chain: Chain | None, record: AuditRecord, faults: list[str]) -> Chain:
    at = record.entry.at.isoformat()
    found = replace(chain or Chain(record.sequence, -1, "", ""), last=record.sequence, hash=record.hash, at=at)
    if faults:
        found = replace(found, breaks=found.breaks + len(faults), newest_break=faults[-1], break_at=at)
    if record.checkpoint:
        found = replace(found, checkpoint=record.sequence, signed=record.hash, signature=record.checkpoint)
    return found


def _said(entry: AuditEntry) -> str:
    """Return what a search looks through, in small letters."""
    return " ".join((entry.actor, entry.action, entry.subject, *(f"{key}={value}" for key, value in entry.details))).lower()


def chain_in(base: sqlite3.Connection) -> Chain | None:
    """Return what was read of the chain, None before its first record."""
    found = base.execute("SELECT line FROM chain").fetchone()
    return Chain(**json.loads(found[0])) if found and found[0] else None


def chain_row(chain: Chain | None, public_key: str) -> Row:
    """Return the chain's standing as a row for people; without the notary's public key nobody can say whose the signature is."""
    if chain is None:
        return {"verified_to": None, "breaks": 0, "checkpoint": None, "signed": "no checkpoint yet"}
    is_right = bool(public_key) and checkpoint_is_signed(chain.signed, chain.signature, public_key)
    whose = "signed by the notary" if is_right else "NOT the notary's signature"
    signed = whose if public_key else "the notary's key is not on this machine"
    has_one = chain.checkpoint >= 0
    return {
        "verified_from": chain.first,
        "verified_to": chain.last,
        "at": chain.at,
        "breaks": chain.breaks,
        "newest_break": chain.newest_break,
        "break_at": chain.break_at,
        "checkpoint": chain.checkpoint if has_one else None,
        "signed": signed if has_one else "no checkpoint yet",
        "is_well": not chain.breaks and (is_right or not has_one),
    }


def audit_rows(base: sqlite3.Connection, search: str, limit: int, after: str = "") -> tuple[list[Row], str]:
    """Return the newest records with every searched word, and where the next ones begin; raises UsageError for a wrong ``after``."""
    if after and not (after.isdecimal() and len(after) < 19):
        raise UsageError(f"after {after[:40]!r}", "no page begins there", "Begin with the first page and follow its `next`")
    words = [f"%{word.translate(_LETTERS)}%" for word in search.lower().split()[:8]]
    where = "".join(r" AND said LIKE ? ESCAPE '\'" for _ in words)
    ask = f"SELECT sequence, raw FROM audit WHERE sequence < ?{where} ORDER BY sequence DESC LIMIT ?"  # noqa: S608 - our own texts
    found = base.execute(ask, (int(after or 2**62), *words, limit + 1)).fetchall()
    shown = found[:limit]
    return [_row(record) for record in _records(raw for _, raw in shown)], str(shown[-1][0]) if len(found) > limit else ""


def level_entries(base: sqlite3.Connection) -> list[AuditEntry]:
    """Return what decide told of the strategies' levels, the oldest first."""
    rows = base.execute(f"SELECT raw FROM audit WHERE {_LEVELS} ORDER BY sequence")  # noqa: S608 - our own text
    return [record.entry for record in _records(raw for (raw,) in rows)]


def rows_of_actions(base: sqlite3.Connection, begins: Sequence[str], limit: int) -> list[Row]:
    """Return the newest records whose action begins with one of these words, the newest first."""
    any_of = " OR ".join("action LIKE ? || '%'" for _ in begins)
    found = base.execute(f"SELECT raw FROM audit WHERE {any_of} ORDER BY sequence DESC LIMIT ?", (*begins, limit))  # noqa: S608 - our own text
    return [_row(record) for record in _records(raw for (raw,) in found)]


def _records(raws: Iterable[bytes]) -> list[AuditRecord]:
    found = map(_CODEC.decode, raws)
    return [record for record in found if isinstance(record, AuditRecord)]


def _row(record: AuditRecord) -> Row:
    entry = record.entry
    words = {"actor": entry.actor, "action": entry.action, "subject": entry.subject}
    details = ", ".join(f"{key}={value}" for key, value in entry.details)
    return {"sequence": record.sequence, "at": entry.at.isoformat(), **words, "details": details}
