"""A disk that is full, tiny or read-only, and a data folder of another release: said in three sentences, and nothing is touched."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.front_door import Copy
from tests.support.small_disk import fill, needs_disks, small_disks


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a small disk; without the right to mount, the test is skipped on a developer's machine and fails in CI."""
    place = tmp_path / "state"
    with small_disks({place: "4m"}) as is_mounted:
        needs_disks(is_mounted)
        yield place


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content, folders with none."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


def test_a_disk_without_room_is_refused_before_anything_is_written(disk: Path, tmp_path: Path) -> None:
    said = Copy(tmp_path).run("up")
    assert said.code == 1
    assert f"state folder {disk}" in said.err
    assert "4 MiB free" in said.err
    assert "next: " in said.err
    assert "nothing was changed" in said.err
    assert tree(disk) == {}
    assert not (tmp_path / "config").exists()


def test_a_full_disk_keeps_what_was_there(disk: Path, tmp_path: Path) -> None:
    # given a copy whose disk has been filled to the last byte by somebody else
    copy = Copy(tmp_path)
    assert copy.run("init", "--person", "ada").code == 0
    fill(disk)
    before = tree(disk)
    # when it is started, and when a key is to be made
    said = copy.run("up")
    (copy.home.config / "people.yaml").unlink()
    made = copy.run("init", "--person", "bob")
    # then both say so, and no half of a file is there
    assert (said.code, "0 MiB free" in said.err) == (1, True), said
    assert (made.code, "No space left on device" in made.err) == (1, True), made
    assert "Traceback" not in said.err + made.err
    assert tree(disk) == before


def test_a_read_only_disk_is_named_and_left_alone(disk: Path, tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    assert copy.run("init", "--person", "ada").code == 0
    before = tree(disk)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)  # noqa: S607 - the system's own
    said = copy.run("up")
    assert (said.code, "read-only" in said.err, "next: " in said.err) == (1, True, True), said
    assert tree(disk) == before
    assert copy.run("config", "check").code == 0


@pytest.mark.parametrize(("mark", "words"), [("0", "its format is 0, this release reads 1"), (None, "of a release before formats")])
def test_a_data_folder_of_another_release_is_refused_and_left_alone(tmp_path: Path, mark: str | None, words: str) -> None:
    copy = Copy(tmp_path)
    (copy.home.state / "broker" / "data").mkdir(parents=True)
    (copy.home.state / "broker" / "data" / "meta.properties").write_text("version=1\n", encoding="utf-8")
    if mark is not None:
        (copy.home.state / "format").write_text(f"{mark}\n", encoding="ascii")
    before = tree(copy.home.state)
    for command in ("up", "init"):
        said = copy.run(command)
        assert (said.code, words in said.err, "nothing in it was changed" in said.err) == (1, True, True), said
    assert tree(copy.home.state) == before
