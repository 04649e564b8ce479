"""A button in Slack: Slack's signature, its age, who pressed it and on what; then the same word as the command line says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from console.keys import ensure_key
from console.notices.desk import NoticeDesk
from console.notices.desk_rules import DeskRules
from console.notices.rules import REPLY_HOSTS, Dialect, Ladder, NoticeRules, NoticeTarget, Route, Rung, Severity, SlackRule
from console.notices.slack import (
    MAX_BODY,
    Asked,
    Press,
    ReplyAddress,
    answer_in,
    button_value,
    reply_address,
    require_slack,
    signature_of,
)
from console.readmodel import ReadModel
from console.slack_answers import Heard, Said, SlackDoor, secret_in
from console.words import Speaker, approval_of
from schemas.control_words import why_not_counted
from schemas.decisions import Admission, AdmissionState, Decision, Verdict
from schemas.errors import ConfigurationError, DeniedError, HealstreamError, NotFoundError, UsageError
from schemas.ids import Record, id_of
from schemas.incidents import Incident
from schemas.outputs import Place
from schemas.people import People, Person, Role
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.services import Services
from schemas.signing import public_text
from schemas.vocabulary import Group, Kind

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
SECRET, PLAN = "shhh", "abc123"
INCIDENT = Incident(
    origin_key=("group:g", "1"), kind=Kind.SERVICE_DOWN, group=Group.RUNTIME, confidence=0.95, fingerprint="f", target="service:web",
    scope="group:g", severity="warning", complete=True, opened_at=NOW, detected_at=NOW,
)  # fmt: skip
DECISION = Decision(
    incident_id=id_of(INCIDENT), target="service:web", scope="group:g", kind=Kind.SERVICE_DOWN, fingerprint="f", opened_at=NOW,
    detected_at=NOW, attempt=1, max_attempts=2, verdict=Verdict.ASK, decided_at=NOW, expires_at=NOW + timedelta(hours=1),
    strategy="service_restart", approvals_required=2, proposer="cyd", plan_hash=PLAN,
)  # fmt: skip
ID = id_of(DECISION)
WAITS = Admission(id_of(INCIDENT), ID, AdmissionState.QUEUED, f"approval: 1 more for plan {PLAN}", NOW)
HEALED = RecoveryOutcome(
    incident_id=id_of(INCIDENT), decision_id=ID, attempt=1, final=True, target="service:web", kind=Kind.SERVICE_DOWN,
    status=OutcomeStatus.HEALED, reason="", opened_at=NOW, detected_at=NOW, finished_at=NOW,
)  # fmt: skip
ASKED = Asked(id_of(INCIDENT), ID, PLAN)


def pressed(action: str = Press.YES, user: str = "U1", value: str = "", asked: Asked = ASKED, secret: str = SECRET) -> bytes:
    carried = value or button_value(secret, Press(action), asked)
    sent = {"type": "block_actions", "user": {"id": user}, "actions": [{"action_id": action, "value": carried}]}
    return urlencode({"payload": json.dumps(sent)}).encode()


def signed(body: bytes, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    return {"X-Slack-Request-Timestamp": stamp, "x-slack-signature": signature_of(secret, stamp, body)}


@pytest.fixture
def door(tmp_path: Path) -> SlackDoor:
    roles = {"ada": Role.APPROVER, "bob": Role.VIEWER, "cyd": Role.APPROVER, "eve": Role.APPROVER, "olga": Role.OPERATOR}
    persons = tuple(Person(name, frozenset({role}), public_text(ensure_key(tmp_path / f"{name}.key"))) for name, role in roles.items())
    people = (("U1", "ada"), ("U2", "bob"), ("U3", "cyd"), ("U4", "dan"), ("U5", "eve"), ("U6", "olga"))
    return SlackDoor(SlackRule("/x", people), SECRET, People(persons), Services(), tmp_path)


def said(door: SlackDoor, body: bytes, *records: Record, now: datetime = NOW) -> Said:
    _, answer = door.answer(signed(body, now), body, now)
    model = ReadModel()
    model.apply_all([INCIDENT, DECISION, WAITS, *records])
    return door.said(Heard(answer, model, now, "nonce"))


def test_the_signature_is_the_one_that_slacks_documents_show() -> None:
    # The example of Slack's page on verifying requests, with the values that it prints.
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
        b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    found = signature_of("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body)
    assert found == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


@pytest.mark.parametrize(("action", "is_yes"), [(Press.YES, True), (Press.NO, False)])
def test_a_press_is_the_persons_own_signed_word_on_exactly_that_plan(door: SlackDoor, action: Press, is_yes: bool) -> None:
    word = said(door, pressed(action)).word
    assert word.key == f"approval/{ID}/ada"
    assert word.approval is not None
    assert (word.approval.approve, word.approval.plan_hash) == (is_yes, PLAN)
    assert why_not_counted(word, door.people) is None


def test_a_second_yes_comes_from_another_person_and_the_last_one_takes_the_buttons_away(door: SlackDoor) -> None:
    first = said(door, pressed())
    assert (first.line, first.left) == ("ada approves service restart on service:web; 1 more must say yes.", tuple(Press))
    with pytest.raises(DeniedError, match="you have said yes already"):
        said(door, pressed(), first.word)
    second = said(door, pressed(user="U5"), first.word)
    assert (second.word.by, second.line, second.left) == ("eve", "eve approves service restart on service:web.", ())


def test_a_yes_that_nobody_signed_is_no_first_one(door: SlackDoor) -> None:
    forged = replace(said(door, pressed()).word, signature="")
    assert said(door, pressed(), forged).left == tuple(Press)


def test_who_looks_after_an_incident_says_so_for_the_ladder(door: SlackDoor) -> None:
    found = said(door, pressed(Press.ACK, "U6"))
    assert (found.word.key, found.left) == (f"ack/{id_of(INCIDENT)}/olga", (Press.YES, Press.NO))
    assert why_not_counted(found.word, door.people) is None
    ended = said(door, pressed(Press.ACK, "U6", asked=Asked(id_of(INCIDENT))), HEALED)
    assert ended.left == ()


def test_the_word_of_a_press_stops_the_ladder(door: SlackDoor) -> None:
    rules = NoticeRules(
        targets=(NoticeTarget("ops", "json://127.0.0.1:1"),),
        routes=(Route("all", ("ops",), Severity.INFO, ladder="duty"),),
        ladders=(Ladder("duty", (Rung(10.0, ("ops",)),)),),
    )
    desk = NoticeDesk({}, DeskRules(rules, Services(), door.people, {"ops": Dialect.SLACK}))
    for record in (INCIDENT, DECISION, WAITS):
        desk.on_event(record, Place("heal.incidents", 0, 0), NOW)
    assert any(name.startswith("climb/") for name in desk.snapshot())
    desk.on_event(said(door, pressed(Press.ACK, "U6")).word, Place("heal.control", 0, 0), NOW)
    assert not any(name.startswith("climb/") for name in desk.snapshot())


@pytest.mark.parametrize(
    ("body", "error", "why"),
    [
        (pressed(user="U9"), DeniedError, "knows no such Slack user"),
        (pressed(user="U2"), DeniedError, "no rule gives the right to approve"),
        (pressed(Press.ACK, "U1"), DeniedError, "ada has no right to override on service:web"),
        (pressed(user="U3"), DeniedError, "the proposer may not approve"),
        (pressed(user="U4"), DeniedError, "there is none"),
        (pressed(asked=replace(ASKED, plan_hash="other")), DeniedError, "the plan has changed"),
        (pressed(asked=replace(ASKED, decision_id="f" * 32)), NotFoundError, "the incident is queued"),
        (pressed(asked=replace(ASKED, incident_id="f" * 32)), NotFoundError, "no such incident"),
        (pressed(action=Press.YES, value="x"), UsageError, "the button is none of healstream's"),
        (pressed(value=button_value(SECRET, Press.NO, ASKED)), UsageError, "not made by this copy"),
        (pressed(secret="another"), UsageError, "not made by this copy"),
        (pressed(value=button_value(SECRET, Press.YES, ASKED).replace(PLAN, "other")), UsageError, "not made by this copy"),
        (pressed().replace(b"healstream_yes", b"other"), UsageError, "the button is none of healstream's"),
        (b"payload=%7B", UsageError, "no press of one button"),
        (b"payload=" + b"[" * 20_000, UsageError, "no press of one button"),
        (b"payload=%5B1%5D", UsageError, "no press of one button"),
        (b"\xff", UsageError, "no press of one button"),
        (b"", UsageError, "no press of one button"),
    ],
)
def test_what_may_not_be_said_is_refused_with_its_reason(door: SlackDoor, body: bytes, error: type[HealstreamError], why: str) -> None:
    with pytest.raises(error, match=why):
        said(door, body)


def test_what_is_over_says_how_it_ended(door: SlackDoor) -> None:
    with pytest.raises(NotFoundError, match="the incident is healed"):
        said(door, pressed(), HEALED)
    with pytest.raises(NotFoundError, match="it expired at 2026-01-02 13:00 UTC"):
        said(door, pressed(), now=NOW + timedelta(hours=2))


def test_who_may_approve_elsewhere_only_may_not_here(door: SlackDoor) -> None:
    rules = 'permit (principal, action == Action::"approve", resource) when { resource.team == "billing" };'
    elsewhere = replace(door, people=replace(door.people, rules=rules))
    with pytest.raises(DeniedError, match="ada has no right to approve on service:web"):
        said(elsewhere, pressed())


def test_a_yes_of_the_command_line_counts_as_the_first_one(door: SlackDoor) -> None:
    model = ReadModel()
    model.apply_all([INCIDENT, DECISION, WAITS])
    [row] = model.pending(NOW)
    typed = approval_of(row, Speaker("eve", ensure_key(door.keys / "eve.key")), "n", NOW, approve=True)
    assert said(door, pressed(), typed).left == ()


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://hooks.slack.com/actions/T1/2/x", True),
        ("https://hooks.slack-gov.com/actions/T1/2/x", True),
        ("http://hooks.slack.com/actions/T1/2/x", False),
        ("https://hooks.slack.com.evil.example/x", False),
        ("https://hooks.slack.com@evil.example/x", False),
        ("https://hooks.slack.com:8443/x", False),
        ("https://169.254.169.254/latest", False),
        ("http://127.0.0.1:9092/x", False),
        ("file:///etc/passwd", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_a_message_is_changed_on_slacks_own_hosts_only(url: str, is_allowed: bool) -> None:
    assert reply_address(url, REPLY_HOSTS) == (ReplyAddress(url) if is_allowed else None)


def test_a_message_of_any_shape_is_read_as_texts_or_not_at_all() -> None:
    blocks: list[object] = [{"type": "section", "text": {"type": "mrkdwn", "text": "a"}}] * 9
    value = button_value(SECRET, Press.YES, ASKED)
    for message, count in (({"blocks": blocks}, 4), ({}, 0), ("x", 0), (None, 0), ({"blocks": [{"type": "divider"}]}, 0)):
        sent = {"user": {"id": "U1"}, "actions": [{"action_id": Press.YES, "value": value}], "message": message}
        assert len(answer_in(urlencode({"payload": json.dumps(sent)}).encode(), SECRET).shown) == count
    strange: tuple[object, ...] = (7, ["x"], [{"type": "section"}])
    for broken in strange:
        press = {"action_id": Press.YES, "value": value}
        told: dict[str, object] = {"user": {"id": "U1"}, "actions": [press], "message": {"blocks": broken}}
        with pytest.raises(UsageError, match="no press of one button"):
            answer_in(urlencode({"payload": json.dumps(told)}).encode(), SECRET)


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "no timestamp"),
        ({"X-Slack-Request-Timestamp": "1e9"}, "no timestamp"),
        (signed(pressed(), secret="other"), "its signature is not Slack's"),
        (signed(pressed(Press.NO)), "its signature is not Slack's"),
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
