"""Puts every audit entry into one hash chain: AuditEntry -> AuditRecord, with a signed checkpoint every N records.

Runs in the fenced loop (``streams/gatekeeper.py``), so the chain has one writer. ``find_breaks`` is what ``healstream audit verify``
calls. The hash is BLAKE2b-256 over the canonical JSON (RFC 8785) of sequence, entry offset, previous hash and the entry's own id,
which is made over all of the entry's content.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.canonical import canonical_json
from schemas.ids import Record, id_of
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


def hash_of(record: AuditRecord) -> str:
    """Return the hash that belongs into the record: 64 hex digits."""
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


def find_breaks(records: Iterable[AuditRecord], public_key: str, checkpoint_every: int) -> list[str]:
    """Return one sentence per place where the chain does not hold; an empty list means that nothing was edited, cut out or added."""
    breaks: list[str] = []
    previous_hash, expected = GENESIS, 0
    for record in records:
        place = f"record {record.sequence}"
        if record.sequence != expected:
            breaks.append(f"{place}: sequence {expected} was expected")
        if record.previous_hash != previous_hash:
            breaks.append(f"{place}: it does not follow the record before it")
        if hash_of(record) != record.hash:
            breaks.append(f"{place}: its content is not what was hashed")
        breaks += _checkpoint_breaks(record, public_key, checkpoint_every)
        previous_hash, expected = record.hash, record.sequence + 1
    return breaks


def _checkpoint_breaks(record: AuditRecord, public_key: str, checkpoint_every: int) -> list[str]:
    is_due = (record.sequence + 1) % checkpoint_every == 0
    if is_due and not are_signed_by(record.hash.encode(), record.checkpoint, public_key):
        return [f"record {record.sequence}: its checkpoint is not the notary's signature"]
    return [f"record {record.sequence}: a checkpoint stands where none belongs"] if record.checkpoint and not is_due else []
