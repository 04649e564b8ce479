"""The structure of a log is read the same under every runner's decorations."""

from __future__ import annotations

import pytest

from learning.structure import Verdict, clean_lines, read_structure


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-02T10:00:00.1234567Z error: broken",
        "\x1b[31merror: broken\x1b[0m",
        "[2026-01-02T10:00:00.123Z] error: broken",
        "section_start:1700000000:build\r\x1b[0Kerror: broken",
        "travis_fold:start:x\rerror: broken",
        "##[command]error: broken",
        "#19 22.32 error: broken",
        "10:00:00 error: broken",
        "error: broken\r",
    ],
)
def test_decorations_of_runners_are_taken_off(line: str) -> None:
    """Given one message under different runners, then its clean line is the same."""
    assert clean_lines(line) == ["error: broken"]


@pytest.mark.parametrize(
    ("text", "verdict", "exit_line"),
    [
        ("a\n##[error]Process completed with exit code 1.", Verdict.FAILED, 2),
        ('The command "x" exited with 1.\nDone. Your build exited with 0.', Verdict.PASSED, 1),
        ('The command "x" exited with 0.\n\nDone. Your build exited with 0.', Verdict.PASSED, 0),
        ("a\nJob succeeded", Verdict.PASSED, 0),
        ("a\nFinished: FAILURE", Verdict.FAILED, 2),
        ("ERROR: Job failed: exit code 1", Verdict.FAILED, 1),
        ("a\n##[error]Bash exited with code '2'.", Verdict.FAILED, 2),
        ("ERROR: Job failed: canceled", Verdict.FAILED, 1),
        ("nothing said", Verdict.UNSAID, 0),
    ],
)
def test_the_verdict_and_the_failing_step_are_found(text: str, verdict: Verdict, exit_line: int) -> None:
    """Given a runner's last words, then how it ended and where is known."""
    structure = read_structure(text)
    assert (structure.verdict, structure.exit_line) == (verdict, exit_line)


def test_the_last_error_block_and_what_passed_before_are_separated() -> None:
    """Given an error in a passed command and one before the exit, then only the second is in the block."""
    text = (
        "error: old\n"
        'The command "a" exited with 0.\n' + "work\n" * 10 + "error: one\nfatal: two\n" + 'The command "b" exited with 2.\nlater'
    )
    structure = read_structure(text)
    assert structure.begin == 2
    assert structure.error_lines() == ("error: one", "fatal: two")
    assert structure.end == 15


def test_retries_and_giving_up_are_seen() -> None:
    """Given retry messages, then their lines are known, and whether they ended in giving up."""
    assert read_structure("x failed. Retrying, 2 of 3\nok").retries == (1,)
    assert read_structure("Retrying\nfailed 3 times.").gave_up


def test_a_log_without_errors_has_no_block() -> None:
    """Given a quiet log, then there is no error block."""
    assert read_structure("all is well").error_lines() == ()
