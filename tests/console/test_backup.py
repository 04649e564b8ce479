"""A backup comes back byte for byte, and one that was changed, cut or is of another release changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.backup import MANIFEST, back_up, files_in, read_backup, restore
from console.home import Home
from console.init import init
from console.system_paths import shipped_patterns
from schemas.errors import ConfigurationError
from tests.support.own_pattern import own_file


@pytest.fixture
def config(tmp_path: Path) -> Path:
    home = Home("t", tmp_path / "state", tmp_path / "config")
    init(home, "ada")
    (home.config / "patterns").mkdir(exist_ok=True)
    letters = {"expressions": ["out of phase ✗"], "examples": ["out of phase ✗", "now out of phase ✗"]}
    (home.config / "patterns" / "own.json").write_text(own_file(**letters), encoding="utf-8")
    return home.config


def test_what_was_lost_or_changed_comes_back_byte_for_byte(config: Path, tmp_path: Path) -> None:
    before, kept = files_in(config), tmp_path / "kept"
    assert set(back_up(config, kept)) == set(before)
    (config / "patterns" / "own.json").unlink()
    (config / "services.yaml").write_text("services: []\n", encoding="utf-8")
    (config / "policy" / "later.yaml").write_text("gather_s: 1.0\n", encoding="utf-8")

    changed = restore(read_backup(kept, shipped_patterns()), config)

    assert files_in(config) == before
    assert set(changed) == {"patterns/own.json", "services.yaml", "policy/later.yaml"}
    assert restore(read_backup(kept, shipped_patterns()), config) == ()


def test_a_second_backup_holds_exactly_what_is_there_now(config: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    back_up(config, kept)
    (config / "patterns" / "own.json").unlink()
    back_up(config, kept)
    assert files_in(kept) == files_in(config)


@pytest.mark.parametrize("harm", ["changed", "cut", "manifest", "outside", "wrong pattern"])
def test_a_backup_that_is_not_whole_or_not_right_is_refused(config: Path, tmp_path: Path, harm: str) -> None:
    kept = tmp_path / "kept"
    if harm == "wrong pattern":
        (config / "patterns" / "own.json").write_text("{", encoding="utf-8")
    back_up(config, kept)
    manifest = json.loads((kept / MANIFEST).read_text(encoding="utf-8"))
    if harm == "changed":
        (kept / "healstream.yaml").write_text("version: 1\n# more\n", encoding="utf-8")
    if harm == "cut":
        (kept / "people.yaml").unlink()
    if harm == "manifest":
        (kept / MANIFEST).write_text("[]", encoding="utf-8")
    if harm == "outside":
        (kept / MANIFEST).write_text(json.dumps({**manifest, "files": {"../x.yaml": "0"}}), encoding="utf-8")
    with pytest.raises(ConfigurationError):
        read_backup(kept, shipped_patterns())


def test_a_folder_with_other_things_is_not_written_over(config: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no backup"):
        back_up(config, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
