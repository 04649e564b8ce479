"""The folder watch reads nothing until a file was touched, and forgets a refusal when the folder is as it was published."""

from __future__ import annotations

import os
from pathlib import Path

from console.configuration import read_folder
from console.folder_watch import FRESH_NS, FolderWatch, stamp_of
from console.home import Home
from console.init import init
from console.system_paths import shipped_patterns

NOBODY = "127.0.0.1:1"


def made(folder: Path) -> Home:
    home = Home("test", folder / "state", folder / "config")
    init(home, "ada")
    return home


def grow_old(home: Home) -> None:
    """Make every file look as if it had been written long ago."""
    for path in home.config.rglob("*"):
        if path.is_file():
            os.utime(path, ns=(0, path.stat().st_mtime_ns - 10 * FRESH_NS))


def test_a_touched_file_changes_the_stamp_and_an_untouched_folder_keeps_it(tmp_path: Path) -> None:
    home = made(tmp_path)
    before = stamp_of(home.config)
    assert stamp_of(home.config) == before
    (home.config / "services.yaml").write_text("services: []\n", encoding="utf-8")
    assert stamp_of(home.config) != before


def test_a_mistake_is_kept_until_the_folder_is_again_what_was_published(tmp_path: Path) -> None:
    # given a folder whose version is published
    home = made(tmp_path)
    services = home.config / "services.yaml"
    good = services.read_text(encoding="utf-8")
    first = FolderWatch(home, "")
    services.write_text("services: [\n", encoding="utf-8")
    # when it is broken, then nothing is sent (nobody listens at the address) and the place is told
    first.look(NOBODY)
    assert first.refused.startswith("services.yaml:")
    grow_old(home)
    first.look(NOBODY)
    assert first.refused.startswith("services.yaml:")
    # and when it is as published again, the mistake is forgotten
    services.write_text(good, encoding="utf-8")
    first.version = _version(home)
    first.look(NOBODY)
    assert first.refused == ""


def _version(home: Home) -> str:
    return read_folder(home.config, shipped_patterns()).digest()
