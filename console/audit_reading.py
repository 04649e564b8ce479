"""One pass over a stretch of the audit chain: what is wrong with it, where it begins and ends, and its checkpoints. Pure.

Called for the records of ``heal.audit`` by ``console/cli/audit.py`` and for those of a file by ``audit_export.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.oversight import AuditRecord
from streams.notary import BEGINNING, ChainCheck, ChainStart

# The notary's own default; ``streams/gatekeeper.py`` sets no other.
CHECKPOINT_EVERY = 100
# More sentences than anybody reads; the count goes on.
MOST_FAULTS = 200


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The notary's signature over the chain up to one record: what is kept elsewhere too.

    ``at`` is that record's time, ``since`` the time of the first record that no earlier checkpoint covers.
    """

    sequence: int
    hash: str
    since: datetime
    at: datetime
    signature: str


class Blocks:
    """Makes the checkpoints of the records that pass by."""

    def __init__(self, every: int = CHECKPOINT_EVERY) -> None:
        """Begin before the first record."""
        self._every = every
        self._since: datetime | None = None

    def checkpoint_at(self, record: AuditRecord) -> Checkpoint | None:
        """Return the checkpoint when one belongs to the next record."""
        since = self._since or record.entry.at
        is_due = (record.sequence + 1) % self._every == 0
        self._since = None if is_due else since
        return Checkpoint(record.sequence, record.hash, since, record.entry.at, record.checkpoint) if is_due else None


class Reading:
    """Takes records in the order in which they lie; ``first`` and ``last`` are None while there is none."""

    def __init__(self, public_key: str, start: ChainStart | None = BEGINNING, every: int = CHECKPOINT_EVERY) -> None:
        """Begin before the first record; without a start, it may be any: others must vouch for what is gone."""
        self.faults: list[str] = []
        self.faulty = 0
        self.records = 0
        self.first: AuditRecord | None = None
        self.last: AuditRecord | None = None
        self.checkpoints: dict[int, Checkpoint] = {}
        self._check = ChainCheck(public_key, every, start) if start else None
        self._public_key = public_key
        self._every = every
        self._blocks = Blocks(every)

    def take(self, record: AuditRecord) -> None:
        """Take the next record in."""
        if self._check is None:
            start = ChainStart(record.sequence, record.previous_hash) if record.sequence else BEGINNING
            self._check = ChainCheck(self._public_key, self._every, start)
        self.first = self.first or record
        for fault in self._check.take(record):
            self.add(fault)
        checkpoint = self._blocks.checkpoint_at(record)
        if checkpoint:
            self.checkpoints[record.sequence] = checkpoint
        self.last = record
        self.records += 1

    def add(self, fault: str) -> None:
        """Keep one fault, or only its count when there are very many."""
        self.faulty += 1
        if self.faulty <= MOST_FAULTS:
            self.faults.append(fault)

    def said(self) -> list[str]:
        """Return the faults in the order in which they were found, with a word on those that are not listed."""
        rest = self.faulty - len(self.faults)
        return [*self.faults, f"and {rest} more"] if rest else list(self.faults)

    def against_head(self, before: str | None, after: str | None) -> list[str]:
        """Return in what the records differ from the notary's own head (``sequence hash offset``), which was read before and after them.

        Head and record are one transaction: the chain holds the first, and what lies beyond the second was added by somebody else.
        """
        heads = [_head_in(text) for text in (before, after)]
        if self.last is None and heads[0] is None:
            return []
        if heads[0] is None or heads[1] is None:
            return ["the notary's stored head is gone or cannot be read: its state was changed"]
        (sequence, stored), (most, _) = heads[0], heads[1]
        if self.last is None or self.last.sequence < sequence:
            ends = f"at record {self.last.sequence}" if self.last else "before its first record"
            return [f"the chain ends {ends}, the notary's stored head is {sequence}: its end was cut off"]
        if self.last.sequence > most:
            return [f"record {self.last.sequence}: it lies beyond the notary's stored head {most}: somebody else added it"]
        is_same = self.last.sequence > sequence or self.last.hash == stored
        return [] if is_same else [f"record {sequence}: the notary's stored head has another hash"]


def _head_in(text: str | None) -> tuple[int, str] | None:
    try:
        sequence, stored, _ = (text or "").split(" ")
        return int(sequence), stored
    except ValueError:
        return None
