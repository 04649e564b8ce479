"""No command of a page is left out: a session plays it, the running copy is asked it once, or it stands in the closed table."""

from __future__ import annotations

from functools import cache

import pytest

from tests.docs.loose import calls_by_page, line_calls, lines_to_type, made_pages, named_only, session_calls, to_type, written_pages
from tests.docs.standing import EXITS, STANDS_FOR, covers, shape, skeleton, typed
from tests.docs.unplayed import UNPLAYED, row_of
from tests.docs.written import ROOT, Call, calls_in


def call_of(text: str) -> Call:
    [found] = calls_in("page", f"    {text}\n")
    return found


@cache
def words_of_all() -> list[str]:
    calls = [" ".join(typed(call)) for call in calls_by_page({**written_pages(), **made_pages()})]
    return [*calls, *(line.text for line in lines_to_type())]


def test_no_row_of_the_table_is_dead_and_each_names_a_test_that_is_there_or_a_reason() -> None:
    needed = {row_of(call) for call in calls_by_page({**written_pages(), **made_pages()})}
    assert needed - {""} == set(UNPLAYED)
    named = [word.strip(",:;") for reason in UNPLAYED.values() for word in reason.split() if word.startswith("tests/")]
    assert named
    assert [place for place in named if not (ROOT / place).exists()] == []


def test_no_session_plays_what_the_table_says_is_not_played() -> None:
    assert [call for call in session_calls() if row_of(call)] == []


def test_a_command_that_a_sentence_only_names_is_played_with_what_it_needs_elsewhere() -> None:
    played = [typed(call) for call in (*session_calls(), *line_calls(), *to_type())]
    missing = [call for call in named_only() if not any(words[: len(call.argv)] == call.argv for words in played)]
    assert missing == []


def test_what_differs_in_place_holders_reasons_and_speaker_alone_is_played_once() -> None:
    one, other = (shape(typed(call_of(f"healstream {text}"))) for text in ("incident get ID", "incident get INCIDENT"))
    assert one == other
    assert shape(("freeze", "lift", "ID", "--as", "ada")) == ("freeze", "lift", "*")
    assert covers(("rollout", "set", "rerun_job", "approve"), ("rollout", "set", "*", "*"))
    assert not covers(("rollout", "set", "rerun_job", "approve"), ("rollout", "set", "*", "observe"))
    assert skeleton(("strategy", "get", "a")) == skeleton(("strategy", "get", "b"))


def test_make_is_the_command_that_its_recipe_runs() -> None:
    assert typed(call_of("make up")) == ("up",)
    assert typed(call_of("make bench")) == ("make", "bench")


@pytest.mark.parametrize("row", [*STANDS_FOR, *((words, "", None) for words in EXITS)], ids=lambda row: f"{row[0]} {row[1]}")
def test_no_row_of_the_place_holders_and_exits_is_dead(row: tuple[str, str, object]) -> None:
    assert any(text.startswith(row[0]) and row[1] in text for text in words_of_all())
