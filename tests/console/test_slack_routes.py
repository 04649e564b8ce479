"""Buttons from end to end: a letter to a server that speaks as Slack does, and what a press of its buttons comes to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient

from console.gateway.bodies import Room
from console.notices.cases import Said
from console.notices.letters import Letter
from console.notices.rules import Severity
from console.notices.slack import MAX_BODY, Press, signature_of
from console.notices.slack_blocks import message_of
from console.serve import app_of
from console.slack_answers import secret_at
from console.slack_box import ByScheme, SlackBox, slack_place
from console.slack_routes import PATH, SlackDesk, slack_router
from infra.metrics import Metrics
from schemas.decisions import Decision
from schemas.errors import ConfigurationError
from schemas.ids import Record, id_of
from tests.support.many_incidents import decision_on, incident_of, waiting
from tests.support.site_world import SiteWorld
from tests.support.slack_server import TOKEN, SlackServer

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
SECRET = "a-signing-secret"
HOSTILE = "<!channel> <https://evil.example|click> & <@U1>"


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    found = SlackServer()
    try:
        yield found
    finally:
        found.stop()


@pytest.fixture
def world(tmp_path: Path, slack: SlackServer) -> SiteWorld:
    found = SiteWorld(tmp_path, NOW)
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    (found.home.config / "notices.yaml").write_text(
        f"slack: {{signing_secret_file: {secret}, people: {{U1: bob, U2: olga, U3: vic}}, reply_hosts: ['{slack.host}']}}\n"
    )
    return found


def asked_in(world: SiteWorld) -> Letter:
    """Let one decision wait for people, and return the letter that asks them."""
    incident = incident_of(7, NOW, "main process exited")
    decision = decision_on(incident)
    world.tell(incident, decision, *waiting(decision))
    return letter_on(decision)


def letter_on(decision: Decision, **more: Any) -> Letter:
    made = Letter("k", "ops", Severity.WARNING, Said.APPROVAL, decision.incident_id, "approve?", f"do it: {HOSTILE}", "line", NOW, NOW)
    return replace(made, **({"decision_id": id_of(decision), "plan_hash": "shown-plan"} | more))


def sent(world: SiteWorld, slack: SlackServer, letter: Letter) -> dict[str, Any]:
    """Send a letter and return what Slack was given."""
    box = SlackBox(lambda: f"slack-app://{TOKEN}@{slack.host}/C0OPS", lambda: secret_at(world.home.config))
    assert box.put(letter, "markdown") == ""
    return slack.wait_for(1)[-1].said


def press(slack: SlackServer, message: dict[str, Any], press: Press = Press.YES, user: str = "U1", reply: str = "") -> bytes:
    """Return what Slack sends when a button of a message is pressed."""
    [button] = [one for block in message["blocks"] if block["type"] == "actions" for one in block["elements"] if one["action_id"] == press]
    told = {
        "type": "block_actions",
        "user": {"id": user},
        "actions": [{"type": "button", "action_id": button["action_id"], "value": button["value"]}],
        "message": {"blocks": message["blocks"]},
        "response_url": reply or f"http://{slack.host}/actions/T1/2/x",
    }
    return urlencode({"payload": json.dumps(told)}).encode()


def headers(body: bytes, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    signature = signature_of(secret, stamp, body)
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}


def client_of(world: SiteWorld) -> TestClient:
    return TestClient(app_of([slack_router(SlackDesk(world.site()), Room())], Metrics(), lambda: ""))


def told(slack: SlackServer, count: int) -> dict[str, Any]:
    return slack.wait_for(count)[-1].said


def test_a_press_of_a_buttons_own_value_is_a_signed_yes_and_changes_the_message(world: SiteWorld, slack: SlackServer) -> None:
    message = sent(world, slack, asked_in(world))
    body = press(slack, message)
    answer = client_of(world).post(PATH, content=body, headers=headers(body))

    assert (answer.status_code, answer.content) == (200, b"")
    [word] = world.said
    assert (word.by, word.approval and word.approval.approve, bool(word.signature)) == ("bob", True, True)
    changed = told(slack, 2)
    assert changed["replace_original"] is True
    assert changed["text"].startswith("bob approves")
    assert [block["type"] for block in changed["blocks"]] == ["header", "section", "section"]


def test_a_strangers_words_are_only_ever_text(world: SiteWorld, slack: SlackServer) -> None:
    message = sent(world, slack, asked_in(world))
    texts = json.dumps(message["blocks"])
    assert "<" not in texts
    assert "&lt;!channel&gt; &lt;https://evil.example|click&gt; &amp; &lt;@U1&gt;" in texts
    long = message_of(letter_on(decision_on(incident_of(7, NOW, "x")), body="<" * 5000), SECRET)
    [section] = [block for block in long["blocks"] if block["type"] == "section"]  # type: ignore[attr-defined]
    assert section["text"]["text"] == "&lt;" * 724 + "..."


def test_a_no_an_acknowledgement_and_a_viewers_yes(world: SiteWorld, slack: SlackServer) -> None:
    message, client = sent(world, slack, asked_in(world)), client_of(world)
    for number, (what, user, says) in enumerate(
        (
            (Press.YES, "U3", "Not taken: vic"),
            (Press.ACK, "U2", "olga looks after"),
            (Press.NO, "U1", "bob denies"),
            (Press.YES, "U9", "Not taken"),
        )
    ):
        body = press(slack, message, what, user)
        assert client.post(PATH, content=body, headers=headers(body)).status_code == 200
        changed = told(slack, number + 2)
        assert changed["text"].startswith(says), changed
        assert (changed.get("response_type") == "ephemeral") is says.startswith("Not taken")
    assert [word.key.partition("/")[0] for word in world.said] == ["ack", "approval"]


def test_what_expired_is_said_so_and_the_buttons_go(world: SiteWorld, slack: SlackServer) -> None:
    message = sent(world, slack, asked_in(world))
    world.later(timedelta(hours=3))
    body = press(slack, message)
    assert client_of(world).post(PATH, content=body, headers=headers(body, world.moment)).status_code == 200
    changed = told(slack, 2)
    assert "it expired at" in changed["text"]
    assert all(block["type"] != "actions" for block in changed["blocks"])
    assert world.said == []


def test_a_replay_an_old_or_foreign_request_and_a_large_body_say_nothing(world: SiteWorld, slack: SlackServer) -> None:
    message, client = sent(world, slack, asked_in(world)), client_of(world)
    body = press(slack, message)
    assert client.post(PATH, content=body, headers=headers(body)).status_code == 200
    again = client.post(PATH, content=body, headers=headers(body))
    assert (again.status_code, again.json()["detail"]) == (401, "this very request was taken before")
    for bad in (headers(body, secret="other"), headers(body, NOW - timedelta(minutes=6)), {}):
        assert client.post(PATH, content=body, headers=bad).status_code == 401
    assert client.post(PATH, content=b"payload=1", headers=headers(b"payload=1")).status_code == 400
    assert client.post(PATH, content=b"x" * (MAX_BODY + 1)).status_code == 413
    assert client.get(PATH).status_code == 405
    assert len(world.said) == 1


@pytest.mark.parametrize("reply", ["https://evil.example/x", "http://169.254.169.254/latest", "nonsense"])
def test_a_strangers_address_is_never_called_and_the_word_counts(world: SiteWorld, slack: SlackServer, reply: str) -> None:
    body = press(slack, sent(world, slack, asked_in(world)), reply=reply)
    assert client_of(world).post(PATH, content=body, headers=headers(body)).status_code == 200
    assert len(world.said) == 1
    assert len(slack.taken) == 1


def test_a_slack_that_takes_no_change_loses_no_word_and_a_broker_that_is_away_is_told(world: SiteWorld, slack: SlackServer) -> None:
    message, client = sent(world, slack, asked_in(world)), client_of(world)
    world.reachable = False
    body = press(slack, message)
    assert client.post(PATH, content=body, headers=headers(body)).status_code == 200
    assert "it does not answer" in told(slack, 2)["text"]
    world.reachable = True
    slack.stop()
    body = press(slack, message, user="U1", reply=f"http://{slack.host}/actions/again")
    assert client.post(PATH, content=body, headers=headers(body)).status_code == 200
    assert [word.by for word in world.said] == ["bob"]


def test_slack_is_answered_while_the_broker_is_slow_and_the_word_counts_when_it_is_there(world: SiteWorld, slack: SlackServer) -> None:
    message, may_go_on = sent(world, slack, asked_in(world)), threading.Event()

    def say_slowly(word: Record) -> None:
        assert may_go_on.wait(60.0)
        world.say(word)

    desk = SlackDesk(replace(world.site(), say=say_slowly), patience_s=0.01)
    body = press(slack, message)
    with TestClient(app_of([slack_router(desk, Room())], Metrics(), lambda: "")) as client:
        assert client.post(PATH, content=body, headers=headers(body)).status_code == 200
        assert world.said == []
        may_go_on.set()
        assert told(slack, 2)["text"].startswith("bob approves")
    assert [word.by for word in world.said] == ["bob"]


def test_without_slack_in_notices_nothing_is_believed(world: SiteWorld, slack: SlackServer) -> None:
    message = sent(world, slack, asked_in(world))
    (world.home.config / "notices.yaml").write_text("{}\n")
    body = press(slack, message)
    answer = client_of(world).post(PATH, content=body, headers=headers(body))
    assert (answer.status_code, world.said) == (401, [])
    assert sent(world, slack, letter_on(decision_on(incident_of(8, NOW, "x"))))["text"] == "approve?"
    assert all(block["type"] != "actions" for block in slack.taken[-1].said["blocks"])


def test_a_webhook_takes_the_same_message_and_what_needs_nobody_has_no_button(slack: SlackServer) -> None:
    box = SlackBox(lambda: f"slack-hook://{slack.host}/services/T1/B1/x", lambda: SECRET)
    decision = decision_on(incident_of(7, NOW, "x"))
    for said, buttons in ((Said.ESCALATED, [Press.ACK]), (Said.HEALED, [])):
        assert box.put(letter_on(decision, said=said, decision_id="", plan_hash=""), "markdown") == ""
        found = slack.taken[-1]
        assert found.path == "/services/T1/B1/x"
        assert [one["action_id"] for block in found.said["blocks"] for one in block.get("elements", ())] == buttons


def test_a_slack_that_is_busy_refuses_or_is_dead_is_said_without_its_secret(world: SiteWorld) -> None:
    busy = SlackServer(moods=(429, 500, 0))
    letter, url = asked_in(world), f"slack-app://{TOKEN}@{busy.host}/C0OPS"
    try:
        whys = [SlackBox(lambda: url, lambda: SECRET).put(letter, "") for _ in range(2)]
        whys += [SlackBox(lambda: url.replace("C0OPS", "C1"), lambda: SECRET).put(letter, "") for _ in range(2)]
    finally:
        busy.stop()
    whys.append(SlackBox(lambda: url, lambda: SECRET).put(letter, ""))
    assert whys[0] == "Slack answered 429, to be asked again after 30 s"
    assert whys[1] == "Slack answered 500, to be asked again after 30 s"
    assert whys[2] == "Slack could not be asked: ReadTimeout"
    assert whys[3] == "Slack did not take it: channel_not_found"
    assert whys[4] == "Slack could not be asked: ConnectError"
    assert not any(TOKEN in why or busy.host in why for why in whys)


@pytest.mark.parametrize(
    "url", ["slack-app://slack.com/C1", "slack-hook://", "slack-hook://[", "slack-app://t@slack.com/a/b", "https://x.example/y"]
)
def test_a_url_of_slack_that_lacks_a_part_is_named_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="slack-hook://HOST/PATH") as found:
        slack_place(url)
    assert "C1" not in str(found.value)


def test_beyond_this_machine_slack_is_asked_by_tls() -> None:
    assert slack_place("slack-hook://hooks.slack.com/services/T/B/x").url == "https://hooks.slack.com/services/T/B/x"
    assert slack_place("slack-app://xoxb-1@slack.com/C1").url == "https://slack.com/api/chat.postMessage"


class _Kept:
    def __init__(self, name: str) -> None:
        self.name = name

    def put(self, letter: Letter, form: str) -> str:
        return f"{self.name} {letter.key} {form}"


def test_the_scheme_of_a_url_says_who_carries_a_letter() -> None:
    letter = letter_on(decision_on(incident_of(7, NOW, "x")))
    found = [ByScheme(lambda: url, _Kept("slack"), _Kept("apprise")).put(letter, "text") for url in ("slack-app://a@b/c", "slack://a/b/c")]  # noqa: B023 - it is asked at once
    assert found == ["slack k text", "apprise k text"]
