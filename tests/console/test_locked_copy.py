"""A locked copy stays locked, is never made of an open one, and each of its parts comes under its own name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.cli.main import run
from console.home import Home, address_for
from console.locked import lock_of
from console.system import WORKERS, gateway_url, worker_specs
from infra.logins import client_settings
from schemas.errors import HealstreamError
from schemas.principals import PRINCIPALS, all_rights

WANTED = {"HEALSTREAM_LOCKED": "1"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home("default", tmp_path / "state", tmp_path / "config")


def test_a_copy_is_open_unless_it_is_asked_to_be_locked(home: Home) -> None:
    assert lock_of(home, {}) is None
    assert not home.logins.exists()


def test_a_copy_that_was_locked_once_stays_so_with_the_same_passwords(home: Home) -> None:
    first = lock_of(home, WANTED)
    assert first is not None
    assert lock_of(home, {}) == first
    assert first.admin.password != first.node.password


def test_a_copy_whose_data_was_made_without_a_lock_is_not_locked_and_says_what_to_do(home: Home) -> None:
    (home.state / "broker" / "data").mkdir(parents=True)
    with pytest.raises(HealstreamError, match=r"made without a lock\. Start it without --locked, or another copy with --name"):
        lock_of(home, WANTED)
    assert not home.logins.exists()


def test_every_worker_comes_under_the_name_of_its_kind(home: Home) -> None:
    lock = lock_of(home, WANTED)
    assert lock is not None
    specs = worker_specs(home, f"127.0.0.1:1?login={lock.admin_file}", "key", {"PATH": "/bin"})
    told = {spec.name: dict(spec.environ)["HEALSTREAM_BROKERS"] for spec in specs}
    assert told == {name: f"127.0.0.1:1?login={home.logins}/{name.partition('-')[0]}.login" for name, _, _ in WORKERS}
    assert {name.partition("-")[0] for name in told} <= {one.name for one in PRINCIPALS}
    assert not any(lock.admin.password in value for spec in specs for _, value in spec.environ)


def test_the_address_of_an_open_broker_is_nobodys(home: Home) -> None:
    assert address_for(home, "127.0.0.1:1", "operator") == "127.0.0.1:1"
    assert client_settings(address_for(home, "127.0.0.1:1", "operator")) == {"bootstrap.servers": "127.0.0.1:1"}


def test_the_table_of_rights_is_listed_row_by_row_without_a_broker(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["topics", "acls", "list", "-o", "json"])
    assert ended.value.code == 0
    rows = json.loads(capsys.readouterr().out)["items"]
    assert len(rows) == len(all_rights())
    ordering = [row["principal"] for row in rows if (row["operation"], row["name"]) == ("WRITE", "recovery.commands")]
    assert ordering == ["healstream-gatekeeper"]


def test_the_gateways_secrets_are_told_to_the_gateway_only_and_its_port_is_kept(home: Home) -> None:
    told = {"PATH": "/bin", "HEALSTREAM_GITHUB_SECRET": "a-secret-of-enough-letters", "HEALSTREAM_SERVE_PORT": "8770"}
    specs = worker_specs(home, "127.0.0.1:1", "key", told)
    holders = [spec.name for spec in specs if "HEALSTREAM_GITHUB_SECRET" in dict(spec.environ)]
    assert (holders, gateway_url(specs)) == (["gateway"], "http://127.0.0.1:8770")
    assert gateway_url(worker_specs(home, "127.0.0.1:1", "key", {})) != gateway_url(specs)
