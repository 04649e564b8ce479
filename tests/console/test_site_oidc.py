"""Login through an identity provider, against a real one: who comes in with which roles, and every forged or late answer is turned away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import httpx2
import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey

from console.configuration import load_main
from console.site.place import SiteSettings
from schemas.errors import ConfigurationError
from schemas.ids import id_of
from tests.support.chromium import served
from tests.support.many_incidents import decision_on, incident_of, waiting
from tests.support.oidc_provider import CLIENT, ROW, Provider, signed_with, signed_with_public, trust, unsigned
from tests.support.site_world import Browser, SiteWorld

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)
OTHER = RSAKey.generate_key(2048, {"kid": "k2"})


@dataclass
class Door:
    """A page with its provider, and a browser before it."""

    world: SiteWorld
    provider: Provider

    def configure(self, text: str = ROW, **more: str) -> None:
        """Write the row, with other values where they are given."""
        trust(self.world, self.provider, text, **more)

    def come(self, client: TestClient, onward: str = "/") -> httpx2.Response:
        """Go the whole way of a browser and return the page's last answer."""
        begun = client.get("/login/oidc", params={"onward": onward})
        assert begun.status_code == 303, begun.text
        back = httpx.get(begun.headers["location"], trust_env=False)
        assert back.status_code == 303, back.text
        place = urlsplit(back.headers["location"])
        return client.get(f"{place.path}?{place.query}")


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    found = Provider(lambda: NOW)
    with served(found.app()) as address:
        found.issuer = address
        yield found


@pytest.fixture
def door(tmp_path: Path, provider: Provider) -> Iterator[Door]:
    found = Door(SiteWorld(tmp_path, NOW), provider)
    found.configure()
    yield found
    provider.claims, provider.document, provider.sign, provider.refuses = {}, {}, None, ""


def test_who_comes_through_the_provider_is_in_with_their_groups_roles_and_goes_on_to_where_they_wanted(door: Door) -> None:
    browser = door.world.browser()
    assert 'href="/login/oidc?onward=' in browser.client.get("/login?onward=%2F%3Fstate%3Dhealed").text

    answer = door.come(browser.client, "/?state=healed")

    assert (answer.status_code, 'url=/?state=healed"' in answer.text) == (200, True)
    cookies = answer.headers.get_list("set-cookie")
    assert all("samesite=strict" in one.lower() for one in cookies if one.startswith("healstream_session"))
    shown = browser.client.get("/").text
    assert "bob" in shown
    asked = door.provider.asked[-1]
    assert (asked["code_challenge_method"], len(asked["code_challenge"]), asked["redirect_uri"]) == (
        "S256", 43, "http://127.0.0.1:8080/login/oidc/back",
    )  # fmt: skip


def test_a_password_still_lets_in_beside_it(door: Door) -> None:
    assert door.world.browser().log_in("vic").client.get("/api/v1/control").status_code == 200


Bend = Callable[[Provider], None]


def claims(**said: object) -> Bend:
    return lambda provider: provider.claims.update(said)


def signer(make: Callable[[Provider], Callable[[dict[str, object]], str]]) -> Bend:
    def bend(provider: Provider) -> None:
        provider.sign = make(provider)

    return bend


LATER = int(NOW.timestamp()) + 3600
BAD: dict[str, tuple[Bend, int, str]] = {
    "another login's nonce": (claims(nonce="other"), 401, "nonce"),
    "no nonce": (claims(nonce=None), 401, "nonce"),
    "for somebody else": (claims(aud="other"), 401, "aud"),
    "for us and others, asked by others": (claims(aud=[CLIENT, "other"], azp="other"), 401, "azp"),
    "over": (claims(exp=int(NOW.timestamp()) - 61), 401, "expired"),
    "without an end": (claims(exp=None), 401, "exp"),
    "of the future": (claims(iat=LATER, exp=LATER + 60), 401, "in the future"),
    "not yet": (claims(nbf=LATER), 401, "not yet valid"),
    "by another issuer": (claims(iss="https://evil.example"), 401, "iss"),
    "about nobody": (claims(sub=None), 401, "sub"),
    "by an unknown key": (signer(lambda _: signed_with(OTHER, "k2")), 401, "k2"),
    "by another key under a known name": (signer(lambda _: signed_with(OTHER, "k1")), 401, "signature"),
    "unsigned": (signer(lambda _: unsigned), 401, "ID token"),
    "signed with the public key": (signer(lambda provider: signed_with_public(provider.key)), 401, "ID token"),
    "no token": (signer(lambda _: lambda _claims: "x"), 401, "ID token"),
    "in no group of the table": (claims(groups=["others"]), 403, "in no group of the table"),
    "in no group": (claims(groups=None), 403, "in no group of the table"),
    "with no name": (claims(preferred_username=None), 401, "preferred_username"),
    "with a name of control letters": (claims(preferred_username="bob\x1b"), 401, "preferred_username"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_token_that_is_not_for_this_login_lets_nobody_in_and_says_why(door: Door, name: str) -> None:
    bend, status, why = BAD[name]
    bend(door.provider)
    client = door.world.browser().client

    answer = door.come(client)

    assert (answer.status_code, why.lower() in answer.text.lower()) == (status, True), answer.text
    assert client.get("/api/v1/control").status_code == 401


def test_groups_are_found_in_nested_claims_and_a_single_text(door: Door) -> None:
    door.configure(ROW + "  groups_claim: realm.roles\n")
    door.provider.claims = {"groups": None, "realm": {"roles": "watchers"}}
    assert door.come(door.world.browser().client).status_code == 200


def test_an_answer_that_this_browser_did_not_ask_for_and_a_second_use_are_turned_away(door: Door) -> None:
    client, stranger = door.world.browser().client, door.world.browser().client
    begun = client.get("/login/oidc")
    place = urlsplit(httpx.get(begun.headers["location"], trust_env=False).headers["location"])
    back = f"{place.path}?{place.query}"

    assert stranger.get(back).status_code == 401
    assert client.get(back.replace("state=", "state=x")).status_code == 401
    client.get("/login/oidc")
    assert "did not begin it" in client.get(back).text
    assert client.get("/api/v1/control").status_code == 401


def test_a_login_that_takes_longer_than_ten_minutes_begins_anew(door: Door) -> None:
    client = door.world.browser().client
    place = urlsplit(httpx.get(client.get("/login/oidc").headers["location"], trust_env=False).headers["location"])
    door.world.later(timedelta(minutes=11))
    assert "older than ten minutes" in client.get(f"{place.path}?{place.query}").text


def test_what_the_provider_refuses_is_told_as_text(door: Door) -> None:
    door.provider.refuses = "access_denied"
    answer = door.come(door.world.browser().client)
    assert (answer.status_code, "access_denied: not today" in answer.text) == (401, True)


@pytest.mark.parametrize(
    ("document", "status", "why"),
    [
        ({"issuer": "https://evil.example"}, 500, "names another issuer"),
        ({"token_endpoint": "http://evil.example/token"}, 500, "not reached over TLS"),
        ({"jwks_uri": None}, 500, "not reached over TLS"),
    ],
)
def test_a_provider_that_contradicts_itself_or_leaves_tls_is_not_used(
    door: Door, document: dict[str, object], status: int, why: str
) -> None:
    door.provider.document = document
    answer = door.world.browser().client.get("/login/oidc")
    assert (answer.status_code, why in answer.text) == (status, True)


def test_a_provider_that_is_down_leaves_the_password(door: Door) -> None:
    door.configure(issuer="http://127.0.0.1:9")
    answer = door.world.browser().client.get("/login/oidc")
    assert (answer.status_code, 'name="password"' in answer.text) == (503, True)


def test_without_tls_nobody_is_sent_back_to_another_host(door: Door) -> None:
    door.world.settings = SiteSettings(hosts=("heal.example",))
    client = door.world.browser().client
    assert "without TLS" in client.get("/login/oidc", headers={"host": "heal.example"}).text
    door.configure(ROW + "  address: https://heal.example\n")
    begun = client.get("/login/oidc", headers={"host": "heal.example"})
    assert "redirect_uri=https%3A%2F%2Fheal.example%2Flogin%2Foidc%2Fback" in begun.headers["location"]


def test_an_address_can_begin_only_so_many_logins(door: Door) -> None:
    client = door.world.browser().client
    assert [client.get("/login/oidc").status_code for _ in range(21)][-2:] == [303, 429]


def test_a_page_without_a_provider_offers_none(tmp_path: Path) -> None:
    client = SiteWorld(tmp_path, NOW).browser().client
    assert "/login/oidc" not in client.get("/login").text
    assert client.get("/login/oidc").status_code == 404


def ask(world: SiteWorld) -> str:
    world.moment = datetime.now(UTC)  # noqa: TID251 - a word is signed with the time at which it is said
    incident = incident_of(7, world.moment)
    decision = decision_on(incident)
    world.tell(incident, decision, *waiting(decision))
    return id_of(decision)


@pytest.mark.parametrize(
    ("name", "groups", "status", "why"),
    [
        ("bob", ["approvers"], 200, ""),
        ("bob", ["watchers"], 403, "came in as viewer, and that gives no right to approve"),
        ("vic", ["approvers"], 403, "no rule gives the right to approve"),
        ("guest", ["approvers"], 403, "people.yaml"),
    ],
)
def test_groups_limit_what_people_yaml_gives_and_add_nothing_to_it(door: Door, name: str, groups: list[str], status: int, why: str) -> None:
    decision = ask(door.world)
    door.provider.now = lambda: door.world.moment
    door.provider.claims = {"preferred_username": name, "groups": groups}
    browser = Browser(door.world.browser().client)
    assert door.come(browser.client).status_code == 200
    browser.csrf = browser.client.get("/").text.split('name="csrf" content="')[1].split('"')[0]

    said, told = browser.post(f"/api/v1/approvals/{decision}", {"approve": True, "plan_hash": "shown-plan"})

    door.provider.now = lambda: NOW
    assert (said, why in str(told)) == (status, True), told
    assert [word.by for word in door.world.said] == ([name] if status == 200 else [])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("  issuer: http://id.example\n", "over plain http"),
        ("  issuer: https://id.example/?x=1\n", "no question mark"),
        ("  address: https://heal.example/page\n", "has its host for itself"),
        ("  groups: []\n", "at least 1 item"),
        ("  groups:\n    - group: x\n      roles: [root]\n", "Input should be"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused_with_its_place(door: Door, line: str, why: str) -> None:
    name = line.split(":", maxsplit=1)[0].strip()
    lines = ROW.splitlines(keepends=True)
    kept = lines[: lines.index("  groups:\n")] if name == "groups" else [row for row in lines if f" {name}:" not in row]
    door.configure("".join([*kept[:2], line, *kept[2:]]))
    with pytest.raises(ConfigurationError, match=why):
        load_main(door.world.home.config)
    assert "configuration" in door.world.browser().client.get("/login/oidc").text
