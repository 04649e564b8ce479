"""The committed recordings: each loads, has its recipe and a label of the taxonomy, is like no other, and names nobody's machine."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from learning.stored_logs import StoredLog
from schemas.errors import ConfigurationError
from schemas.vocabulary import Group, Kind, Result, group_of
from tests.corpus.dress import DRESSES, dress_of
from tests.corpus.reading import read_families
from tests.corpus.recipe import Recipe, Stop
from tests.corpus.recordings import FOLDER, MAX_BYTES, masked, packed, read_recordings, store
from tests.corpus.sanitise import private_words

PRIVATE = ("hs-corpus", "hs-kits", "hs-docker", "/root/", "/work/", "127.64.", "127.127.")
SECRET = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAKIA[0-9A-Z]{16}\b")
THIN = (
    Kind.DISK_FULL,
    Kind.TIMEOUT,
    Kind.CONTAINER_RUNTIME,
    Kind.RATE_LIMITED,
    Kind.RUNNER_LOST_OR_CANCELLED,
    Kind.SERVICE_UNAVAILABLE,
    Kind.INTEGRITY_OR_CACHE,
    Kind.LOCKFILE_MISMATCH,
    Kind.TLS_CERTIFICATE,
    Kind.DNS_RESOLUTION,
    Kind.AUTH_CREDENTIALS,
    Kind.OUT_OF_MEMORY,
)


@pytest.fixture(scope="module")
def logs() -> tuple[StoredLog, ...]:
    """Return every committed recording."""
    return read_recordings()


@pytest.fixture(scope="module")
def recipes() -> dict[str, tuple[str, Recipe]]:
    """Return every recipe with its family by id."""
    return {recipe.id: (family, recipe) for family, rows in read_families().items() for recipe in rows}


def test_recipes_have_ids_of_their_own() -> None:
    ids = Counter(recipe.id for rows in read_families().values() for recipe in rows)
    assert [id_ for id_, count in ids.items() if count > 1] == []


def test_every_recording_has_a_recipe_that_says_the_same(logs: tuple[StoredLog, ...], recipes: dict[str, tuple[str, Recipe]]) -> None:
    for log in logs:
        family, recipe = recipes[log.recipe]
        told = (log.id, log.family, log.tool, log.language, log.fault, log.kind)
        assert told == (recipe.id, family, recipe.tool, recipe.language, recipe.fault, recipe.label)
        assert log.ci == dress_of(log.id, recipe.limit.stop)


def test_every_recording_ended_as_its_label_says(logs: tuple[StoredLog, ...], recipes: dict[str, tuple[str, Recipe]]) -> None:
    for log in logs:
        stop = recipes[log.id][1].limit.stop
        assert group_of(log.kind) in {Group.INFRA, Group.CODE, Group.NONE}
        assert (log.result is Result.SUCCESS) == (log.kind is Kind.SUCCESS), log.id
        assert stop is not Stop.NEVER or (log.exit_code == 0) == (log.kind is Kind.SUCCESS), log.id


def test_every_recording_shows_the_commands_of_its_recipe(logs: tuple[StoredLog, ...], recipes: dict[str, tuple[str, Recipe]]) -> None:
    for log in logs:
        commands = [line for line in recipes[log.id][1].script.split("\n") if line.strip() and "@" not in line]
        assert [line for line in commands if line not in log.text] == [], f"{log.id} was recorded by another script: record it again"


def test_no_recording_is_another_in_other_numbers(logs: tuple[StoredLog, ...]) -> None:
    seen: dict[str, str] = {}
    assert [(log.id, seen[key]) for log in logs if (key := masked(log.text)) in seen or seen.setdefault(key, log.id) != log.id] == []


def test_no_recording_names_a_registry_this_machine_or_a_secret(logs: tuple[StoredLog, ...]) -> None:
    assert [(log.id, words) for log in logs if (words := private_words(log.text, PRIVATE))] == []
    assert [log.id for log in logs if SECRET.search(log.text)] == []


def test_no_recording_is_long(logs: tuple[StoredLog, ...]) -> None:
    assert [log.id for log in logs if log.text.count("\n") > 340 or len(log.text) > 200_000] == []
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MAX_BYTES


def test_there_are_enough_of_them(logs: tuple[StoredLog, ...]) -> None:
    groups = Counter(group_of(log.kind) for log in logs)
    assert len(logs) >= 300
    assert groups[Group.CODE] >= 80
    assert groups[Group.NONE] >= 60
    assert len({log.tool for log in logs}) >= 12
    assert len({log.language for log in logs if group_of(log.kind) is Group.CODE}) >= 8
    assert {log.ci for log in logs} == set(DRESSES)


def test_the_kinds_that_real_collections_lack_are_there(logs: tuple[StoredLog, ...]) -> None:
    kinds = Counter(log.kind for log in logs)
    assert {kind: kinds[kind] for kind in THIN if kinds[kind] < 8} == {}


def test_what_is_stored_is_the_same_bytes_again_and_keeps_its_neighbours(logs: tuple[StoredLog, ...], tmp_path: Path) -> None:
    family = logs[0].family
    own = [log for log in logs if log.family == family]
    assert packed(own) == packed(reversed(own))
    assert store(own, (), tmp_path) == {family: len(own)}
    assert store(own[:1], [own[-1].id], tmp_path) == {family: len(own) - 1}
    assert [log.id for log in read_recordings(tmp_path)] == [log.id for log in own[:-1]]
    assert store((), [log.id for log in own], tmp_path) == {family: 0}
    assert list(tmp_path.iterdir()) == []


def test_a_row_over_faults_is_labelled_by_its_table_but_for_what_it_says_itself(tmp_path: Path) -> None:
    table = 'labels = "fetch"\nfaults = ["reset", "429_short"]\nbut = { reset = "timeout" }\n'
    row = f'id = "a"\ntool = "t"\nlanguage = "c"\nscript = "true"\n{table}'
    (tmp_path / "tools.toml").write_text(f"[defaults]\nkit = 'k'\n[[recipe]]\n{row}", encoding="utf-8")
    [one, two] = read_families(tmp_path)["tools"]
    assert (one.id, one.fault, one.label, one.kit) == ("a-reset", "reset", Kind.TIMEOUT, "k")
    assert (two.id, two.fault, two.label) == ("a-429-short", "429_short", Kind.RATE_LIMITED)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ('id = "a"\ntool = "t"\nlanguage = "c"\nfault = "x"\nlabel = "bad_luck"\nscript = "true"\n', "bad_luck"),
        ('id = "a"\nshell = "x"\n', "unknown words"),
        ('id = "a"\ntool = "t"\nlanguage = "c"\nfaults = ["nothing"]\nlabels = "fetch"\nscript = "true"\n', "nothing"),
        ('id = "a"\ntool = "t"\nlanguage = "c"\nfault = "x"\nlabel = "timeout"\nscript = ""\nlimit = { stop = "soon" }\n', "soon"),
    ],
)
def test_a_recipe_that_is_none_is_refused_with_its_place(row: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "tools.toml").write_text(f"[[recipe]]\n{row}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=why) as told:
        read_families(tmp_path)
    assert told.value.what == "tools.toml: row 1 (a)"
