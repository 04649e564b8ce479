"""A button in Slack: Slack's signature, its age, who pressed it and on what; then the same word as the command line says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from console.keys import ensure_key
from console.notices.rules import SlackRule
from console.notices.slack import MAX_BODY, NO, YES, button_value, require_slack, signature_of
from console.readmodel import Pending
from console.slack_answers import SlackDoor, secret_in
from schemas.control_words import why_not_counted
from schemas.decisions import Decision, Verdict
from schemas.errors import ConfigurationError, DeniedError, HealstreamError, NotFoundError, UsageError
from schemas.oversight import Control
from schemas.people import People, Person, Role
from schemas.signing import public_text
from schemas.vocabulary import Kind

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
SECRET, PLAN, ID = "shhh", "abc123", "0123456789abcdef" * 2
DECISION = Decision(
    incident_id="i", target="service:web", scope="group:g", kind=Kind.SERVICE_DOWN, fingerprint="f", opened_at=NOW, detected_at=NOW,
    attempt=1, max_attempts=2, verdict=Verdict.ASK, decided_at=NOW, expires_at=NOW + timedelta(hours=1), strategy="service_restart",
    approvals_required=1, proposer="cyd",
)  # fmt: skip
WAITING = [Pending(ID, DECISION, PLAN, ("restart",), ())]


def pressed(action: str = YES, user: str = "U1", value: str = button_value(ID, PLAN)) -> bytes:
    sent = {"type": "block_actions", "user": {"id": user}, "actions": [{"action_id": action, "value": value}]}
    return urlencode({"payload": json.dumps(sent)}).encode()


def signed(body: bytes, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    return {"X-Slack-Request-Timestamp": stamp, "x-slack-signature": signature_of(secret, stamp, body)}


@pytest.fixture
def door(tmp_path: Path) -> SlackDoor:
    roles = {"ada": Role.APPROVER, "bob": Role.VIEWER, "cyd": Role.APPROVER}
    persons = tuple(Person(name, frozenset({role}), public_text(ensure_key(tmp_path / f"{name}.key"))) for name, role in roles.items())
    people = (("U1", "ada"), ("U2", "bob"), ("U3", "cyd"), ("U4", "dan"))
    return SlackDoor(SlackRule("/x", people), SECRET, People(persons), tmp_path)


def word(door: SlackDoor, body: bytes) -> Control:
    return door.word_in(signed(body), body, WAITING, NOW, "nonce")


def test_the_signature_is_the_one_that_slacks_documents_show() -> None:
    # The example of Slack's page on verifying requests, with the values that it prints.
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
        b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    found = signature_of("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)
    assert found == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


@pytest.mark.parametrize(("action", "is_yes"), [(YES, True), (NO, False)])
def test_a_press_is_the_persons_own_signed_word_on_exactly_that_plan(door: SlackDoor, action: str, is_yes: bool) -> None:
    said = word(door, pressed(action))
    assert said.key == f"approval/{ID}/ada"
    assert said.approval is not None
    assert (said.approval.approve, said.approval.plan_hash) == (is_yes, PLAN)
    assert why_not_counted(said, door.people) is None


@pytest.mark.parametrize(
    ("body", "error", "why"),
    [
        (pressed(user="U9"), DeniedError, "knows no such Slack user"),
        (pressed(user="U2"), DeniedError, "no rule gives the right to approve"),
        (pressed(user="U3"), DeniedError, "the proposer may not approve"),
        (pressed(user="U4"), DeniedError, "there is none"),
        (pressed(value=button_value(ID, "other")), DeniedError, "the plan has changed"),
        (pressed(value=button_value("f" * 32, PLAN)), NotFoundError, "no such decision waits"),
        (pressed(action="other"), UsageError, "the button is none of healstream's"),
        (pressed(value="x"), UsageError, "the button is none of healstream's"),
        (b"payload=%7B", UsageError, "no press of one button"),
        (b"payload=" + b"[" * 20_000, UsageError, "no press of one button"),
        (b"\xff", UsageError, "no press of one button"),
        (b"", UsageError, "no press of one button"),
    ],
)
def test_what_may_not_be_said_is_refused_with_its_reason(door: SlackDoor, body: bytes, error: type[HealstreamError], why: str) -> None:
    with pytest.raises(error, match=why):
        word(door, body)


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "no timestamp"),
        ({"X-Slack-Request-Timestamp": "1e9"}, "no timestamp"),
        (signed(pressed(), secret="other"), "its signature is not Slack's"),
        (signed(pressed(NO)), "its signature is not Slack's"),
        ({**signed(pressed()), "x-slack-signature": "v0=\u00e9"}, "its signature is not Slack's"),
        (signed(pressed(), NOW - timedelta(minutes=5, seconds=1)), "older than five minutes"),
        (signed(pressed(), NOW + timedelta(minutes=5, seconds=1)), "from the future"),
    ],
)
def test_a_request_that_is_not_slacks_or_not_fresh_says_nothing(headers: dict[str, str], why: str) -> None:
    with pytest.raises(DeniedError, match=why):
        require_slack(headers, pressed(), SECRET, NOW)


def test_without_a_secret_and_above_a_size_nothing_is_believed() -> None:
    with pytest.raises(DeniedError, match="no signing secret"):
        require_slack(signed(b"", secret=""), b"", "", NOW)
    huge = b"x" * (MAX_BODY + 1)
    with pytest.raises(DeniedError, match="larger than"):
        require_slack(signed(huge), huge, SECRET, NOW)


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    with pytest.raises(ConfigurationError, match="No such file"):
        secret_in(SlackRule(str(file)))
    file.write_text("shhh\n")
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        secret_in(SlackRule(str(file)))
    file.chmod(0o600)
    assert secret_in(SlackRule(str(file))) == SECRET
