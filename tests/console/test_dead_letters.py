"""The dead letters as people see them: one line for all that say the same, each by itself, and one in full."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.dead_letters import complaint_rows, letter_rows, letters_at
from schemas.errors import NotFoundError
from schemas.oversight import DeadLetter, DeadOrigin
from tests.support.failures import at


def letter(offset: int, error: str = "undecodable: no magic byte", stage: str = "ingest", value: str = "junk") -> DeadLetter:
    origin = DeadOrigin("ci.logs", 2, offset, at(offset), "github/acme/api/1", (("hs-kind", "x"),))
    return DeadLetter(origin, stage, error, 1, f"{offset:064x}", value)


def test_all_that_say_the_same_are_one_line_with_the_newest_and_their_count() -> None:
    rows = complaint_rows([letter(1), letter(2, "undecodable: 3 bytes"), letter(4, "oversized: 9 MiB"), letter(3, stage="classify")])
    assert [(row["origin"], row["stage"], row["reason"], row["count"]) for row in rows] == [
        ("ci.logs/2/4", "ingest", "oversized: 9 MiB", 1),
        ("ci.logs/2/3", "classify", "undecodable: no magic byte", 1),
        ("ci.logs/2/2", "ingest", "undecodable: 3 bytes", 2),
    ]


def test_each_letter_stands_by_itself_the_newest_first_with_the_beginning_of_what_may_be_shown() -> None:
    rows = letter_rows([letter(1), letter(2, value="x" * 5000)])
    assert [(row["origin"], row["count"], len(str(row["shown"]))) for row in rows] == [("ci.logs/2/2", 1, 200), ("ci.logs/2/1", 1, 4)]


def test_one_record_is_shown_in_full_once_for_each_stage_that_could_not_use_it() -> None:
    long = letter(2, value="x" * 5000)
    rows = letters_at([letter(1), long, replace(long, stage="classify")], "ci.logs/2/2")
    assert [(row["stage"], row["shown"], row["key"], row["headers"]) for row in rows] == [
        (stage, "x" * 5000, "github/acme/api/1", {"hs-kind": "x"}) for stage in ("ingest", "classify")
    ]


@pytest.mark.parametrize("origin", ["ci.logs/2/20", "ci.logs/2", ""])
def test_a_place_from_which_no_letter_comes_is_not_found(origin: str) -> None:
    with pytest.raises(NotFoundError, match="no dead letter comes from there"):
        letters_at([letter(2)], origin)
