"""A button's answer as Slack sends it: whether it is Slack's own and fresh, who pressed what, and on which plan; no word of it is trusted.

The request is signed with the app's secret over ``v0:timestamp:body`` (HMAC-SHA-256). Called by ``console/slack_answers.py``.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qs

from schemas.errors import DeniedError, UsageError
from schemas.ids import EPOCH

MOST_AGE = timedelta(minutes=5)
MAX_BODY = 64 * 1024
YES, NO = "healstream_yes", "healstream_no"
_VALUE = re.compile(r"([0-9a-f]{32}):([0-9A-Za-z]{1,64})")
_MEND = "Check the signing secret and the clock of this machine"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was pressed: a Slack user's yes or no to one decision's plan."""

    user: str
    decision_id: str
    plan_hash: str
    is_yes: bool


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature that Slack gives such a request."""
    signed = b"v0:" + timestamp.encode() + b":" + body
    return f"v0={hmac.new(secret.encode(), signed, sha256).hexdigest()}"


def require_slack(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> None:
    """Raise DeniedError unless the request is signed with the secret and five minutes old at most."""
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


def button_value(decision_id: str, plan_hash: str) -> str:
    """Return what a button carries: the decision and exactly the plan that its message shows."""
    return f"{decision_id}:{plan_hash}"


def answer_in(body: bytes) -> Answer:
    """Return the answer in a verified request; raises UsageError for what is none."""
    try:
        [raw] = parse_qs(body.decode("utf-8"), strict_parsing=True, max_num_fields=10)["payload"]
        sent = json.loads(raw)
        [action] = sent["actions"]
        user, name, value = str(sent["user"]["id"]), str(action["action_id"]), str(action["value"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError("Slack's answer", "it is no press of one button", "Send it from a button of healstream's message") from error
    found = _VALUE.fullmatch(value)
    if found is None or name not in {YES, NO}:
        raise UsageError("Slack's answer", "the button is none of healstream's", "Press one under healstream's message")
    return Answer(user, found[1], found[2], name == YES)
