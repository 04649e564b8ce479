"""What people say, signed: approvals, kill switches and overrides as Control records on ``heal.control``; called by the commands.

A key on this machine speaks for its person only; admit checks roles again, so a command here only says early what would be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.keys import load_key
from console.readmodel import Pending
from infra.kafka import codec_of, deliver
from schemas.authorization import Matter
from schemas.control_words import HANGS_ON_TARGET
from schemas.errors import DeniedError, UsageError
from schemas.ids import Record
from schemas.oversight import Approval, Control, KillSwitch, SwitchMode
from schemas.people import ON_FLEET, People, Right
from schemas.signing import public_text, sign

FLUSH_S = 5.0
FLEET = "fleet"


@dataclass(frozen=True, slots=True)
class Speaker:
    """A person with their key."""

    name: str
    key: Ed25519PrivateKey


def speaker_in(folder: Path, name: str) -> Speaker:
    """Return the named person, or the only one of this machine; raises UsageError or DeniedError."""
    names = sorted(path.stem for path in folder.glob("*.key"))
    if not name and len(names) != 1:
        raise UsageError("who speaks", f"the keys here are those of {', '.join(names) or 'nobody'}", "Name one with --as")
    chosen = name or names[0]
    if "/" in chosen or chosen.startswith("."):
        raise UsageError(f"person {chosen!r}", "this is no name", "Name one with --as")
    return Speaker(chosen, load_key(folder / f"{chosen}.key"))


def require_right(people: People, speaker: Speaker, right: Right, on: Matter | None = None) -> None:
    """Raise DeniedError unless people.yaml knows this key and the rules give the right; of what hangs on a target, on any target."""
    person = people.named(speaker.name)
    if person is None or person.public_key != public_text(speaker.key):
        raise DeniedError(speaker.name, "people.yaml does not know this key", "Add the person to people.yaml")
    is_allowed = people.may_somewhere(speaker.name, right) if right in HANGS_ON_TARGET else people.may(speaker.name, right, on or ON_FLEET)
    if not is_allowed:
        raise DeniedError(speaker.name, f"no rule gives the right to {right}", "Ask somebody whom policy/*.cedar allows it")


def approval_of(pending: Pending, speaker: Speaker, nonce: str, at: datetime, *, approve: bool) -> Control:
    """Return the signed yes or no to exactly the pending plan, valid as long as the decision."""
    if approve and speaker.name == pending.decision.proposer:
        raise DeniedError(speaker.name, "the proposer may not approve", "Ask another person")
    valid = Approval(pending.plan_hash, approve, min(pending.decision.expires_at, at + timedelta(hours=1)), nonce)
    return sign(Control(f"approval/{pending.decision_id}/{speaker.name}", speaker.name, at, approval=valid), speaker.key)


def switch_of(scope: str, mode: SwitchMode, reason: str, speaker: Speaker, at: datetime) -> Control:
    """Return the signed switch of a scope."""
    return sign(Control(f"killswitch/{scope}", speaker.name, at, killswitch=KillSwitch(mode, reason)), speaker.key)


def say(brokers: str, word: Record, flush_s: float = FLUSH_S) -> None:
    """Put a word on its topic; raises UnreachableError when the broker does not take it in time."""
    deliver(brokers, [word], codec_of(brokers, [type(word)]), flush_s)
