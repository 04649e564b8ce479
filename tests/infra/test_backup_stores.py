"""Where backups are kept: what else lies there stays as it is, and what is no backup is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dulwich import porcelain
from dulwich.objects import Commit, ObjectID
from dulwich.refs import HEADREF
from dulwich.repo import Repo

from infra.adapters.folder_store import FolderStore
from infra.adapters.git_store import BRANCH, GitStore
from schemas.errors import ConfigurationError, NotFoundError

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FILES = {
    "people.yaml": b"people: []\n",
    "patterns/own.json": b"{}",
    "manifest.json": b'{"files": {"people.yaml": "", "patterns/own.json": ""}}',
}
LESS = {"people.yaml": b"people: []\n", "manifest.json": b'{"files": {"people.yaml": ""}}'}


def test_a_folder_holds_the_latest_backup_and_what_else_is_in_it(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "kept", "manifest.json")
    store.put(FILES, NOW)
    (tmp_path / "kept" / "notes.txt").write_text("mine", encoding="utf-8")
    store.put(LESS, NOW)
    assert store.get() == {**LESS, "notes.txt": b"mine"}


def test_a_folder_with_other_things_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no backup"):
        FolderStore(tmp_path, "manifest.json").put(FILES, NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_version_control_and_links_in_a_folder_are_no_part_of_a_backup(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "kept", "manifest.json")
    store.put(FILES, NOW)
    (tmp_path / "kept" / ".git").mkdir()
    (tmp_path / "kept" / ".git" / "HEAD").write_text("ref", encoding="utf-8")
    (tmp_path / "kept" / "people.json").symlink_to("/etc/hostname")
    assert store.get() == FILES


def test_a_new_repository_is_made_and_each_backup_that_differs_is_a_commit(tmp_path: Path) -> None:
    store = GitStore(tmp_path / "kept.git")
    first = store.put(FILES, NOW)
    assert store.put(FILES, NOW + timedelta(hours=1)) == first
    second = store.put(LESS, NOW + timedelta(hours=2))
    assert (store.get(), replace(store, commit=first).get()) == (LESS, FILES)
    assert replace(store, commit=first[:7]).get() == FILES
    with Repo(str(store.path)) as repository:
        commit = repository[ObjectID(second.encode())]
        assert isinstance(commit, Commit)
        assert (commit.parents, commit.commit_time) == ([first.encode()], int((NOW + timedelta(hours=2)).timestamp()))
        assert repository.refs.read_ref(HEADREF) == b"ref: " + BRANCH


def test_in_a_repository_that_is_used_only_a_branch_of_its_own_grows(tmp_path: Path) -> None:
    repository = porcelain.init(str(tmp_path))
    (tmp_path / "people.yaml").write_text("people: [half written]\n", encoding="utf-8")
    porcelain.add(repository, [str(tmp_path / "people.yaml")])
    porcelain.commit(repository, b"mine", author=b"a <a@a.example>", committer=b"a <a@a.example>")
    (tmp_path / "people.yaml").write_text("people: [more]\n", encoding="utf-8")
    head, index = repository.head(), (tmp_path / ".git" / "index").read_bytes()

    GitStore(tmp_path).put(FILES, NOW)

    assert (repository.head(), (tmp_path / ".git" / "index").read_bytes()) == (head, index)
    assert (tmp_path / "people.yaml").read_text(encoding="utf-8") == "people: [more]\n"
    assert GitStore(tmp_path).get() == FILES
    with pytest.raises(NotFoundError):
        GitStore(tmp_path, head.decode()).get()


def test_what_is_no_repository_and_what_is_no_backup_of_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no git repository"):
        GitStore(tmp_path / "full").put(FILES, NOW)
    with pytest.raises(ConfigurationError, match="no git repository"):
        GitStore(tmp_path / "absent").get()
    assert not (tmp_path / "absent").exists()
    (tmp_path / "empty").mkdir()
    porcelain.init(str(tmp_path / "empty"))
    for commit, why in (("", "no such backup"), ("abc", "at least 7"), ("f" * 40, "no such backup")):
        with pytest.raises(NotFoundError, match=why):
            GitStore(tmp_path / "empty", commit).get()


def test_a_damaged_repository_is_told_and_not_restored_from(tmp_path: Path) -> None:
    store = GitStore(tmp_path / "kept.git")
    store.put(FILES, NOW)
    for path in (store.path / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"harm")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        store.get()
