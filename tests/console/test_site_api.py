"""The page's interface: who may look and say what, as the command line would have it; login, token, limits, and clear refusals."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.home import SHAPE
from console.site.sessions import Limits
from console.words import speaker_in, switch_of
from schemas.decisions import Decision
from schemas.ids import id_of
from schemas.oversight import SwitchMode
from tests.support.many_incidents import decision_on, incident_of, waiting, whole_story
from tests.support.site_world import PASSWORD, SiteWorld

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
LOOKS = ("incidents", "decisions", "recoveries", "approvals", "control", "models", "audit", "targets", "patterns")


@pytest.fixture
def world(tmp_path: Path) -> SiteWorld:
    return SiteWorld(tmp_path, NOW)


def ask(world: SiteWorld, text: str = "main process exited") -> Decision:
    """Let one decision wait for people; it is of now, for the deeds look at the real clock."""
    world.moment = datetime.now(UTC)  # noqa: TID251 - a word is signed with the time at which it is said
    incident = incident_of(7, world.moment, text)
    decision = decision_on(incident)
    world.tell(incident, decision, *waiting(decision))
    return decision


def test_nobody_sees_anything_without_a_login(world: SiteWorld) -> None:
    browser = world.browser()
    for path in (*(f"/api/v1/{name}" for name in LOOKS), "/events", "/parts/needs", "/history", "/incidents/x"):
        assert browser.client.get(path).status_code == 401, path
    shown = browser.client.get("/", headers={"accept": "text/html"})
    assert (shown.status_code, shown.headers["location"]) == (303, "/login")


def test_a_viewer_sees_every_list_in_the_shape_of_the_command_line(world: SiteWorld) -> None:
    world.tell(*whole_story(1, NOW), *whole_story(2, NOW))
    browser = world.browser().log_in("vic")
    for name in LOOKS:
        found = browser.get(f"/api/v1/{name}")
        assert (found["version"], isinstance(found["items"], list)) == (SHAPE, True)
    found = browser.get("/api/v1/incidents?limit=1")
    assert len(found["items"]) == 1  # type: ignore[arg-type]
    assert len(browser.get(f"/api/v1/incidents?limit=1&after={found['next']}")["items"]) == 1  # type: ignore[arg-type]
    case = browser.get(f"/api/v1/incidents/{id_of(incident_of(1, NOW))[:12]}")
    assert case["incident_id"] == id_of(incident_of(1, NOW))


def test_who_was_taken_out_of_the_people_may_nothing_at_once(world: SiteWorld) -> None:
    browser = world.browser().log_in("vic")
    people = world.home.config / "people.yaml"
    people.write_text(people.read_text(encoding="utf-8").replace("name: vic", "name: someone"), encoding="utf-8")
    assert browser.client.get("/api/v1/incidents").status_code == 403


@pytest.mark.parametrize(("who", "status"), [("bob", 200), ("ada", 200), ("olga", 403), ("vic", 403)])
def test_only_who_may_approve_says_yes_and_the_word_is_signed_by_their_key(world: SiteWorld, who: str, status: int) -> None:
    decision = ask(world)

    said = world.browser().log_in(who).post(f"/api/v1/approvals/{id_of(decision)}", {"approve": True, "plan_hash": "shown-plan"})

    assert said[0] == status, said
    assert [word.by for word in world.said] == ([who] if status == 200 else [])
    assert all(word.signature and word.approval and word.approval.approve for word in world.said)


def test_a_stale_page_is_told_so_and_nothing_is_said(world: SiteWorld) -> None:
    decision = ask(world)
    bob = world.browser().log_in("bob")

    status, told = bob.post(f"/api/v1/approvals/{id_of(decision)}", {"approve": True, "plan_hash": "another-plan"})

    assert (status, world.said) == (409, [])
    assert told["next"]
    world.later(timedelta(hours=2))
    bob.log_in("bob")
    late = bob.post(f"/api/v1/approvals/{id_of(decision)}", {"approve": True, "plan_hash": "shown-plan"})
    assert (late[0], "it ran out at" in str(late[1]["detail"])) == (409, True)


def test_the_kill_switch_is_engaged_by_one_and_released_by_another(world: SiteWorld) -> None:
    olga, bob = world.browser().log_in("olga"), world.browser().log_in("bob")

    assert olga.post("/api/v1/control/killswitch", {"mode": "halt", "reason": "a bad day"})[0] == 200
    assert world.home.stop_file.exists()
    assert [row["by"] for row in olga.get("/api/v1/control")["items"]] == ["olga", "stop file"]  # type: ignore[attr-defined]
    assert olga.post("/api/v1/control/killswitch", {"mode": "off", "reason": "a slip"})[0] == 403
    assert bob.post("/api/v1/control/killswitch", {"mode": "off", "reason": "all is well"})[0] == 200

    assert bob.get("/api/v1/control")["items"] == []
    assert [word.killswitch.mode for word in world.said if word.killswitch] == [SwitchMode.HALT, SwitchMode.OFF]
    assert not world.home.stop_file.exists()


def test_a_release_that_does_not_count_is_not_shown_as_one(world: SiteWorld) -> None:
    olga = world.browser().log_in("olga")
    olga.post("/api/v1/control/killswitch", {"mode": "drain", "reason": "a bad day"})
    speaker = speaker_in(world.home.people, "olga")

    world.tell(switch_of("fleet", SwitchMode.OFF, "by another program", speaker, NOW))

    assert [(row["by"], row["mode"]) for row in olga.get("/api/v1/control")["items"]] == [("olga", "drain")]  # type: ignore[attr-defined]


def test_a_viewer_stops_nothing(world: SiteWorld) -> None:
    assert world.browser().log_in("vic").post("/api/v1/control/killswitch", {"mode": "halt", "reason": "x"})[0] == 403
    assert not world.home.stop_file.exists()


def test_the_kill_switch_works_with_the_broker_down_and_says_so(world: SiteWorld) -> None:
    olga = world.browser().log_in("olga")
    world.reachable = False

    status, told = olga.post("/api/v1/control/killswitch", {"mode": "halt", "reason": "x"})

    assert (status, world.home.stop_file.exists()) == (503, True)
    assert "by the stop file" in str(told["detail"])


def test_a_change_without_the_sessions_token_or_from_another_site_is_refused(world: SiteWorld) -> None:
    olga = world.browser().log_in("olga")
    word = {"mode": "halt", "reason": "x"}
    assert olga.client.post("/api/v1/control/killswitch", json=word).status_code == 403
    assert olga.client.post("/api/v1/control/killswitch", json=word, headers={"x-csrf-token": "secret-0"}).status_code == 403
    strange = {"x-csrf-token": olga.csrf, "origin": "https://evil.example"}
    assert olga.client.post("/api/v1/control/killswitch", json=word, headers=strange).status_code == 403
    assert world.said == []


def test_a_cookie_is_for_this_site_and_no_script(world: SiteWorld) -> None:
    answer = world.browser().client.post("/login", data={"name": "ada", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_wrong_passwords_are_counted_and_an_unknown_name_is_answered_alike(world: SiteWorld) -> None:
    world.allow(Limits(tries_per_name=3))
    browser = world.browser()
    wrong = [browser.client.post("/login", data={"name": name, "password": "wrong"}) for name in ("ada", "nobody", "ada", "ada", "ada")]

    assert [answer.status_code for answer in wrong] == [401, 401, 401, 401, 429]
    assert wrong[0].text == wrong[1].text
    assert int(wrong[4].headers["retry-after"]) > 0
    assert browser.client.post("/login", data={"name": "ada", "password": PASSWORD}).status_code == 429
    world.later(timedelta(minutes=6))
    assert browser.client.post("/login", data={"name": "ada", "password": PASSWORD}).status_code == 303


def test_a_session_ends_by_idleness_by_age_and_by_logging_out(world: SiteWorld) -> None:
    idle, busy, gone = (world.browser().log_in("vic") for _ in range(3))
    for _ in range(3):
        world.later(timedelta(minutes=20))
        assert busy.client.get("/api/v1/control").status_code == 200
        idle.client.get("/api/v1/control", headers={"x-unattended": "1"})
    assert idle.client.get("/api/v1/control").status_code == 401
    for _ in range(23):
        world.later(timedelta(minutes=29))
        busy.client.get("/api/v1/control")
    assert busy.client.get("/api/v1/control").status_code == 401
    gone.log_in("vic")
    assert gone.client.post("/logout", data={"csrf": "wrong"}).status_code == 403
    assert gone.client.post("/logout", data={"csrf": gone.csrf}).status_code == 303
    assert gone.client.get("/api/v1/control").status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/incidents?limit=0", 400),
        ("/api/v1/incidents?since=yesterday", 400),
        ("/api/v1/incidents?since=2026-01-01T00:00:00", 400),
        ("/api/v1/incidents?after=%27;drop", 400),
        ("/api/v1/incidents/zz", 404),
        ("/api/v1/recoveries/zz", 404),
        ("/static/..%2fapp.py", 404),
        ("/static/app.py", 404),
        ("/parts/other", 404),
    ],
)
def test_bad_words_are_answered_with_what_to_do(world: SiteWorld, path: str, status: int) -> None:
    answer = world.browser().log_in("vic").client.get(path)
    assert answer.status_code == status
    if answer.headers["content-type"] == "application/problem+json":
        assert answer.json()["next"]


def test_a_strange_host_and_a_huge_body_do_not_come_in(world: SiteWorld) -> None:
    browser = world.browser()
    assert browser.client.get("/login", headers={"host": "evil.example"}).status_code == 400
    assert browser.client.post("/login", content=b"x" * 70_000).status_code == 400
    assert browser.client.get("/login", headers={"host": "localhost:9"}).status_code == 200


def test_every_answer_allows_only_our_own_files(world: SiteWorld) -> None:
    for path in ("/login", "/static/site.js", "/api/v1/control"):
        policy = world.browser().client.get(path).headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy


def test_files_are_kept_by_the_browser_as_long_as_their_content_is_the_same(world: SiteWorld) -> None:
    client = world.browser().client
    named = re.findall(r'"(/static/site.css[^"]*)"', client.get("/login").text)
    assert "immutable" in client.get(named[0]).headers["cache-control"]
    assert client.get("/static/site.css?v=other").headers["cache-control"] == "no-cache"


def test_hostile_text_stays_text_wherever_it_is_shown(world: SiteWorld) -> None:
    decision = ask(world, "<img src=x onerror=alert(1)> \x1b[31mred\x1b[0m \u202egnp.exe '\"&{{7*7}}")
    browser = world.browser().log_in("vic")

    shown = browser.client.get(f"/incidents/{decision.incident_id}").text

    assert "<img" not in shown
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\u241b[31mred" in shown
    assert "{{7*7}}" in shown
