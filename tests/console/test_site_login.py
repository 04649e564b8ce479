"""A session that ended leads to the login and back to where one was, and never to anywhere else; without TLS no cookie leaves loopback."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.site.onward import onward_of
from console.site.place import SiteSettings
from tests.support.site_world import PASSWORD, SiteWorld

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
HTML = {"accept": "text/html"}


@pytest.fixture
def world(tmp_path: Path) -> SiteWorld:
    return SiteWorld(tmp_path, NOW)


def test_a_page_asked_for_after_the_session_ended_is_where_the_login_leads(world: SiteWorld) -> None:
    client = world.browser().log_in("vic").client
    world.later(timedelta(minutes=31))

    led = client.get("/audit?q=web-3", headers=HTML)

    assert (led.status_code, led.headers["location"]) == (303, "/login?onward=%2Faudit%3Fq%3Dweb-3")
    shown = client.get(led.headers["location"]).text
    assert '<input type="hidden" name="onward" value="/audit?q=web-3">' in shown
    back = client.post("/login", data={"name": "vic", "password": PASSWORD, "onward": "/audit?q=web-3"})
    assert (back.status_code, back.headers["location"]) == (303, "/audit?q=web-3")
    assert client.get("/audit?q=web-3").status_code == 200


def test_a_part_that_the_page_fetches_leads_the_page_in_which_it_stands(world: SiteWorld) -> None:
    client = world.browser().client
    asked = {"hx-request": "true", "hx-current-url": "http://127.0.0.1:8080/?state=healed"}

    answer = client.get("/parts/needs", headers=asked)

    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login?onward=%2F%3Fstate%3Dhealed")
    assert answer.json()["next"]


def test_a_wrong_password_keeps_where_one_wanted_to_go(world: SiteWorld) -> None:
    shown = world.browser().client.post("/login", data={"name": "vic", "password": "wrong", "onward": "/freezes"})
    assert (shown.status_code, 'value="/freezes"' in shown.text) == (401, True)


@pytest.mark.parametrize(
    "said",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/login", "/api/v1/control", "/audit/../x",
        "/audit\r\nset-cookie: x=y", "/audit?\u2028", "x" * 3000, "", "/audit?q=1#x",
    ],
)  # fmt: skip
def test_no_address_leads_away_from_the_page(world: SiteWorld, said: str) -> None:
    assert onward_of(said) == "/"
    answer = world.browser().client.post("/login", data={"name": "vic", "password": PASSWORD, "onward": said})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("said", ["/", "/?state=healed&target=service%3Aweb", "/audit?q=a+b", "/freezes"])
def test_every_tab_with_its_filters_can_be_gone_back_to(said: str) -> None:
    assert onward_of(said) == said


def test_with_tls_a_cookie_goes_over_tls_only(world: SiteWorld) -> None:
    world.settings = SiteSettings(secure=True)
    answer = world.browser().client.post("/login", data={"name": "vic", "password": PASSWORD})
    assert "; secure" in answer.headers["set-cookie"].lower()


def test_a_tab_shows_what_is_there_and_offers_only_what_one_may_change(world: SiteWorld) -> None:
    vic, olga = world.browser().log_in("vic").client, world.browser().log_in("olga").client
    assert "Leave it alone" not in vic.get("/freezes").text
    assert "Leave it alone" in olga.get("/freezes").text
    assert "every target may be healed" in vic.get("/freezes").text
    assert "counts no failure any more" in olga.get("/circuits?close=target/x").text
    assert "Close a breaker" not in vic.get("/circuits?close=target/x").text
    assert "No record was read yet" in vic.get("/audit").text
