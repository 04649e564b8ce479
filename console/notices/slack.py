"""A button's answer as Slack sends it: whether it is Slack's own and fresh, who pressed what, and on which plan; no word of it is trusted.

The request is signed with the app's secret over ``v0:timestamp:body`` (HMAC-SHA-256), and what a button carries is signed with it by us, so
that only buttons of our own messages are answered. Called by ``console/slack_answers.py``.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from schemas.errors import DeniedError, UsageError
from schemas.ids import EPOCH

MOST_AGE = timedelta(minutes=5)
MAX_BODY = 64 * 1024
_MOST_SHOWN = 4
_VALUE = re.compile(r"([0-9a-f]{32}):([0-9a-f]{32}|):([0-9A-Za-z_-]{0,64}):([0-9a-f]{32})")
_MEND = "Check the signing secret and the clock of this machine"
_PRESS = "Send it from a button of healstream's message"
_LOOPBACK = frozenset({"127.0.0.1", "localhost"})


class Press(StrEnum):
    """What a button says; the value is the name by which Slack tells of it."""

    YES = "healstream_yes"
    NO = "healstream_no"
    ACK = "healstream_ack"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message asks about: an incident, and of a question the decision with exactly the plan that the message shows."""

    incident_id: str
    decision_id: str = ""
    plan_hash: str = ""


@dataclass(frozen=True, slots=True)
class ReplyAddress:
    """Where Slack lets a message be changed; made by ``reply_address`` only, so the host was looked at."""

    url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was pressed by a Slack user; ``shown`` are the texts of the message, as kind and text, to be shown again with the answer."""

    user: str
    press: Press
    asked: Asked
    reply_url: str = ""
    shown: tuple[tuple[str, str], ...] = ()


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature that Slack gives such a request."""
    signed = b"v0:" + timestamp.encode() + b":" + body
    return f"v0={hmac.new(secret.encode(), signed, sha256).hexdigest()}"


def require_slack(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> str:
    """Return the request's signature; raises DeniedError unless it is made with the secret and five minutes old at most."""
    given = {name.lower(): text for name, text in headers.items()}
    timestamp, signature = given.get("x-slack-request-timestamp", ""), given.get("x-slack-signature", "")
    if not secret:
        raise DeniedError("Slack's answer", "no signing secret is configured", "Name its file in notices.yaml under `slack`")
    if len(body) > MAX_BODY:
        raise DeniedError("Slack's answer", f"it is larger than {MAX_BODY} bytes", _MEND)
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise DeniedError("Slack's answer", "it has no timestamp", _MEND)
    if not hmac.compare_digest(signature_of(secret, timestamp, body).encode(), signature.encode()):
        raise DeniedError("Slack's answer", "its signature is not Slack's", _MEND)
    if abs(now - (EPOCH + timedelta(seconds=int(timestamp)))) > MOST_AGE:
        raise DeniedError("Slack's answer", "it is older than five minutes, or from the future", _MEND)
    return signature


def button_value(secret: str, press: Press, asked: Asked) -> str:
    """Return what a button carries: what it is about, and our signature over that and what the button says."""
    return f"{asked.incident_id}:{asked.decision_id}:{asked.plan_hash}:{_tag(secret, press, asked)}"


def _tag(secret: str, press: Press, asked: Asked) -> str:
    # In other words than Slack signs, so that neither signature can stand for the other.
    words = json.dumps(["healstream button", "v1", press.value, asked.incident_id, asked.decision_id, asked.plan_hash])
    return hmac.new(secret.encode(), words.encode(), sha256).hexdigest()[:32]


def answer_in(body: bytes, secret: str) -> Answer:
    """Return the answer in a verified request; raises UsageError for what is none."""
    try:
        [raw] = parse_qs(body.decode("utf-8"), strict_parsing=True, max_num_fields=10)["payload"]
        sent = json.loads(raw)
        [action] = sent["actions"]
        user, name, value = str(sent["user"]["id"]), str(action["action_id"]), str(action["value"])
        reply, shown = str(sent.get("response_url") or ""), _shown_in(sent)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError("Slack's answer", "it is no press of one button", _PRESS) from error
    found = _VALUE.fullmatch(value)
    if found is None or name not in set(Press):
        raise UsageError("Slack's answer", "the button is none of healstream's", "Press one under healstream's message")
    press, asked = Press(name), Asked(found[1], found[2], found[3])
    if not hmac.compare_digest(found[4], _tag(secret, press, asked)):
        raise UsageError("Slack's answer", "the button was not made by this copy", "Press one under a message of this copy")
    return Answer(user, press, asked, reply, shown)


def _shown_in(sent: dict[str, object]) -> tuple[tuple[str, str], ...]:
    message = sent.get("message")
    blocks = message.get("blocks") if isinstance(message, dict) else None
    texts = [(one["type"], one["text"]["text"]) for one in blocks or () if one["type"] in {"header", "section"}]
    return tuple((str(kind), str(text)) for kind, text in texts[:_MOST_SHOWN])


def reply_address(url: str, hosts: tuple[str, ...]) -> ReplyAddress | None:
    """Return where a message may be changed; None for an address that is not of one of the hosts, which may carry a port."""
    try:
        parts = urlsplit(url)
        is_loopback, port = parts.hostname in _LOOPBACK, parts.port
    except ValueError:
        return None
    is_named = parts.netloc.lower() in hosts and "@" not in parts.netloc
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback and port is not None)
    return ReplyAddress(url) if is_named and is_safe else None
