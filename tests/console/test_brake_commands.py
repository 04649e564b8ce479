"""The brakes as people see and say them: freezes, breakers, switches with what they hold back, and words on one incident."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.brake_words import (
    circuit_rows,
    freeze_named,
    freeze_of,
    freeze_rows,
    freezes_in,
    lifted_of,
    override_of,
    refused_rows,
    reset_of,
    switches_in,
)
from console.cli.main import run
from console.home import home_of
from console.init import init
from console.periods import span_of
from console.readmodel import ReadModel
from console.words import Speaker, switch_of
from schemas.control_words import why_not_counted
from schemas.decisions import Admission, AdmissionState, Oversight
from schemas.errors import NotFoundError, UsageError
from schemas.ids import id_of
from schemas.outputs import Emit, Place
from schemas.oversight import Control, Freeze, Override, SwitchMode
from schemas.policy import Policy
from schemas.windows import WindowKind, WindowRule
from streams.admission_records import AdmitRules
from streams.admit import Admit
from streams.breakers import Breakers, circuits_of
from tests.console.test_readmodel import DECISION, INCIDENT, NAME
from tests.streams.test_admit import at as door_at
from tests.streams.test_admit import decision
from tests.support.failures import KEYS, at, configuration
from tests.support.memory_topics import MemoryTopics

PEOPLE = configuration().people
OLGA, ANTON, VERA = (Speaker(name, KEYS[name]) for name in ("olga", "anton", "vera"))


def by_key(*words: Control) -> dict[str, Control]:
    return {word.key: word for word in words}


def frozen(name: str = "f1", target: str = "service:web", until: float = 100, speaker: Speaker = OLGA, begin: float = 0) -> Control:
    return freeze_of(name, Freeze(target, at(begin), at(until), "we look"), speaker, at(0))


def test_freezes_in_force_and_to_come_are_listed_with_the_windows_that_are_open() -> None:
    said = by_key(frozen(), frozen("later", "fleet", 900, begin=500), frozen("past", until=5), frozen("no right", speaker=VERA))
    views = freezes_in(said, PEOPLE, at(10))
    night = WindowRule("night", WindowKind.MAINTENANCE, "UTC", "02:00", "04:00", teams=("blue",))
    rows = freeze_rows(views, Policy(windows=(night, replace(night, name="day", from_time="12:00", to_time="13:00"))), at(10))
    assert [(row["id"], row["kind"], row["what"], row["state"]) for row in rows] == [
        ("f1", "hands off", "service:web", "in force"),
        ("later", "hands off", "fleet", f"from {at(500).isoformat()}"),
        ("night", "maintenance window", "team:blue", "in force"),
    ]


def test_a_freeze_is_lifted_by_its_id_and_is_over_then() -> None:
    said = by_key(frozen("abc"), frozen("abd"))
    views = freezes_in(said, PEOPLE, at(10))
    lifted = lifted_of(freeze_named(views, "abc"), OLGA, at(20))
    assert why_not_counted(lifted, PEOPLE) is None
    assert [view.name for view in freezes_in({**said, **by_key(lifted)}, PEOPLE, at(20))] == ["abd"]
    for prefix, why in (("ab", "2 freezes"), ("x", "no freeze that is in force")):
        with pytest.raises(NotFoundError, match=why):
            freeze_named(views, prefix)


@pytest.mark.parametrize(
    ("word", "counts"),
    [
        (lambda: reset_of("target/service:web", "mended", OLGA, at(1)), True),
        (lambda: reset_of("target/service:web", "mended", VERA, at(1)), False),
        (lambda: override_of(NAME, Override("n", run=True), OLGA, at(1)), True),
        (lambda: override_of(NAME, Override("n", run=True), ANTON, at(1)), False),
        (lambda: replace(reset_of("target/service:web", "mended", OLGA, at(1)), key="circuit/target/service:api"), False),
    ],
)
def test_a_word_counts_by_the_key_of_one_who_may_say_it(word: Callable[[], Control], counts: bool) -> None:
    assert (why_not_counted(word(), PEOPLE) is None) is counts


def test_breakers_are_read_from_what_admit_stores_the_open_ones_first() -> None:
    policy = Policy(breaker_failures=2, breaker_open_s=100.0)
    kept = Breakers({}, policy)
    for number in range(2):
        kept.record(f"c{number}", circuits_of(decision(1)), False, door_at(number))
    rows = circuit_rows(kept.rows.snapshot(), policy, door_at(3))
    assert (rows[0]["circuit"], rows[0]["state"], rows[0]["failures"]) == ("target/service:s1", "open", 2)
    assert {row["state"] for row in rows[1:]} == {"closed"}
    kept.begin("probe", decision(1), door_at(200))
    [first, *_] = circuit_rows(kept.rows.snapshot(), policy, door_at(200))
    assert (first["state"], first["tried_by"]) == ("half_open", "probe")


SINGLE = Policy(oversight=Oversight.SINGLE_OPERATOR)
HALT = switch_of("fleet", SwitchMode.HALT, "drill", OLGA, at(1))


@pytest.mark.parametrize(
    ("then", "still_on"),
    [
        ((), True),
        ((switch_of("fleet", SwitchMode.OFF, "x", OLGA, at(2)),), True),
        ((switch_of("fleet", SwitchMode.OFF, "x", VERA, at(2)),), True),
        ((replace(switch_of("fleet", SwitchMode.OFF, "x", ANTON, at(2)), by="olga"),), True),
        ((switch_of("fleet", SwitchMode.OFF, "x", ANTON, at(2)),), False),
    ],
)
def test_a_switch_is_shown_as_on_until_somebody_releases_it_who_may(then: tuple[Control, ...], still_on: bool) -> None:
    found = switches_in((HALT, *then), PEOPLE, Oversight.TWO_PERSON, at(10))
    assert ("fleet" in found) is still_on
    if still_on:
        assert (found["fleet"][0].mode, found["fleet"][1]) == (SwitchMode.HALT, HALT)


def test_one_operators_release_is_shown_as_on_until_its_wait_is_over() -> None:
    said = (HALT, switch_of("fleet", SwitchMode.OFF, "x", OLGA, at(10)))
    assert switches_in(said, PEOPLE, Oversight.SINGLE_OPERATOR, at(69))["fleet"][1] == HALT
    assert switches_in(said, PEOPLE, Oversight.SINGLE_OPERATOR, at(71)) == {}


def compacted_words(*said: Control, door: Admit, later_s: float) -> tuple[list[Control], datetime]:
    """Return what is left of words that the door has heard, so much later."""
    topics, now = MemoryTopics(), at(later_s)
    for word in said:
        topics.send_record(word, word.at)
        door.on_event(word, Place("heal.control", 0, 0), word.at)
    for output in door.on_tick(said[-1].at):
        if isinstance(output, Emit) and isinstance(output.record, Control):
            topics.send_record(output.record, said[-1].at)
    topics.compact("heal.control", now)
    return [word for word in topics.records("heal.control") if isinstance(word, Control)], now


@pytest.mark.parametrize(
    "hiding", [switch_of("fleet", SwitchMode.OFF, "x", OLGA, at(2)), switch_of("fleet", SwitchMode.OFF, "x", VERA, at(2))]
)
def test_a_switch_is_shown_as_on_after_compaction_has_left_only_the_newest_word(hiding: Control) -> None:
    door = Admit.from_state({}, AdmitRules(configuration(), KEYS["olga"], 1))
    words, now = compacted_words(HALT, hiding, door=door, later_s=30 * 24 * 3600)
    assert words == [HALT]
    assert switches_in(words, PEOPLE, Oversight.TWO_PERSON, now)["fleet"][1] == HALT


def test_a_release_that_waits_is_shown_so_after_compaction_too() -> None:
    door = Admit.from_state({}, AdmitRules(replace(configuration(), policy=SINGLE), KEYS["olga"], 1))
    words, now = compacted_words(HALT, switch_of("fleet", SwitchMode.OFF, "x", OLGA, at(10)), door=door, later_s=60)
    assert switches_in(words, PEOPLE, Oversight.SINGLE_OPERATOR, now)["fleet"][1] == HALT


def admission(state: AdmissionState, reason: str, seconds: float = 0) -> Admission:
    return Admission(NAME, id_of(DECISION), state, reason, at(seconds), command_id="c" if state is AdmissionState.ADMITTED else None)


HELD = admission(AdmissionState.QUEUED, "freeze: kill switch halt by olga", 1)


@pytest.mark.parametrize(
    ("said", "now"),
    [
        ((HELD,), ["held"]),
        ((HELD, admission(AdmissionState.ADMITTED, "run", 5)), ["went later"]),
        ((HELD, admission(AdmissionState.EXPIRED, "", 5)), ["expired"]),
        ((HELD, admission(AdmissionState.QUEUED, "budget: fleet", 5)), ["waits: budget: fleet"]),
        ((admission(AdmissionState.ADMITTED, "run"),), ["stands still at a safe point: halt of fleet by olga"]),
        ((admission(AdmissionState.QUEUED, "approval: one needed"),), []),
    ],
)
def test_everything_that_a_switch_refused_is_listed_with_what_became_of_it(said: tuple[Admission, ...], now: list[str]) -> None:
    model = ReadModel()
    model.apply_all([INCIDENT, DECISION, *said])
    rows = refused_rows(model, switches_in((HALT,), PEOPLE, Oversight.TWO_PERSON, at(10)))
    assert [row["now"] for row in rows] == now
    assert all((row["target"], row["incident"], row["decision"]) == ("service:web", NAME, id_of(DECISION)) for row in rows)


def test_a_time_is_said_as_a_length_or_from_when_to_when() -> None:
    now = datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert span_of("2h", "--for", now) == (now, now + timedelta(hours=2))
    berlin = span_of("2026-01-31T12:00+01:00/2026-01-31T18:00+01:00", "--for", now)
    assert berlin == (datetime(2026, 1, 31, 11, tzinfo=UTC), datetime(2026, 1, 31, 17, tzinfo=UTC))
    for text in ("soon", "2h/", "2026-01-31T12:00"):
        with pytest.raises(UsageError, match="this is no period"):
            span_of(text, "--for", now)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["freeze", "hands-off", "service:nobody", "--for", "2h"], 2, "nothing of that name"),
        (["freeze", "hands-off", "web; rm", "--for", "2h"], 2, "this is no target"),
        (["freeze", "hands-off", "fleet", "--for", "0m"], 2, "a freeze ends in the future"),
        (["freeze", "hands-off", "fleet", "--for", "60d"], 2, "30 days at most"),
        (["freeze", "hands-off", "fleet", "--for", "2h", "--dry-run"], None, "would be left alone"),
        (["freeze", "hands-off", "fleet", "--for", "2h"], 5, "nothing runs here"),
        (["freeze", "list"], 5, "nothing runs here"),
        (["freeze", "lift", "x"], 5, "nothing runs here"),
        (["circuit", "list"], 5, "nothing runs here"),
        (["circuit", "reset", "target/x", "--reason", "y"], 5, "nothing runs here"),
        (["target", "get", "service:nobody"], 3, "nothing of that name"),
        (["feedback", "give", "x", "--right"], 5, "nothing runs here"),
        (["feedback", "wrong-action", "x"], 5, "nothing runs here"),
        (["feedback", "list"], 5, "nothing runs here"),
        (["deadletter", "list"], 5, "nothing runs here"),
        (["deadletter", "get", "ci.logs/0/1"], 5, "nothing runs here"),
        (["killswitch", "refused"], 5, "nothing runs here"),
        (["incident", "force", "x", "heal"], 2, "never looser"),
        (["incident", "force", "x", "refuse"], 5, "nothing runs here"),
    ],
)
def test_a_command_that_can_not_be_carried_out_says_why(
    words: list[str], code: int | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    for name, place in places.items():
        monkeypatch.setenv(name, place)
    monkeypatch.delenv("HEALSTREAM_BROKERS", raising=False)
    init(home_of(places, ""), "ada")
    with pytest.raises(SystemExit) as ended:
        run(words)
    assert (ended.value.code or None, said in capsys.readouterr().err) == (code, True)
