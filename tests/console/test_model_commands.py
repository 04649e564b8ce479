"""The models as people see them, and who may let which one act; what learn would refuse is refused here already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from console.cli.main import run
from console.home import home_of
from console.init import init
from console.model_words import ModelShelf, before, promotion_of, shelf_of
from console.words import Speaker
from schemas.errors import DeniedError, NotFoundError, UsageError
from schemas.oversight import ModelChange, ModelRecord
from schemas.promotions import KEPT_VERSIONS
from schemas.signing import sign
from tests.support.failures import KEYS, at, configuration

PEOPLE = configuration().people
SPEAKERS = {name: Speaker(name, key) for name, key in KEYS.items()}


def snapshot(version: str, seconds: float, author: str = "healstream") -> ModelRecord:
    return ModelRecord(version, ModelChange.SNAPSHOT, "{}", f"sum-{version}", author, at(seconds))


def proposal(version: str, seconds: float, author: str = "healstream") -> ModelRecord:
    return replace(snapshot(version, seconds, author), change=ModelChange.PROPOSED, body="it is right more often")


def word(version: str, seconds: float, by: str = "anton") -> ModelRecord:
    return sign(ModelRecord(version, ModelChange.PROMOTED, "", f"sum-{version}", by, at(seconds)), KEYS[by])


def acting(version: str, seconds: float) -> ModelRecord:
    return replace(snapshot(version, seconds), change=ModelChange.ACTING, body="")


def step(version: str, outgoing: str, seconds: float) -> list[ModelRecord]:
    """Return what stands on the topic when a version was proposed and promoted: learn then tells which one acted before."""
    made = [snapshot(version, seconds), proposal(version, seconds)]
    return [*made, word(version, seconds + 1), acting(version, seconds + 1), snapshot(outgoing, seconds + 1)]


def shelf(*records: ModelRecord) -> ModelShelf:
    return shelf_of(records, PEOPLE)


def states(found: ModelShelf) -> dict[object, object]:
    return {row["version"]: row["state"] for row in found.rows()}


FIRST = step("b", "a", 10)


def test_what_is_proposed_waits_and_after_a_promotion_it_acts_and_the_one_before_is_kept() -> None:
    assert states(shelf(*FIRST[:2])) == {"b": "proposed"}
    assert states(shelf(*FIRST)) == {"a": "kept", "b": "acting"}
    rows = {row["version"]: row for row in shelf(*FIRST).rows()}
    assert (rows["b"]["said_by"], rows["b"]["reason"], rows["a"]["author"]) == ("anton", "it is right more often", "healstream")


def test_the_way_back_leads_to_what_acted_before_and_forth_again() -> None:
    known = [*FIRST, *step("c", "b", 20)]
    assert before(shelf(*known)).version == "b"
    back = promotion_of(shelf(*known), "b", SPEAKERS["anton"], PEOPLE, at(30))
    assert states(shelf(*known, back))["c"] == "acting"
    assert states(shelf(*known, back, acting("b", 30))) == {"a": "kept", "b": "acting", "c": "kept"}
    assert before(shelf(*known, back, acting("b", 30))).version == "c"
    with pytest.raises(UsageError, match="nothing acted before"):
        before(shelf(*FIRST[:2]))


def test_only_so_many_versions_are_kept() -> None:
    known: list[ModelRecord] = []
    for number in range(6):
        known += step(f"v{number + 1}", f"v{number}", 10 * number)
    found = shelf(*known)
    assert [name.version for name in found.standing.kept] == ["v5", "v4", "v3"]
    assert len(found.standing.kept) == KEPT_VERSIONS
    assert states(found)["v1"] == "past"


@pytest.mark.parametrize(
    ("records", "version", "who", "why"),
    [
        (FIRST[:2], "b", "olga", "no right"),
        (FIRST[:2], "b", "vera", "no right"),
        ([snapshot("b", 10, "anton"), proposal("b", 10, "anton")], "b", "anton", "its author"),
    ],
)
def test_neither_its_author_nor_who_has_no_right_promotes(records: Sequence[ModelRecord], version: str, who: str, why: str) -> None:
    with pytest.raises(DeniedError, match=why):
        promotion_of(shelf(*records), version, SPEAKERS[who], PEOPLE, at(30))


@pytest.mark.parametrize(("version", "why"), [("b", "acts already"), ("z", "neither proposed")])
def test_what_acts_already_and_what_nobody_proposed_is_refused(version: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        promotion_of(shelf(*FIRST, snapshot("z", 40)), version, SPEAKERS["anton"], PEOPLE, at(50))


def test_a_clock_that_is_behind_the_last_promotion_is_told() -> None:
    with pytest.raises(DeniedError, match="before the last promotion"):
        promotion_of(shelf(*FIRST), "a", SPEAKERS["anton"], PEOPLE, at(5))


def test_a_version_is_named_by_its_beginning_and_shows_what_was_said_of_it() -> None:
    known = shelf(snapshot("bee", 1), snapshot("bat", 2), proposal("bat", 2), word("bat", 3, "olga"), word("bat", 4))
    assert known.named("bat") == "bat"
    for prefix, why in (("b", "2 versions"), ("x", "there is none")):
        with pytest.raises(NotFoundError, match=why):
            known.named(prefix)
    said = known.words_on("bat", PEOPLE)
    assert [(row["change"], row["by"], row.get("refused")) for row in said] == [
        ("proposed", "healstream", None),
        ("promoted", "olga", "no right to promote, or the signature is not theirs"),
        ("promoted", "anton", ""),
    ]


@pytest.mark.parametrize("words", [["list"], ["get", "b"], ["promote", "b"], ["rollback"]])
def test_without_a_broker_each_verb_says_so(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    for name, place in places.items():
        monkeypatch.setenv(name, place)
    monkeypatch.delenv("HEALSTREAM_BROKERS", raising=False)
    init(home_of(places, ""), "ada")
    with pytest.raises(SystemExit) as ended:
        run(["model", *words])
    assert (ended.value.code, "nothing runs here" in capsys.readouterr().err) == (5, True)
