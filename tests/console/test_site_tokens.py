"""Tokens for programs: shown once and kept as digests, never more than their person or their role, never by a cookie, and not for pages."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from console.cli.main import run
from console.site.app import OTHERS, REST
from console.site.place import tokens_path
from console.site.rights import TAKES, TAKES_ONE_OF
from console.site.sessions import Limits
from console.site.tokens import Token, keep, made, revoke, token_of, tokens_in
from schemas.errors import ConfigurationError, LoginError, NotFoundError, UsageError
from schemas.people import Role
from tests.support.site_world import SiteWorld

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
SECRET = "s" * 43
HALT: dict[str, object] = {"mode": "drain", "reason": "a bad day"}


@pytest.fixture
def world(tmp_path: Path) -> SiteWorld:
    return SiteWorld(tmp_path, NOW)


def give(world: SiteWorld, person: str, role: Role, span: timedelta = timedelta(days=1), name: str = "0a1b2c3d") -> dict[str, str]:
    """Keep a token and return the header with which a program comes."""
    word, token = made(name, SECRET, (person, "ada"), role, (NOW, NOW + span))
    keep(tokens_path(world.home), token)
    return {"authorization": f"Bearer {word}"}


def test_of_each_change_it_is_known_which_rights_it_takes() -> None:
    routes = [route for router in (*REST, *OTHERS) for route in router.routes if isinstance(route, APIRoute)]
    assert {route.path for route in routes if route.methods != {"GET"}} - {"/login", "/logout"} == {*TAKES, *TAKES_ONE_OF}


def test_a_program_looks_and_says_what_its_person_and_its_role_both_may(world: SiteWorld) -> None:
    client = world.browser().client
    olga, bob = give(world, "olga", Role.OPERATOR), give(world, "bob", Role.VIEWER, name="0a1b2c3e")
    wide = give(world, "vic", Role.ADMIN, name="0a1b2c3f")

    assert client.get("/api/v1/incidents", headers=olga).status_code == 200
    assert client.post("/api/v1/control/killswitch", json=HALT, headers=bob).status_code == 403
    assert client.post("/api/v1/control/killswitch", json=HALT, headers=wide).status_code == 403
    answer = client.post("/api/v1/control/killswitch", json=HALT, headers=olga)

    assert answer.status_code == 200, answer.text
    assert [(word.by, bool(word.signature)) for word in world.said] == [("olga", True)]


def test_a_token_is_for_programs_and_not_for_pages_and_beside_it_no_cookie_counts(world: SiteWorld) -> None:
    token = give(world, "olga", Role.OPERATOR)
    client = world.browser().client
    for path in ("/", "/parts/head", "/circuits", "/incidents/x"):
        assert client.get(path, headers=token).status_code == 401, path
    inside = world.browser().log_in("olga").client
    for wrong in ("Bearer x", "Basic eDp5", "Bearer"):
        answer = inside.get("/api/v1/control", headers={"authorization": wrong})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert inside.post("/api/v1/control/killswitch", json=HALT).status_code == 403
    client.cookies.set("healstream_session", token["authorization"][7:])
    assert client.post("/api/v1/control/killswitch", json=HALT).status_code == 401


def test_a_token_that_ended_was_revoked_or_lost_its_person_is_turned_away_at_once(world: SiteWorld) -> None:
    client, path = world.browser().client, tokens_path(world.home)
    token = give(world, "vic", Role.VIEWER)
    world.later(timedelta(days=1))
    assert "it ended at" in client.get("/api/v1/control", headers=token).json()["detail"]
    world.later(-timedelta(hours=2))
    assert client.get("/api/v1/control", headers=token).status_code == 200
    people = world.home.config / "people.yaml"
    text = people.read_text(encoding="utf-8")
    people.write_text(text.replace("name: vic", "name: other"), encoding="utf-8")
    assert client.get("/api/v1/control", headers=token).status_code == 401
    people.write_text(text, encoding="utf-8")
    revoke(path, "0a1b2c3d")
    assert client.get("/api/v1/control", headers=token).status_code == 401
    with pytest.raises(NotFoundError):
        revoke(path, "0a1b2c3d")


def test_calls_and_wrong_tokens_are_limited_and_a_right_one_is_not_shut_out_by_others_calls(world: SiteWorld) -> None:
    world.allow(Limits(calls_per_token=3, tries_per_address=4))
    client = world.browser().client
    token, other = give(world, "vic", Role.VIEWER), give(world, "bob", Role.VIEWER, name="0a1b2c3e")

    told = [client.get("/api/v1/control", headers=token).status_code for _ in range(4)]
    assert told == [200, 200, 200, 429]
    assert client.get("/api/v1/control", headers=other).status_code == 200
    world.later(timedelta(seconds=61))
    assert client.get("/api/v1/control", headers=token).status_code == 200
    wrong = {"authorization": f"Bearer hst_0a1b2c3d_{'x' * 43}"}
    assert [client.get("/api/v1/control", headers=wrong).status_code for _ in range(5)] == [401, 401, 401, 401, 429]


def test_only_a_digest_is_kept_and_only_for_its_owner(world: SiteWorld) -> None:
    word = give(world, "vic", Role.VIEWER)["authorization"][7:]
    path = tokens_path(world.home)
    assert SECRET not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o077 == 0
    assert token_of(path, word, NOW).person == "vic"
    assert "digest" not in tokens_in(path)["0a1b2c3d"].row(NOW)
    with pytest.raises(LoginError, match="unknown or revoked"):
        token_of(path, word[:-1] + "x", NOW)


@pytest.mark.parametrize("span", [timedelta(0), timedelta(days=366), -timedelta(days=1)])
def test_a_token_lasts_a_year_at_most(span: timedelta) -> None:
    with pytest.raises(UsageError, match="365 days at most"):
        made("0a1b2c3d", SECRET, ("vic", "ada"), Role.VIEWER, (NOW, NOW + span))


ROOT = Token("x", "vic", "root", "", "", "", NOW.isoformat())


@pytest.mark.parametrize("text", ["[", '{"x": 1}', '[{"id": "x"}]', json.dumps([asdict(ROOT)])])
def test_a_damaged_file_is_told_with_what_to_do(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="make the tokens again"):
        tokens_in(path)


def test_there_are_so_many_tokens_at_most(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    keep(path, replace(ROOT, role="viewer"), most=1)
    with pytest.raises(UsageError, match="Revoke those"):
        keep(path, replace(ROOT, id="y", role="viewer"), most=1)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["make", "vic", "--as", "ada"], 5, "nothing runs here"),
        (["make", "nobody", "--as", "ada"], 3, "people.yaml does not know them"),
        (["make", "vic", "--as", "ada", "--for", "53w"], 2, "365 days at most"),
        (["make", "vic", "--as", "stranger"], 4, "there is none"),
        (["make", "vic", "--role", "root"], 2, "root"),
        (["revoke", "zz", "--as", "ada"], 3, "there is none of that id"),
        (["revoke", "0a1b2c3d", "--as", "ada"], 5, "nothing runs here"),
        (["list"], None, ""),
    ],
)
def test_a_command_makes_no_token_that_the_audit_cannot_tell_of(
    world: SiteWorld, words: list[str], code: int | None, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(world, "vic", Role.VIEWER)
    monkeypatch.setenv("HEALSTREAM_STATE", str(world.home.state))
    monkeypatch.setenv("HEALSTREAM_CONFIG", str(world.home.config))
    monkeypatch.delenv("HEALSTREAM_BROKERS", raising=False)
    with pytest.raises(SystemExit) as ended:
        run(["site", "token", *words])
    told = capsys.readouterr()
    assert (ended.value.code or None, said in told.err) == (code, True), told.err
    # What was revoked is gone, broker or not; nothing that the audit could not tell of was made.
    assert len(tokens_in(tokens_path(world.home))) == (0 if words[:2] == ["revoke", "0a1b2c3d"] else 1)
    assert SECRET not in told.out + told.err
