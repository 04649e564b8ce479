"""The pattern commands on a real folder: what is written, who may let it act, and that a mistake changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.cli.main import run
from console.home import Home, home_of
from console.init import init
from console.keys import ensure_key
from console.pattern_files import PatternShelf, checked_catalogue, read_shelf, with_pattern, write_shelf
from console.pattern_words import Voice, accepted, disabled, enabled, wrote
from console.system_paths import shipped_patterns
from console.words import Speaker
from learning.backtest import BackTest
from learning.recordings import recorded_logs
from schemas.errors import ConfigurationError, DeniedError, UsageError
from schemas.pattern_review import PatternDemotion, PatternState, counted_reviews, held_back
from schemas.people import People, Person, Role
from schemas.signing import public_text
from tests.support.own_pattern import OWN_ROW

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FINE = BackTest("flux-phase", "w", 10, 5, 1, (), (), (), (), ())


@pytest.fixture
def config(tmp_path: Path) -> Path:
    home = Home("t", tmp_path / "state", tmp_path / "config")
    init(home, "ada")
    return home.config


@pytest.fixture
def voices(tmp_path: Path) -> dict[str, Voice]:
    roles = {"olga": Role.OPERATOR, "amir": Role.APPROVER, "root": Role.ADMIN}
    speakers = {name: Speaker(name, ensure_key(tmp_path / f"{name}.key")) for name in roles}
    people = People(tuple(Person(name, frozenset({role}), public_text(speakers[name].key)) for name, role in roles.items()))
    return {name: Voice(speaker, people, NOW) for name, speaker in speakers.items()}


def shelf_of(config: Path) -> PatternShelf:
    return read_shelf(config, shipped_patterns())


def state_in(config: Path, people: People) -> PatternState:
    shelf = shelf_of(config)
    return shelf.state(shelf.named("flux-phase"), people)


def test_a_pattern_is_written_shadows_acts_is_switched_off_and_on_again(config: Path, voices: dict[str, Voice]) -> None:
    people = voices["olga"].people
    shelf = shelf_of(config)
    files = with_pattern(shelf, OWN_ROW)
    made = checked_catalogue({**shelf.files, **files}).by_id()["flux-phase"]
    change = wrote(shelf, made, voices["olga"])
    write_shelf(config, files, change.reviews)
    assert (change.audit.action, change.audit.actor) == ("pattern.shadow", "olga")
    assert state_in(config, people) is PatternState.SHADOW

    shelf = shelf_of(config)
    write_shelf(config, {}, accepted(shelf, shelf.named("flux-phase"), FINE, voices["amir"]).reviews)
    assert state_in(config, people) is PatternState.ACTING

    shelf = shelf_of(config)
    write_shelf(config, {}, disabled(shelf, shelf.named("flux-phase"), voices["olga"]).reviews)
    assert state_in(config, people) is PatternState.DISABLED

    shelf = shelf_of(config)
    write_shelf(config, {}, enabled(shelf, shelf.named("flux-phase"), voices["olga"]).reviews)
    assert state_in(config, people) is PatternState.ACTING
    with pytest.raises(UsageError, match="not switched off"):
        enabled(shelf_of(config), shelf.named("flux-phase"), voices["olga"])


def test_neither_its_author_nor_somebody_without_the_right_nor_a_bad_back_test_lets_it_act(config: Path, voices: dict[str, Voice]) -> None:
    shelf = shelf_of(config)
    files = with_pattern(shelf, OWN_ROW)
    made = checked_catalogue({**shelf.files, **files}).by_id()["flux-phase"]
    with pytest.raises(UsageError, match="nobody is known"):
        accepted(shelf, made, FINE, voices["amir"])
    write_shelf(config, files, wrote(shelf, made, voices["root"]).reviews)
    known = shelf_of(config)
    for name, why in (("root", "another person"), ("olga", "no right")):
        with pytest.raises(DeniedError, match=why):
            accepted(known, made, FINE, voices[name])
    broad = BackTest("flux-phase", "w", 10, 5, 1, ("green",), (), (), (), ("it hits 1 of 5 successful logs",))
    with pytest.raises(DeniedError, match="successful logs"):
        accepted(known, made, broad, voices["amir"])


def test_a_shipped_pattern_that_was_demoted_is_let_act_again_by_a_person_with_the_right(config: Path, voices: dict[str, Voice]) -> None:
    shelf = shelf_of(config)
    change = accepted(shelf, shelf.named("no-space-left"), FINE, voices["amir"])
    demotion = PatternDemotion("no-space-left", NOW - timedelta(hours=1), 10, 10, "it hit successful runs")
    people = voices["amir"].people
    assert held_back([demotion], counted_reviews((), people)) == {"no-space-left"}
    assert held_back([demotion], counted_reviews(change.reviews, people)) == frozenset()
    with pytest.raises(DeniedError, match="no right"):
        accepted(shelf, shelf.named("no-space-left"), FINE, voices["olga"])


def test_a_changed_wording_shadows_again(config: Path, voices: dict[str, Voice]) -> None:
    shelf = shelf_of(config)
    files = with_pattern(shelf, OWN_ROW)
    made = checked_catalogue({**shelf.files, **files}).by_id()["flux-phase"]
    write_shelf(config, files, wrote(shelf, made, voices["olga"]).reviews)
    shelf = shelf_of(config)
    write_shelf(config, {}, accepted(shelf, made, FINE, voices["amir"]).reviews)
    text = (config / "patterns" / "own.json").read_text(encoding="utf-8")
    write_shelf(config, {"own.json": text.replace("0.95", "0.9")}, None)
    assert state_in(config, voices["olga"].people) is PatternState.SHADOW


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"expressions": ["(?:a|a)*b"]}, "own.json:8:"),
        ({"examples": ["nothing of it", "flux is out of phase"]}, "not matched"),
        ({"id": "no-space-left"}, "already in"),
    ],
)
def test_a_mistake_is_named_by_its_place_and_nothing_is_written(config: Path, change: dict[str, object], place: str) -> None:
    with pytest.raises(ConfigurationError, match=place):
        with_pattern(shelf_of(config), {**OWN_ROW, **change})
    assert not (config / "patterns" / "own.json").exists()


def test_a_full_file_is_followed_by_the_next(config: Path) -> None:
    rows = [{**OWN_ROW, "id": f"flux-{number}"} for number in range(20)]
    write_shelf(config, {"own.json": json.dumps({"family": "own", "patterns": rows})}, None)
    assert list(with_pattern(shelf_of(config), OWN_ROW)) == ["own-2.json"]


def test_a_broken_list_of_words_is_refused_by_name(config: Path) -> None:
    write_shelf(config, {}, ())
    (config / "patterns" / "reviews.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"reviews\.json"):
        shelf_of(config)


def test_the_recorded_logs_come_with_the_program() -> None:
    logs = recorded_logs()
    assert len(logs) >= 300
    assert len({log.tool for log in logs}) >= 12


def called(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Return the exit code and what was printed and said by one call."""
    code = 0
    try:
        run(["pattern", *words])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_commands_that_need_no_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    init(home_of({"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}, ""), "ada")
    log = tmp_path / "log.txt"
    log.write_text("one\ncp: error writing: No space left on device\n", encoding="utf-8")
    (tmp_path / "bad.json").write_text('{"family": "x",\n "patterns": []}', encoding="utf-8")

    code, out, _ = called(capsys, "template")
    (tmp_path / "mine.json").write_text(json.dumps(OWN_ROW), encoding="utf-8")
    assert (code, set(json.loads(out)) <= set(OWN_ROW) | {"transient"}) == (0, True)
    assert called(capsys, "lint")[0] == 0
    code, out, _ = called(capsys, "lint", str(tmp_path / "bad.json"))
    assert (code, "bad.json:2:" in out) == (8, True)
    code, out, _ = called(capsys, "test", "no-space-left", str(log))
    assert (code, "No space left on device" in out) == (0, True)
    assert called(capsys, "test", "shell-killed", str(log))[0] == 8
    code, out, _ = called(capsys, "get", "no-space-left")
    assert (code, json.loads(out)["items"][0]["state"]) == (0, "acting")
    assert called(capsys, "get", "nothing-such")[0] == 3
    code, out, _ = called(capsys, "list", "--state", "shadow", "-o", "json")
    assert (code, json.loads(out)["items"]) == (0, [])
    found = [row["id"] for row in json.loads(called(capsys, "list", "--find", "space left device", "-o", "json")[1])["items"]]
    assert "no-space-left" in found
    assert len(found) < 100
    assert "nothing was changed" in called(capsys, "new", str(tmp_path / "mine.json"), "--dry-run")[2]
    code, _, said = called(capsys, "new", str(tmp_path / "mine.json"))
    assert (code, "nothing runs here" in said) == (5, True)
    assert not (tmp_path / "config" / "healstream" / "default" / "patterns" / "own.json").exists()


def test_the_back_test_refuses_above_the_budget_of_the_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given a pattern that hits recorded successes after which a retry passed, then only a policy that bears them lets it pass."""
    places = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    for name, place in places.items():
        monkeypatch.setenv(name, place)
    home = home_of(places, "")
    init(home, "ada")
    for more, expected in (("", 8), ("trial_green_share: 1.0\ntrial_stolen: 1000\n", 0)):
        (home.config / "policy" / "trial.yaml").write_text(more, encoding="utf-8")
        code, out, _ = called(capsys, "backtest", "no-space-left", "-o", "json")
        [report] = json.loads(out)["items"]
        assert (code, bool(report["refused"])) == (expected, bool(expected))
        assert report["right"] >= 5
        assert report["green"]
