"""Backups in a bucket of a real server that checks signatures: they come back byte for byte, and no message shows a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from minio import Minio

from console.audit_checkpoints import publish_to, read_place
from console.backup_places import store_at
from console.cli.main import run
from console.home import home_of
from console.init import init
from infra.adapters import s3_store
from infra.adapters.s3_store import S3Access, S3Store
from schemas.errors import ConfigurationError, DeniedError, HealstreamError, NotFoundError, UnreachableError
from tests.support.chain_evidence import good_evidence
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY, s3_server, server_jars

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FILES = {"people.yaml": b"people: []\n", "patterns/own.json": b"\x00\xff letters \xe2\x9c\x97", "manifest.json": b"{}"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a server with one bucket."""
    with s3_server(tmp_path_factory.mktemp("s3"), server_jars()) as found:
        Minio(found.removeprefix("http://"), ACCESS_KEY, SECRET_KEY, secure=False, region="us-east-1").make_bucket("kept")
        yield found


def store(address: str, prefix: str = "team/a", **more: str) -> S3Store:
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, **more}
    return S3Store(S3Access(address, "us-east-1", **keys), "kept", prefix)


@pytest.mark.parametrize("prefix", ["", "one", "/deep/er/"])
def test_a_backup_comes_back_and_an_earlier_one_by_its_name(address: str, prefix: str) -> None:
    kept = store(address, prefix)
    first = kept.put(FILES, NOW)
    second = kept.put({"manifest.json": b"{}"}, NOW)
    assert kept.get() == {"manifest.json": b"{}"}
    assert (replace(kept, backup=first).get(), replace(kept, backup=second).get()) == (FILES, {"manifest.json": b"{}"})
    assert kept.put(FILES, NOW) == first
    assert kept.get() == FILES


def test_what_is_cut_short_leaves_the_backup_before_it(address: str) -> None:
    kept = store(address, "cut")
    kept.put(FILES, NOW)
    with pytest.raises(TypeError):
        kept.put({**FILES, "zz": None}, NOW)  # type: ignore[dict-item]
    assert kept.get() == FILES


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"secret_key": "another-secret"}, DeniedError),
        ({"access_key": "another-key"}, DeniedError),
        ({"bucket": "nothing"}, NotFoundError),
        ({"prefix": "nothing"}, NotFoundError),
        ({"backup": "f" * 32}, NotFoundError),
        ({"endpoint": "http://127.0.0.1:9"}, UnreachableError),
        ({"endpoint": "http://s3.example"}, ConfigurationError),
        ({"endpoint": "s3.example:9000"}, ConfigurationError),
    ],
)
def test_each_refusal_says_what_it_is_and_shows_no_key(address: str, wrong: dict[str, str], error: type[HealstreamError]) -> None:
    kept = store(address)
    kept.put(FILES, NOW)
    access = {name: wrong[name] for name in ("endpoint", "access_key", "secret_key") if name in wrong}
    place = {name: text for name, text in wrong.items() if name not in access}
    asked = replace(kept, access=replace(kept.access, **access), **place)
    with pytest.raises(error) as told:
        asked.get()
    assert not [key for key in (SECRET_KEY, ACCESS_KEY, *access.values()) if key in f"{told.value}" and "://" not in key]
    assert SECRET_KEY not in repr(asked)


def test_more_than_a_backup_can_be_is_not_read(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = store(address, "large")
    kept.put(FILES, NOW)
    monkeypatch.setattr(s3_store, "MAX_BYTES", 20)
    with pytest.raises(ConfigurationError, match="larger"):
        kept.get()
    monkeypatch.setattr(s3_store, "MAX_BYTES", 1_000_000)
    monkeypatch.setattr(s3_store, "MAX_OBJECTS", 2)
    with pytest.raises(ConfigurationError, match="more than 2 objects"):
        kept.get()


def test_the_commands_keep_the_configuration_in_a_bucket(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state"), "HEALSTREAM_S3_ENDPOINT": address}
    for name, key in (("ACCESS_KEY", ACCESS_KEY), ("SECRET_KEY", SECRET_KEY)):
        (tmp_path / name).write_text(key + "\n", encoding="utf-8")
        places[f"HEALSTREAM_S3_{name}_FILE"] = str(tmp_path / name)
    for name, place in places.items():
        monkeypatch.setenv(name, place)
    home = home_of(places, "")
    init(home, "ada")

    def called(*words: str) -> tuple[int, str]:
        code = 0
        try:
            run(words)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        return code, capsys.readouterr().err

    code, said = called("backup", "--to", "s3:kept/commands")
    assert (code, "files are in" in said) == (0, True)
    name = said.split("@", 1)[1].split("`", 1)[0]
    assert called("restore", "--from", f"s3:kept/commands@{name}", "--dry-run")[0] == 0
    assert called("restore", "--from", "s3:kept/commands@nothing", "--dry-run")[0] == 3
    (tmp_path / "SECRET_KEY").write_text("another", encoding="utf-8")
    code, said = called("restore", "--from", "s3:kept/commands", "--dry-run")
    assert (code, ACCESS_KEY in said, "another" in said) == (4, False, False)
    assert store_at("s3:kept/x@y", places) == replace(store(address, "x", secret_key="another"), backup="y")


def test_audit_checkpoints_are_added_in_a_bucket_and_never_replaced(address: str, tmp_path: Path) -> None:
    files = {"HEALSTREAM_S3_ACCESS_KEY_FILE": ACCESS_KEY, "HEALSTREAM_S3_SECRET_KEY_FILE": SECRET_KEY}
    for name, key in files.items():
        (tmp_path / name).write_text(key, encoding="utf-8")
    environ = {name: str(tmp_path / name) for name in files} | {"HEALSTREAM_S3_ENDPOINT": address}
    published = good_evidence().published
    other = [replace(row, hash="0" * 64) for row in published]

    assert read_place("s3:kept/audit", environ, 349) == ()
    assert publish_to("s3:kept/audit", environ, published[:2], NOW) == (2, [])
    assert publish_to("s3:kept/audit", environ, published, NOW) == (1, [])
    added, faults = publish_to("s3:kept/audit", environ, other, NOW)

    assert (added, len(faults)) == (0, 3)
    assert read_place("s3:kept/audit", environ, 349) == published
