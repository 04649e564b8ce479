"""A client goes off this machine only encrypted and under a name, and a password is read from a file that nobody else can read."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from infra.broker.lock_rows import listener_rows, lock_in
from infra.broker.server import BrokerPlace, properties
from infra.logins import Login, address_in, address_with, client_settings, ensure_login, is_loopback, reach_of, write_login
from schemas.errors import ConfigurationError, DeniedError


@pytest.fixture
def login(tmp_path: Path) -> Path:
    write_login(tmp_path / "detect.login", Login("healstream-detect", "s3cret"))
    return tmp_path / "detect.login"


@pytest.mark.parametrize("address", ["127.0.0.1:9092", "127.8.0.1:1", "localhost:9092", "[::1]:9092"])
def test_an_address_of_this_machine_needs_no_name(address: str) -> None:
    assert is_loopback(address)
    assert client_settings(address) == {"bootstrap.servers": address}


@pytest.mark.parametrize(
    "address", ["kafka.example:9092", "127.evil.example:9092", "localhost.example:9092", "127.0.0.1:1,192.0.2.7:1", ""]
)
def test_plaintext_off_this_machine_is_refused_for_every_client(address: str) -> None:
    with pytest.raises(ConfigurationError, match="plaintext off loopback is refused"):
        client_settings(address)


def test_on_loopback_the_password_is_proved_and_never_sent(login: Path) -> None:
    brokers = address_in({"HEALSTREAM_BROKERS": "127.0.0.1:9092", "HEALSTREAM_LOGIN_FILE": str(login)})
    assert "s3cret" not in brokers
    settings = client_settings(brokers)
    assert (settings["security.protocol"], settings["sasl.mechanism"]) == ("SASL_PLAINTEXT", "SCRAM-SHA-256")
    assert (settings["sasl.username"], settings["sasl.password"]) == ("healstream-detect", "s3cret")
    assert reach_of(brokers).ssl_context() is None


def test_off_loopback_a_name_always_comes_encrypted_and_the_broker_is_checked(login: Path) -> None:
    brokers = address_with("kafka.example:9092", login)
    assert client_settings(brokers)["security.protocol"] == "SASL_SSL"
    context = reach_of(brokers).ssl_context()
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_another_login_takes_the_place_of_the_one_in_the_address(login: Path, tmp_path: Path) -> None:
    write_login(tmp_path / "other.login", Login("other", "word"))
    brokers = address_with(address_with("127.0.0.1:1", login), tmp_path / "other.login")
    assert client_settings(brokers)["sasl.username"] == "other"


def test_no_login_file_without_a_broker_means_no_broker(login: Path) -> None:
    assert address_in({"HEALSTREAM_LOGIN_FILE": str(login)}) == ""


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"username": "x", "password": ""}', '{"username": "x", "password": 7}', '"hidden'])
def test_a_file_that_is_no_login_is_named_and_its_content_never_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.login"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(DeniedError) as told:
        reach_of(address_with("127.0.0.1:1", path))
    assert str(path) in str(told.value)
    assert "hidden" not in str(told.value)


def test_a_login_that_others_may_read_is_not_used(login: Path) -> None:
    login.chmod(0o640)
    with pytest.raises(DeniedError, match="others may read it"):
        reach_of(address_with("127.0.0.1:1", login))


def test_a_missing_login_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(DeniedError, match=r"none\.login: there is none\. Make it anew with `healstream topics acls apply`"):
        reach_of(address_with("127.0.0.1:1", tmp_path / "none.login"))


def test_a_login_is_made_once_is_nobody_elses_and_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "logins" / "detect.login"
    made = ensure_login(path, "healstream-detect")
    assert ensure_login(path, "healstream-detect") == made
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert len(made.password) >= 40
    assert made.password not in repr(made)
    with pytest.raises(DeniedError, match="it is healstream-detect's, not healstream-executor's"):
        ensure_login(path, "healstream-executor")


def test_a_locked_broker_has_no_listener_that_lets_anybody_in_without_a_name(tmp_path: Path) -> None:
    rows = listener_rows(lock_in(tmp_path))
    assert "PLAINTEXT" not in rows["listener.security.protocol.map"].replace("SASL_PLAINTEXT", "")
    assert rows["allow.everyone.if.no.acl.found"] == "false"
    assert "ANONYMOUS" not in rows["super.users"]
    place = BrokerPlace(tmp_path, 1, 2)
    assert all(f"{name}={value}\n" in properties(place, lock_in(tmp_path)) for name, value in rows.items())


def test_the_words_that_format_a_locked_broker_are_quoted_for_java(tmp_path: Path) -> None:
    lock = lock_in(tmp_path)
    words = lock.format_words(("Tool", 'a "path" \\ here')).splitlines()
    assert words[:3] == ['"Tool"', r'"a \"path\" \\ here"', '"--add-scram"']
    assert words[3] == f'"SCRAM-SHA-256=[name=healstream-admin,password={lock.admin.password}]"'
