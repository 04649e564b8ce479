"""``healstream site password``: who may log in at the page, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
from argon2 import PasswordHasher

from console.cli.main import run
from console.home import Home
from console.init import init
from console.site.accounts import accounts_in, is_password, set_password
from console.site.place import accounts_path
from schemas.errors import ConfigurationError

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home("default", tmp_path / "state", tmp_path / "config")
    init(found, "ada")
    monkeypatch.setenv("HEALSTREAM_STATE", str(found.state))
    monkeypatch.setenv("HEALSTREAM_CONFIG", str(found.config))
    return found


@pytest.mark.parametrize(
    ("who", "secret", "code"), [("ada", "long enough for us", 0), ("eve", "long enough for us", 3), ("ada", "short", 2)]
)
def test_only_a_person_of_the_folder_gets_a_password_and_only_a_long_one(place: Home, who: str, secret: str, code: int) -> None:
    with pytest.raises(SystemExit) as end:
        run(["site", "password", who, "--secret", secret])

    assert (end.value.code or 0) == code
    accounts = accounts_in(accounts_path(place))
    assert sorted(accounts) == (["ada"] if code == 0 else [])
    assert is_password(accounts, "ada", secret, PasswordHasher()) == (code == 0)
    assert secret not in str(accounts)


def test_the_accounts_are_their_owners_alone_and_a_damaged_file_lets_nobody_in(place: Home) -> None:
    path = accounts_path(place)
    set_password(path, "ada", "long enough for us", HASHER)
    assert path.stat().st_mode & 0o077 == 0
    for damage in ("{", "[]", '{"ada": 7}'):
        path.write_text(damage, encoding="utf-8")
        with pytest.raises(ConfigurationError):
            accounts_in(path)


def test_a_damaged_hash_and_an_endless_password_are_nobodys(place: Home) -> None:
    assert place
    assert not is_password({"ada": "no hash"}, "ada", "x", HASHER)
    assert not is_password({"ada": HASHER.hash("x" * 2000)}, "ada", "x" * 2000, HASHER)
