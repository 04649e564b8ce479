"""How a log tells the end of its job where no command's exit is printed: by a build tool's own last word."""

from __future__ import annotations

import pytest

from learning.classification import Recognizer
from learning.evidence import has_failed
from learning.reading import read_log
from learning.structure import Structure, Verdict, clean_line

_TIME = "2026-01-02T10:00:00.1234567Z "
_FAR_LINES = 60


def _structure_of(text: str, recognizer: Recognizer) -> Structure:
    return read_log(text, recognizer.matcher).structure


@pytest.mark.parametrize(
    "line",
    [
        "make: *** [Makefile:12: all] Error 2",
        "npm ERR! errno 1",
        'ERROR: process "/bin/sh -c ./build.sh" did not complete successfully: exit code: 1',
        "The command '/bin/sh -c ./build.sh' returned a non-zero code: 1",
        "web-1 : ok=4 changed=1 unreachable=0 failed=1 skipped=0",
        "BUILD FAILED in 5s",
    ],
)
def test_the_last_word_of_a_build_tool_states_a_failure(line: str, recognizer: Recognizer) -> None:
    """Given a build tool's word that it failed at the end of a log, then the failure is stated, though no runner says so."""
    structure = _structure_of(f"work\n{line}\n", recognizer)
    assert structure.verdict is Verdict.UNSAID
    assert has_failed(structure, None)


@pytest.mark.parametrize(
    "after",
    ["added 12 packages, and audited 13 packages in 2s", "BUILD SUCCESSFUL in 3s", "work\n" * _FAR_LINES],
    ids=["what it fetched came after all", "another build passed", "much came after it"],
)
def test_what_a_build_tool_said_before_is_no_end(after: str, recognizer: Recognizer) -> None:
    """Given the same word, but something that passed or much else after it, then no failure is stated."""
    assert not has_failed(_structure_of(f"npm ERR! errno 1\n{after}\n", recognizer), None)


def test_an_ignored_error_of_make_states_nothing(recognizer: Recognizer) -> None:
    """Given a recipe's error that make was told to ignore, then no failure is stated."""
    assert not has_failed(_structure_of("make: [Makefile:3: clean] Error 1 (ignored)\n", recognizer), None)


def test_the_columns_before_each_line_of_a_fetched_log_are_taken_off() -> None:
    """Given lines as GitHub's command prints them, with the job and the step before the time, then the tool's own line is left."""
    assert clean_line(f"test (3.12)\tRun the tests\t{_TIME}FAILED tests/test_a.py::test_b") == "FAILED tests/test_a.py::test_b"
    assert clean_line("a\tb\t20 files") == "a\tb\t20 files"


@pytest.mark.parametrize(
    "line",
    [
        "[build:12] error: broken",
        "[build:L12:3s] error: broken",
        "[CI/build]   | error: broken",
        "02-Jan-2026 10:00:00\terror: broken",
        "W0102 10:00:00.123] error: broken",
        "[10:00:00]W:\t [docker] error: broken",
        "[10:00:00] :     [Step 2/2] error: broken",
        "[10:00:00.123] error: broken",
        "9:00:00 AM: error: broken",
        "[9:00:00 PM] error: broken",
        "#12  21.94 error: broken",
    ],
)
def test_the_clocks_of_hosted_builders_are_taken_off(line: str) -> None:
    """Given one message under the clocks and names that runners print, then the tool's own line is left."""
    assert clean_line(line) == "error: broken"
