"""Who may teach: nobody more than a fair share, nobody who contradicts what is settled."""

from __future__ import annotations

import pytest

from learning.teachers import MIN_LESSONS, SourceRow, why_not_teach

FAIR = {f"from/{number}": SourceRow(lessons=10, settled=10, dissents=1) for number in range(10)}


def test_a_careful_source_teaches() -> None:
    assert why_not_teach("from/1", FAIR) == ""
    assert why_not_teach("from/new", FAIR) == ""
    assert why_not_teach("from/only", {}) == ""


def test_one_source_does_not_teach_more_than_its_share() -> None:
    assert "35 of 135 lessons" in why_not_teach("from/loud", {**FAIR, "from/loud": SourceRow(lessons=35)})


def test_where_there_are_few_sources_each_may_teach_much() -> None:
    assert why_not_teach("a", {"a": SourceRow(lessons=500)}) == ""
    assert why_not_teach("a", {"a": SourceRow(lessons=500), "b": SourceRow(lessons=1)}) == ""
    assert why_not_teach("a", {"a": SourceRow(lessons=MIN_LESSONS), **FAIR}) != ""


@pytest.mark.parametrize(("dissents", "settled", "stops"), [(1, 10, False), (8, 8, True), (5, 7, False), (4, 8, False), (30, 50, True)])
def test_who_surely_contradicts_what_is_settled_stops(dissents: int, settled: int, stops: bool) -> None:
    why = why_not_teach("from/x", {**FAIR, "from/x": SourceRow(5, settled, dissents)})
    assert bool(why) is stops


def test_a_refused_label_is_remembered_without_being_a_lesson() -> None:
    assert SourceRow().with_refusal(is_settled=True, is_dissent=True) == SourceRow(0, 1, 1)
    assert SourceRow().with_lesson(is_settled=False, is_dissent=True) == SourceRow(1, 0, 0)
