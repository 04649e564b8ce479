"""What every command shares: the formats of ``--output``, ``--watch``, ``--since``, and that no verb lacks what its kind promises."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from console.cli.deeds import require_meant
from console.cli.formats import Output, Row, text_of, text_of_one
from console.cli.hints import copy_in, for_copy
from console.cli.main import NOUNS, app_for, run
from console.cli.show import newer, show_changes
from console.home import Home
from console.init import init
from schemas.errors import HealstreamError, UsageError

HOSTILE = "a\x1b[2J\r\nb\u202e,\"'\x00\x9b"
ROWS: tuple[Row, ...] = (
    {"id": "i1", "state": "healed", "took_s": 1.5, "steps": ["a", "b"], "note": ""},
    {"id": "i2", "state": HOSTILE, "took_s": None, "steps": [], "note": "x" * 300},
)
COLUMNS = ("id", "state")


def verbs() -> Iterator[tuple[str, TyperCommand]]:
    """Yield every verb of the program with its words."""

    def below(words: str, command: object) -> Iterator[tuple[str, TyperCommand]]:
        if isinstance(command, TyperCommand):
            yield words, command
        elif isinstance(command, TyperGroup):
            for name, part in command.commands.items():
                yield from below(f"{words} {name}", part)

    for noun, _ in NOUNS:
        whole = get_command(app_for([noun]))
        assert isinstance(whole, TyperGroup)
        yield from below(noun, whole.commands[noun])


def options_of(command: TyperCommand) -> set[str]:
    return {option for param in command.params for option in param.opts}


def test_programs_read_the_same_rows_from_json_lines_and_yaml() -> None:
    wanted = json.loads(json.dumps(list(ROWS)))
    assert json.loads(text_of(ROWS, Output.JSON, COLUMNS)) == {"version": 1, "items": wanted}
    assert YAML(typ="safe").load(text_of(ROWS, Output.YAML, COLUMNS)) == {"version": 1, "items": wanted}
    assert [json.loads(line) for line in text_of(ROWS, Output.JSONL, COLUMNS).splitlines()] == wanted


def test_csv_and_wide_leave_out_no_column_and_cut_nothing_and_a_table_shows_the_chosen_ones() -> None:
    heading, first, second = csv.reader(io.StringIO(text_of(ROWS, Output.CSV, COLUMNS)))
    assert heading == ["id", "state", "took_s", "steps", "note"]
    assert first == ["i1", "healed", "1.5", '["a", "b"]', ""]
    assert (second[2], second[4]) == ("", "x" * 300)
    assert "x" * 300 in text_of(ROWS, Output.WIDE, COLUMNS)
    assert text_of(ROWS[:1], Output.TABLE, COLUMNS).split() == ["ID", "STATE", "i1", "healed"]
    assert text_of((), Output.CSV, COLUMNS) == "id,state\r\n"


def test_names_are_one_a_line_and_of_the_column_that_names_a_row() -> None:
    assert text_of(ROWS, Output.NAME, COLUMNS) == "i1\ni2\n"
    assert text_of(ROWS[:1], Output.NAME, COLUMNS, "state") == "healed\n"
    assert text_of((), Output.NAME, ()) == ""


@pytest.mark.parametrize("output", list(Output))
def test_no_format_hands_a_strangers_control_characters_to_a_terminal(output: Output) -> None:
    for text in (text_of(ROWS, output, ("state", "id")), text_of_one({"id": HOSTILE, "more": [HOSTILE]}, output, HOSTILE)):
        assert [letter for letter in text if not letter.isprintable() and letter not in "\r\n"] == []
        assert "\r" not in text.replace("\r\n", "\n")


def test_one_thing_is_the_same_in_json_and_yaml_and_a_line_a_field_for_people() -> None:
    one: Row = {"version": 1, "id": "i1", "steps": [{"name": "a"}]}
    assert json.loads(text_of_one(one, Output.JSONL, "i1")) == one == YAML(typ="safe").load(text_of_one(one, Output.YAML, "i1"))
    assert text_of_one(one, Output.NAME, "i1") == "i1\n"
    assert text_of_one(one, Output.TABLE, "i1").splitlines()[2].split() == ["id", "i1"]


def test_watching_writes_the_heading_once_and_then_only_what_is_another(capsys: pytest.CaptureFixture[str]) -> None:
    seen = iter([[("a", {"id": "a", "state": "open"})], [("a", {"id": "a", "state": "open"})], [("a", {"id": "a", "state": "healed"})]])

    def rows() -> Sequence[tuple[str, Row]]:
        found = next(seen, None)
        if found is None:
            raise KeyboardInterrupt
        return found

    with pytest.raises(KeyboardInterrupt):
        show_changes(rows, COLUMNS, Output.CSV, 0.0)
    assert capsys.readouterr().out.splitlines() == ["id,state", "a,open", "a,healed"]


def test_since_leaves_out_what_is_older_and_refuses_what_is_no_time() -> None:
    rows: list[Row] = [{"at": f"2026-01-31T{hour}:00:00+00:00"} for hour in (13, 12, 11)]
    assert newer(rows, "2026-01-31T12:00", "at") == rows[:2]
    assert newer(rows, "1h", "at") == []
    assert newer(rows, "", "at") == rows
    with pytest.raises(UsageError):
        newer(rows, "yesterday", "at")


def test_every_list_and_get_has_each_format_and_what_lists_events_can_be_watched_and_cut_by_time() -> None:
    known = dict(verbs())
    assert [words for words, one in known.items() if words.split()[-1] in {"list", "get"} and "--output" not in options_of(one)] == []
    for words in ("incident list", "recovery list", "deadletter list", "feedback list", "audit tail"):
        assert {"--since", "--watch"} <= options_of(known[words]), words
    for words in ("approval list", "freeze list", "circuit list", "killswitch refused", "status"):
        assert "--watch" in options_of(known[words]), words


# Every verb that changes nothing but what it is told to write; all others can be asked what they would do.
ONLY_LOOK = frozenset(
    {"list", "get", "explain", "watch", "status", "refused", "verify", "export", "tail", "check", "diff", "view", "versions", "lint"}
    | {"backtest", "test", "audit", "template", "proposals", "doctor", "classify", "report", "replay", "version"}
)
# The demo changes only its own sandbox; the other two run until they are stopped, in the place of the process that called them.
NO_SINGLE_DEED = frozenset({"demo", "serve", "send follow"})


def test_every_verb_that_changes_something_can_be_asked_what_it_would_do() -> None:
    known = dict(verbs())
    silent = [words for words, one in known.items() if words.split()[-1] not in ONLY_LOOK and "--dry-run" not in options_of(one)]
    assert set(silent) == NO_SINGLE_DEED


@pytest.mark.parametrize(
    "words",
    [
        *("killswitch release", "incident cancel", "recovery cancel", "recovery rollback", "model promote", "model rollback"),
        *("rollout set", "config rollback", "restore", "site rebuild"),
    ],
)
def test_what_lets_go_stops_or_overwrites_asks_at_a_terminal_unless_yes_is_given(words: str) -> None:
    assert "--yes" in options_of(dict(verbs())[words])


def test_a_person_at_a_terminal_is_asked_and_a_program_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    require_meant("let go", is_sure=False)
    for answer in ("n\n", "y\n"):
        leader, follower = pty.openpty()
        with os.fdopen(follower, encoding="utf-8") as terminal:
            monkeypatch.setattr("sys.stdin", terminal)
            os.write(leader, answer.encode())
            if answer == "y\n":
                require_meant("let go", is_sure=False)
            else:
                with pytest.raises(HealstreamError, match="the answer was no"):
                    require_meant("let go", is_sure=False)
                require_meant("let go", is_sure=True)
        os.close(leader)


def test_a_dry_run_says_so_and_keeps_the_stop_file_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Home("default", tmp_path / "state", tmp_path / "config")
    monkeypatch.setenv("HEALSTREAM_STATE", str(place.state))
    monkeypatch.setenv("HEALSTREAM_CONFIG", str(place.config))
    init(place, "ada")
    for words in (["killswitch", "engage", "--reason", "fire"], ["up"], ["init"], ["backup", str(tmp_path / "kept")]):
        with pytest.raises(SystemExit) as end:
            run([*words, "--dry-run"])
        assert (end.value.code or 0) == 0, words
        assert "(--dry-run)" in capsys.readouterr().err
    assert not place.stop_file.exists()
    assert not (tmp_path / "kept").exists()
    assert not place.running.exists()


@pytest.mark.parametrize(("words", "name"), [(["status", "--name", "b"], "b"), (["status", "--name=b"], "b"), (["status"], ""), ([], "")])
def test_the_next_command_is_meant_for_the_copy_that_the_call_named(words: list[str], name: str) -> None:
    assert copy_in(words) == name
    hint = "Run `healstream up`, then `healstream explain FILE`, or `make setup`"
    assert for_copy(hint, copy_in(words)) == (hint.replace("healstream up", "healstream up --name b") if name else hint)
    assert for_copy(hint, "b; rm x") == hint


def test_a_named_copy_that_does_not_run_is_not_answered_with_the_start_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEALSTREAM_STATE", str(tmp_path))
    with pytest.raises(SystemExit) as end:
        run(["status", "--name", "other"])
    assert end.value.code == 5
    assert "`healstream up --name other`" in capsys.readouterr().err
