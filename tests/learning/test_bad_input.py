"""Logs that are no proper logs: each is read without an error, in bounded time and memory, and says nothing that is not there."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from learning.classification import Recognizer, classify_log
from schemas.vocabulary import Kind, Result

_DNS = "curl: (6) Could not resolve host: registry.example"
_EXIT = "##[error]Process completed with exit code 1."
_MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("", Kind.UNKNOWN, id="empty"),
        pytest.param("\n\n\n", Kind.UNKNOWN, id="only line ends"),
        pytest.param("x " * _MIB, Kind.UNKNOWN, id="one giant line"),
        pytest.param("x " * _MIB + _DNS, Kind.DNS_RESOLUTION, id="an error at the end of one giant line"),
        pytest.param(bytes(range(256)).decode("latin-1") * 1000, Kind.UNKNOWN, id="binary"),
        pytest.param(f"{_DNS}\n{_EXIT}".encode("utf-16").decode("utf-8", "replace"), Kind.UNKNOWN, id="another encoding"),
        pytest.param(f"\udce4\udcff\ufffd\n{_DNS}\n{_EXIT}", Kind.DNS_RESOLUTION, id="broken UTF-8"),
        pytest.param(f"start\r\n{_DNS}\r\n{_EXIT}\r\n", Kind.DNS_RESOLUTION, id="CRLF"),
        pytest.param(f"10%\r50%\r{_DNS}\n{_EXIT}\n", Kind.DNS_RESOLUTION, id="a progress bar that ends in an error"),
        pytest.param(f"{_DNS}\rdone, all fetched\nwork\n", Kind.UNKNOWN, id="an error that was overwritten"),
        pytest.param(f"start\r{_DNS}\r{_EXIT}\r", Kind.DNS_RESOLUTION, id="CR ends every line"),
        pytest.param(f"{_DNS}\n{_EXIT}"[3:-12], Kind.DNS_RESOLUTION, id="cut at both ends, the deciding words whole"),
        pytest.param(f"work\n{_DNS}"[:12], Kind.UNKNOWN, id="cut in the middle of the deciding words"),
        pytest.param(
            f"\x1b[31mcurl\x1b[0m: (6) Could \x1b[1mnot\x1b[0m resolve host: a.example\n{_EXIT}", Kind.DNS_RESOLUTION, id="colours"
        ),
        pytest.param(f"\x1b]0;Job succeeded\x07{_DNS}\n{_EXIT}", Kind.DNS_RESOLUTION, id="a verdict hidden in a window's title"),
        pytest.param(f"\x1b[2J\x1b[H\x1b[8m{_DNS}\x1b[0m\n{_EXIT}", Kind.DNS_RESOLUTION, id="a cleared screen and hidden letters"),
        pytest.param("\x1b[" * 100_000, Kind.UNKNOWN, id="escapes that never end"),
        pytest.param("\x00" * 100_000, Kind.UNKNOWN, id="zero bytes"),
    ],
)
def test_a_broken_log_is_read_for_what_it_shows(text: str, kind: Kind, recognizer: Recognizer) -> None:
    """Given a log that is broken in one way, then the kind is what can be seen in it, within two seconds."""
    recognizer.matcher.make_ready()
    began = time.perf_counter()
    said = classify_log(text, None, recognizer)
    assert said.kind is kind
    assert time.perf_counter() - began < 2.0


def test_parallel_output_does_not_hide_the_error(recognizer: Recognizer) -> None:
    """Given three workers that print in turns, then the one that fails is heard, in its own line."""
    lines = [f"worker {number % 3} | compiling {number}" for number in range(60)]
    lines[50] = f"worker 1 | {_DNS}"
    said = classify_log("\n".join([*lines, _EXIT]), Result.FAILURE, recognizer)
    assert (said.kind, said.line) == (Kind.DNS_RESOLUTION, 51)


def test_another_jobs_failure_that_is_quoted_is_not_this_jobs(recognizer: Recognizer) -> None:
    """Given a failing test's log that quotes an infra failure with its exit line, then the test failed, and nothing acts."""
    quoted = f"Last failure of job build #41:\n    | {_DNS}\n    | {_EXIT}\n"
    own = "work\n" * 10 + "FAILED tests/test_a.py::test_b - assert 1\n==== 1 failed, 2 passed in 0.10s ====\n" + _EXIT
    said = classify_log(quoted + own, Result.FAILURE, recognizer)
    assert (said.kind, said.acts) == (Kind.TEST_FAILURE, False)


def test_a_log_of_100_mb_is_read_from_its_end_in_bounded_memory(recognizer: Recognizer) -> None:
    """Given 100 MB whose cause stands at the end, then it is found with its true line while little more than its end is copied."""
    line = "an ordinary line of a build that prints much\n"
    count = 100_000_000 // len(line)
    text = line * count + f"{_DNS}\n{_EXIT}\n"
    recognizer.matcher.make_ready()
    tracemalloc.start()
    try:
        said = classify_log(text, Result.FAILURE, recognizer)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (said.kind, said.line) == (Kind.DNS_RESOLUTION, count + 1)
    assert peak < 16 * _MIB
