"""A backup comes back byte for byte from every store, and one that was changed, cut or is of another release changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.backup import MANIFEST, Store, back_up, files_in, read_backup, restore
from console.backup_places import store_at
from console.cli.main import run
from console.home import Home, home_of
from console.init import init
from console.system_paths import shipped_patterns
from infra.adapters.folder_store import FolderStore
from infra.adapters.git_store import GitStore
from schemas.errors import ConfigurationError, UsageError
from tests.support.own_pattern import own_file

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class MemoryStore:
    """Keeps what it was given last."""

    files: dict[str, bytes] = field(default_factory=dict)

    def put(self, files: Mapping[str, bytes], at: datetime) -> str:
        """Keep them."""
        del at
        self.files = dict(files)
        return "memory"

    def get(self) -> Mapping[str, bytes]:
        """Return them."""
        return self.files


@pytest.fixture
def config(tmp_path: Path) -> Path:
    home = Home("t", tmp_path / "state", tmp_path / "config")
    init(home, "ada")
    (home.config / "patterns").mkdir(exist_ok=True)
    letters = {"expressions": ["out of phase ✗"], "examples": ["out of phase ✗", "now out of phase ✗"]}
    (home.config / "patterns" / "own.json").write_text(own_file(**letters), encoding="utf-8")
    return home.config


STORES: dict[str, Callable[[Path], Store]] = {
    "folder": lambda path: FolderStore(path / "kept", MANIFEST),
    "git": lambda path: GitStore(path / "kept.git"),
    "memory": lambda _: MemoryStore(),
}


@pytest.mark.parametrize("kind", STORES)
def test_what_was_lost_or_changed_comes_back_byte_for_byte(config: Path, tmp_path: Path, kind: str) -> None:
    before, store = files_in(config), STORES[kind](tmp_path)
    assert set(back_up(config, store, NOW).files) == set(before)
    (config / "patterns" / "own.json").unlink()
    (config / "services.yaml").write_text("services: []\n", encoding="utf-8")
    (config / "policy" / "people.cedar").unlink()
    (config / "policy" / "later.yaml").write_text("gather_s: 1.0\n", encoding="utf-8")

    changed = restore(read_backup(store, shipped_patterns()), config)

    assert files_in(config) == before
    assert set(changed) == {"patterns/own.json", "services.yaml", "policy/later.yaml", "policy/people.cedar"}


@pytest.mark.parametrize("kind", STORES)
def test_a_second_backup_holds_exactly_what_is_there_now(config: Path, tmp_path: Path, kind: str) -> None:
    store = STORES[kind](tmp_path)
    back_up(config, store, NOW)
    (config / "patterns" / "own.json").unlink()
    back_up(config, store, NOW)
    assert {name: text.decode() for name, text in store.get().items() if name != MANIFEST} == files_in(config)


def harmed(files: Mapping[str, bytes], harm: str) -> dict[str, bytes]:
    manifest = json.loads(files[MANIFEST])
    others = {
        "changed": {**files, "healstream.yaml": b"version: 1\n# more\n"},
        "cut": {name: content for name, content in files.items() if name != "people.yaml"},
        "manifest": {**files, MANIFEST: b"[]"},
        "no manifest": {name: content for name, content in files.items() if name != MANIFEST},
        "no text": {**files, MANIFEST: b"\xff"},
    }
    for name in ("../x.yaml", "/etc/x.yaml", "policy/../../x.yaml", "keys/admit.key", "patterns/deep/x.json"):
        others[name] = {**files, name: b"", MANIFEST: json.dumps({**manifest, "files": {name: "0"}}).encode()}
    return others[harm]


@pytest.mark.parametrize(
    "harm",
    [
        *("changed", "cut", "manifest", "no manifest", "no text"),
        *("../x.yaml", "/etc/x.yaml", "policy/../../x.yaml", "keys/admit.key", "patterns/deep/x.json"),
    ],
)
def test_a_backup_that_is_not_whole_or_names_other_files_is_refused(config: Path, harm: str) -> None:
    store = MemoryStore()
    back_up(config, store, NOW)
    with pytest.raises(ConfigurationError):
        read_backup(MemoryStore(harmed(store.files, harm)), shipped_patterns())


def test_a_backup_that_this_release_cannot_read_is_refused_by_its_place(config: Path) -> None:
    (config / "patterns" / "own.json").write_text("{", encoding="utf-8")
    store = MemoryStore()
    back_up(config, store, NOW)
    with pytest.raises(ConfigurationError, match=r"own\.json:1:"):
        read_backup(store, shipped_patterns())


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("kept", FolderStore(Path("kept"), MANIFEST)),
        ("./a:b", FolderStore(Path("./a:b"), MANIFEST)),
        ("git:/srv/x", GitStore(Path("/srv/x"))),
        ("git:/srv/me@home", GitStore(Path("/srv/me@home"))),
        ("git:/srv/x@abcdef1", GitStore(Path("/srv/x"), "abcdef1")),
    ],
)
def test_a_place_is_read_as_people_write_it(place: str, expected: Store) -> None:
    assert store_at(place, {}) == expected


@pytest.mark.parametrize("place", ["", "git:", "ftp:x", "s3:", "s3:A/b", "s3:bucket"])
def test_a_place_that_names_no_store_is_refused(place: str) -> None:
    with pytest.raises(UsageError):
        store_at(place, {})


def test_the_commands_keep_a_folder_in_git_and_check_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    for name, place in places.items():
        monkeypatch.setenv(name, place)
    init(home_of(places, ""), "ada")

    def called(*words: str) -> tuple[int, str]:
        try:
            run(words)
        except SystemExit as ended:
            return (ended.code if isinstance(ended.code, int) else 0), capsys.readouterr().err
        return 0, capsys.readouterr().err

    code, said = called("backup", "--to", f"git:{tmp_path}/kept")
    assert (code, "files are in" in said) == (0, True)
    commit = said.split("@", 1)[1].split("`", 1)[0]
    code, said = called("restore", "--from", f"git:{tmp_path}/kept@{commit}", "--dry-run")
    assert (code, "whole and right" in said) == (0, True)
    assert called("restore", "--from", f"git:{tmp_path}/kept@{'0' * 40}", "--dry-run")[0] == 3
    assert called("backup")[0] == 2
    assert called("restore", "a", "--from", "b")[0] == 2
    assert replace(GitStore(tmp_path / "kept"), commit=commit).get()[MANIFEST]
