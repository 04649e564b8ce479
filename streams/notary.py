"""Puts every audit entry into one hash chain: AuditEntry -> AuditRecord, with a signed checkpoint every N records.

Runs in the fenced loop (``streams/gatekeeper.py``), so the chain has one writer. ``ChainCheck`` is what ``healstream audit verify``
holds every record against. The hash is BLAKE2b-256 over the canonical JSON (RFC 8785) of sequence, entry offset, previous hash and
every field of the entry.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.canonical import canonical_json
from schemas.ids import Record, id_of, micros
from schemas.outputs import Emit, Output, Place, Reject
from schemas.oversight import AuditEntry, AuditRecord
from schemas.signing import are_signed_by, sign_bytes

GENESIS = "0" * 64
_HEAD = "head"
# How many ids of entries are remembered, so that an entry written twice by a producer's retry is chained once.
REMEMBERED_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class NotaryRules:
    """The notary's key, and how many records lie between two signed checkpoints."""

    signing_key: Ed25519PrivateKey
    checkpoint_every: int = 100


@dataclass(frozen=True, slots=True)
class ChainStart:
    """Where a stretch of the chain begins: its first sequence, and the hash that the record before it has."""

    sequence: int = 0
    previous_hash: str = GENESIS


BEGINNING = ChainStart()
# Of texts and of integers that a double holds, this writes the very bytes of the canonical form (``schemas/canonical.py``).
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def hash_of(record: AuditRecord) -> str:
    """Return the hash that belongs into the record: 64 hex digits."""
    entry = record.entry
    content = [
        "AuditRecord",
        "v2",
        record.sequence,
        record.entry_offset,
        record.previous_hash,
        [entry.actor, entry.action, entry.subject, entry.details, entry.evidence, micros(entry.at), entry.traceparent],
    ]
    # A lone surrogate is no text; it cannot be chained, but what holds one must still be told from what was chained.
    return blake2b(_write(content).encode("utf-8", "surrogatepass"), digest_size=32).hexdigest()


def first_hash_of(record: AuditRecord) -> str:
    """Return the hash of chains that began before the trace was part of it; nothing new is written so."""
    content = canonical_json(["AuditRecord", "v1", record.sequence, record.entry_offset, record.previous_hash, id_of(record.entry)])
    return blake2b(content, digest_size=32).hexdigest()


class Notary:
    """The one writer of the chain; its state is the chain's head."""

    def __init__(self, rules: NotaryRules, sequence: int, previous_hash: str, offset: int) -> None:
        self._rules = rules
        self._sequence = sequence
        self._previous_hash = previous_hash
        self._offset = offset
        self._recent: dict[str, None] = {}
        self._is_changed = False

    @classmethod
    def from_state(cls, entries: Mapping[str, str], rules: NotaryRules) -> Self:
        """Go on after the stored head, or begin a chain."""
        sequence, previous_hash, offset = entries.get(_HEAD, f"-1 {GENESIS} -1").split(" ")
        return cls(rules, int(sequence), previous_hash, int(offset))

    def on_event(self, event: Record, place: Place, now: datetime) -> Sequence[Output]:
        """Chain one entry; an entry that is in the chain already is skipped."""
        del now
        if not isinstance(event, AuditEntry):
            return (Reject(f"{event.RECORD} is no audit entry"),)
        name = id_of(event)
        if place.offset <= self._offset or name in self._recent:
            return ()
        self._remember(name)
        self._sequence += 1
        record = AuditRecord(event, self._sequence, place.offset, self._previous_hash, "")
        record = replace(record, hash=hash_of(record))
        if (self._sequence + 1) % self._rules.checkpoint_every == 0:
            record = replace(record, checkpoint=sign_bytes(record.hash.encode(), self._rules.signing_key))
        self._previous_hash, self._offset, self._is_changed = record.hash, place.offset, True
        return (Emit(record),)

    def _remember(self, name: str) -> None:
        self._recent[name] = None
        if len(self._recent) > REMEMBERED_ENTRIES:
            del self._recent[next(iter(self._recent))]

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Time changes nothing here."""
        del now
        return ()

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the head when it moved."""
        changed = dict(self.snapshot()) if self._is_changed else {}
        self._is_changed = False
        return changed

    def snapshot(self) -> Mapping[str, str]:
        """Return the head: sequence, hash and entry offset."""
        return {_HEAD: f"{self._sequence} {self._previous_hash} {self._offset}"}


def checkpoint_is_signed(content: str, checkpoint: str, public_key: str) -> bool:
    """Tell whether the text is the notary's signature over a hash, written in the one way in which the notary writes it."""
    try:
        is_plain = b64encode(b64decode(checkpoint, validate=True)).decode("ascii") == checkpoint
    except (ValueError, Base64Error):
        return False
    return is_plain and are_signed_by(content.encode(), checkpoint, public_key)


class ChainCheck:
    """Holds each record of a chain against the one before it; keeps only where it is, so that a chain may be of any length."""

    def __init__(self, public_key: str | None, checkpoint_every: int, start: ChainStart = BEGINNING) -> None:
        """Begin before the first record that is expected; without a key, whose signature a checkpoint is stays to be asked."""
        self._public_key = public_key
        self._every = checkpoint_every
        self._expected = start.sequence
        self._hash = start.previous_hash
        self._offset = -1

    @property
    def head(self) -> ChainStart:
        """Return what the next record has to follow."""
        return ChainStart(self._expected, self._hash)

    def take(self, record: AuditRecord) -> list[str]:
        """Return one sentence per fault of this record; none means that nothing was edited, cut out or added before it."""
        found: list[str] = []
        if record.sequence != self._expected:
            found.append(f"sequence {self._expected} was expected")
        if record.previous_hash != self._hash:
            found.append("it does not follow the record before it")
        if record.entry_offset <= self._offset:
            found.append("its entry lies before that of the record before it")
        if record.hash != hash_of(record) and not _is_of_first_form(record):
            found.append("its content is not what was hashed")
        found += self._checkpoint_faults(record)
        self._expected, self._hash, self._offset = record.sequence + 1, record.hash, record.entry_offset
        return [f"record {record.sequence}: {fault}" for fault in found]

    def _checkpoint_faults(self, record: AuditRecord) -> list[str]:
        if (record.sequence + 1) % self._every:
            return ["a checkpoint stands where none belongs"] if record.checkpoint else []
        if self._public_key is None:
            return [] if record.checkpoint else ["its checkpoint is missing"]
        is_right = checkpoint_is_signed(record.hash, record.checkpoint, self._public_key)
        return [] if is_right else ["its checkpoint is not the notary's signature"]


def _is_of_first_form(record: AuditRecord) -> bool:
    try:
        return record.hash == first_hash_of(record)
    except UnicodeEncodeError:
        return False


def find_breaks(records: Iterable[AuditRecord], public_key: str, checkpoint_every: int, start: ChainStart = BEGINNING) -> list[str]:
    """Return one sentence per place where the chain does not hold; an empty list means that nothing was edited, cut out or added."""
    check = ChainCheck(public_key, checkpoint_every, start)
    return [fault for record in records for fault in check.take(record)]
