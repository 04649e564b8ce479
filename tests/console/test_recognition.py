"""The line that speaks for a verdict is the right one in odd and in long logs, and a long log is read from its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.cli.explain import MAX_BYTES, read_log
from console.recognition import load_recognizer, tell
from learning.classification import Recognizer
from schemas.errors import NotFoundError
from schemas.vocabulary import Kind, Result

CATALOGUE = Path(__file__).parents[2] / "learning" / "catalogue"
_DNS = "curl: (6) Could not resolve host: registry.example"


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    """Return the shipped recognition."""
    return load_recognizer(CATALOGUE)


@pytest.mark.parametrize(
    "text",
    [f"one\n{_DNS}\nend\n", f"form\x0cfeed\x85and more\n{_DNS}\n", f"one\r{_DNS}\rend\r", _DNS, "work\n" * 100_000 + _DNS],
    ids=["plain", "letters that other readers take for line ends", "CR alone", "one line", "long"],
)
def test_the_line_that_is_shown_is_the_one_that_speaks(text: str, recognizer: Recognizer) -> None:
    """Given a log in which lines end in odd ways, then the line beside the verdict is the error's."""
    told = tell(text, Result.FAILURE, recognizer)
    assert (told.found.kind, told.line) == (Kind.DNS_RESOLUTION, _DNS)


def test_nothing_is_shown_for_a_log_that_says_nothing(recognizer: Recognizer) -> None:
    """Given an empty log, then no line is shown."""
    assert tell("", Result.FAILURE, recognizer).line == ""


def test_of_a_long_file_the_end_is_read(tmp_path: Path) -> None:
    """Given a file of more than twice what is read, then its last bytes come back, and of a short one all."""
    long, short = tmp_path / "long.log", tmp_path / "short.log"
    long.write_bytes(b"head\n" + b"x" * (2 * MAX_BYTES + 3_000_000) + b"\ntail")
    short.write_bytes(b"a\xff\nb")
    text = read_log(str(long))
    assert (len(text), text[-5:]) == (MAX_BYTES, "\ntail")
    assert read_log(str(short)) == "a\ufffd\nb"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Given a missing file, then the error names it."""
    with pytest.raises(NotFoundError, match="nothing"):
        read_log(str(tmp_path / "nothing.log"))
