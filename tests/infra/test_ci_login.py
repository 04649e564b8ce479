"""Tokens for a CI server: an App's are asked for with the least rights, kept until shortly before their end, and never shown."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.adapters.ci_login import CiLogins, NoTokenError, assertion_of, scopes_of
from infra.adapters.ci_server import CiServers
from schemas.attempts import StepStatus
from schemas.services import CiApp, CiReport, CiServer, Services
from tests.support.github_api import API_TOKEN, TOKEN_ENDS, GithubApi, Mood, serve

NOW_S = 1_800_000_000.0


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_rsa(65537, 2048)


@pytest.fixture
def api() -> Iterator[GithubApi]:
    with serve() as found:
        yield found


@pytest.fixture
def server(api: GithubApi, key: RSAPrivateKey, tmp_path: Path) -> CiServer:
    file = tmp_path / "app.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    file.chmod(0o600)
    return CiServer("github", api.url, "", ("acme/shop", "acme/api"), CiApp("12", "345", str(file)))


def part(text: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def test_an_app_says_who_it_is_in_a_word_that_its_public_key_proves(key: RSAPrivateKey) -> None:
    head, claims, signature = assertion_of(CiApp("12", "345", ""), key, NOW_S).split(".")
    assert part(head) == {"alg": "RS256", "typ": "JWT"}
    assert part(claims) == {"iat": int(NOW_S) - 60, "exp": int(NOW_S) + 480, "iss": "12"}
    raw = urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    key.public_key().verify(raw, f"{head}.{claims}".encode(), PKCS1v15(), SHA256())


def test_a_token_is_asked_for_once_and_anew_shortly_before_its_end(api: GithubApi, server: CiServer) -> None:
    now_s = [datetime.fromisoformat(TOKEN_ENDS).timestamp() - 3600]
    logins = CiLogins(lambda: now_s[0])
    assert [logins.token(server), logins.token(server)] == [f"{API_TOKEN}-1"] * 2
    now_s[0] += 3400
    assert logins.token(server) == f"{API_TOKEN}-2"
    logins.forget(server)
    assert logins.token(server) == f"{API_TOKEN}-3"
    assert api.asked_of("POST", "/app/installations/345/access_tokens") == ["/app/installations/345/access_tokens"] * 3


def test_the_least_rights_on_the_listed_repositories_are_asked_for(api: GithubApi, server: CiServer) -> None:
    CiLogins().token(server)
    assert api.granted == [{"permissions": {"actions": "write", "checks": "read"}, "repositories": ["shop", "api"]}]
    both = replace(server, reports=(CiReport.CHECKS, CiReport.ISSUES))
    assert scopes_of(both) == {"actions": "write", "checks": "write", "issues": "write"}


@pytest.mark.parametrize("mood", [Mood("access_tokens", 401), Mood("access_tokens", 201), Mood("access_tokens", 201, {}, b"[]")])
def test_a_server_that_gives_no_token_is_said_in_words(api: GithubApi, server: CiServer, mood: Mood) -> None:
    api.moods.append(mood)
    with pytest.raises(NoTokenError, match="the app gets no token"):
        CiLogins().token(server)


def test_a_key_that_others_may_read_or_that_is_none_is_refused(server: CiServer, tmp_path: Path) -> None:
    file = Path(server.app.key_file if server.app else "")
    file.chmod(0o640)
    with pytest.raises(NoTokenError, match="chmod 600"):
        CiLogins().token(server)
    file.chmod(0o600)
    file.write_text("no key", encoding="utf-8")
    with pytest.raises(NoTokenError, match="holds no private key"):
        CiLogins().token(server)
    file.write_bytes(generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(NoTokenError, match="no RSA key"):
        CiLogins().token(server)
    file.unlink()
    with pytest.raises(NoTokenError, match="cannot be read"):
        CiLogins().token(server)
    with pytest.raises(NoTokenError, match="cannot be read"):
        CiLogins().token(CiServer("github", "http://127.0.0.1:9", str(tmp_path / "none"), ("acme/shop",)))


def test_without_a_token_nothing_is_changed_and_nothing_is_known(tmp_path: Path) -> None:
    servers = CiServers(Services(ci=(CiServer("github", "http://127.0.0.1:9", str(tmp_path / "none"), ("acme/shop",)),)))
    result = servers.rerun("job:github/acme/shop/7/build", 70)
    assert (result.status, "cannot be read" in result.detail) == (StepStatus.FAILED, True)
    assert servers.latest_attempt("job:github/acme/shop/7/build") is None
