"""What the door and the notary keep, as the messages by which the page hears of it: breakers, budgets, and a chain of audit records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.site.store import DOOR_STATE, Message
from schemas.outputs import Emit, Place
from schemas.oversight import AuditEntry, AuditRecord
from schemas.policy import Policy
from streams.breakers import Breakers
from streams.notary import Notary, NotaryRules


def door_messages(changes: Mapping[str, str | None], begin: int = 0) -> list[Message]:
    """Return the changes of admit's state as the messages of its topic; what is gone has no bytes."""
    return [Message(DOOR_STATE, 0, begin + n, (text or "").encode(), key) for n, (key, text) in enumerate(changes.items())]


def chained(said: Sequence[AuditEntry], key: Ed25519PrivateKey, every: int = 100) -> list[AuditRecord]:
    """Return the records of the chain that a notary makes of entries."""
    notary = Notary.from_state({}, NotaryRules(key, every))
    made = [out for n, entry in enumerate(said) for out in notary.on_event(entry, Place("heal.audit.entries", 0, n), entry.at)]
    return [out.record for out in made if isinstance(out, Emit) and isinstance(out.record, AuditRecord)]


def failed(circuit: str, times: int, at: datetime, policy: Policy | None = None) -> Breakers:
    """Return the door's breakers after so many failures of one of them."""
    kept = Breakers({}, policy or Policy())
    for number in range(times):
        kept.record(f"c{number}", (circuit,), False, at)
    return kept
