"""Every infra pattern's own text, planted in logs of jobs that failed by their code: nothing acts, however it is dressed up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from console.recognition import load_recognizer
from learning.classification import Recognizer, classify_log
from schemas.vocabulary import Group, Result, group_of

CATALOGUE = Path(__file__).parents[2] / "learning" / "catalogue"
WORK = "Building module\n" * 30
FAILURE = (
    "=================================== FAILURES ===================================\n"
    "_________ test_total _________\n    def test_total():\n>       assert 3 == 4\nE       assert 3 == 4\n\n"
    "tests/test_cart.py:7: AssertionError\n"
)
SUMMARY = (
    "=========================== short test summary info ============================\n"
    "FAILED tests/test_cart.py::test_total - assert 3 == 4\n"
    "========================= 1 failed, 2 passed in 0.04s ==========================\n"
    "##[error]Process completed with exit code 1.\n"
)
COMPILER = (
    "src/main.c: In function 'main':\nsrc/main.c:7:5: error: expected ';' before 'return'\n"
    "make: *** [Makefile:3: main.o] Error 1\n##[error]Process completed with exit code 2.\n"
)


def each_line(before: str, text: str) -> str:
    """Return a text with something before each of its lines."""
    return "".join(f"{before}{line}\n" for line in text.split("\n"))


DISGUISES: dict[str, Callable[[str], str]] = {
    "captured output of the failing test": lambda text: f"{FAILURE}---- Captured stdout call ----\n{text}\n{SUMMARY}",
    "an echo before the tests": lambda text: f"{each_line('+ echo ', text)}{text}\ncollected 3 items\n\n{FAILURE}{SUMMARY}",
    "the name of a passing test": lambda text: (
        f"tests/test_x.py::test_{text.split(chr(10))[0].replace(' ', '_')} PASSED\n{FAILURE}{SUMMARY}"
    ),
    "a diff in an assertion": lambda text: f"{FAILURE}{each_line('E         - ', text)}{SUMMARY}",
    "an error that a retry overcame": lambda text: f"{text}\nretrying\ndone\n{WORK}{COMPILER}",
    "a comment of the compiled file": lambda text: f"{each_line('    // ', text)}{WORK}{COMPILER}",
    "a commit message": lambda text: f"HEAD is now at 1a2b3c4\n{each_line('    ', text)}{WORK}{COMPILER}",
    "a group of an earlier step": lambda text: f"##[group]Run ./try\n{text}\n##[endgroup]\n{WORK}{COMPILER}",
    "a log that is shown": lambda text: f"+ cat last.log\n{each_line('> ', text)}{WORK}{FAILURE}{SUMMARY}",
    "a warning": lambda text: f"{each_line('warning: ', text)}{WORK}{COMPILER}",
}


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    """Return the shipped recognition."""
    return load_recognizer(CATALOGUE)


@pytest.mark.parametrize("disguise", DISGUISES)
def test_nothing_acts_on_a_code_failure_that_prints_an_infra_failures_words(disguise: str, recognizer: Recognizer) -> None:
    acting = []
    for pattern in recognizer.matcher.catalogue.patterns:
        if group_of(pattern.kind) is Group.INFRA:
            said = classify_log(WORK + DISGUISES[disguise](pattern.examples[0]), Result.FAILURE, recognizer)
            acting += [(pattern.id, said.pattern, said.reasons)] if said.acts else []
    assert acting == []


def test_nothing_is_seen_on_a_success_that_prints_every_words(recognizer: Recognizer) -> None:
    for pattern in recognizer.matcher.catalogue.patterns:
        said = classify_log(f"{WORK}{pattern.examples[0]}\n{WORK}", Result.SUCCESS, recognizer)
        assert (said.group, said.acts) == (Group.NONE, False), pattern.id
