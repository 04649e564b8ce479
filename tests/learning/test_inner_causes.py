"""What is named where a tool that nobody has patterns for fails, and where a line tells why the connection in it failed."""

from __future__ import annotations

import pytest

from learning.classification import Classification, Recognizer, classify_log, classify_read
from learning.reading import read_log
from schemas.vocabulary import Kind, Result


def _told(text: str, recognizer: Recognizer) -> Classification:
    return classify_log(text, Result.FAILURE, recognizer)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("frobnicate: no such release of left-pad is available", Kind.DEPENDENCY_RESOLUTION),
        ("frobnicate: cannot go on, the signing key was not found", Kind.AUTH_CREDENTIALS),
        ("frobnicate: the parameter Source refers to a file that does not exist", Kind.BUILD_CONFIG_ERROR),
        ('"frob buildd" does not exist. Did you mean "frob build"?', Kind.BUILD_CONFIG_ERROR),
        ("frobnicate: static checks failed with 3 errors", Kind.LINT_OR_POLICY),
        ("frobnicate: src/a.nim(3, 2) Error: total is not declared", Kind.COMPILE_ERROR),
        ("frobnicate: 12 scenarios, 1 failed", Kind.TEST_FAILURE),
        ("frobnicate: the tool jq could not be found", Kind.ENVIRONMENT_CONFIG),
        ("frobnicate: frob.lock: the lockfile is out of date", Kind.LOCKFILE_MISMATCH),
        ("frobnicate: its broker is not reachable", Kind.SERVICE_UNAVAILABLE),
    ],
)
def test_words_that_many_tools_share_name_what_an_unknown_tool_says(line: str, kind: Kind, recognizer: Recognizer) -> None:
    """Given a failure of a tool that no pattern knows, then the words of its error name the kind, and nothing acts on them."""
    found = _told(f"+ frobnicate --all\nreading\n{line}\nProcess completed with exit code 1.\n", recognizer)
    assert found.kind is kind
    assert not found.acts


def test_words_alone_name_nothing_where_no_failure_is_stated(recognizer: Recognizer) -> None:
    """Given the same words in a log that states no failure, then nothing is named."""
    assert classify_log("reading\nfrobnicate: could not find package `left-pad`\nmore work\n", None, recognizer).abstained


def test_the_cause_counts_among_words_too(recognizer: Recognizer) -> None:
    """Given the word for a missing package behind the word for a name that does not resolve, then the name is the cause."""
    text = "frob: lookup frob.example: no such host\nfrob: no such package `left` is available\nProcess completed with exit code 1.\n"
    assert _told(text, recognizer).kind is Kind.DNS_RESOLUTION


def test_a_failed_connection_to_the_jobs_own_machine_is_its_own_service(recognizer: Recognizer) -> None:
    """Given a pattern of a failed connection whose line names this machine, then a service of the job is what is down."""
    text = "curl: (7) Failed to connect to localhost port 8081: Connection refused\nProcess completed with exit code 7.\n"
    read = read_log(text, recognizer.matcher).without({"localhost-refused"}.__contains__)
    assert classify_read(read, Result.FAILURE, recognizer).kind is Kind.SERVICE_UNAVAILABLE


def test_a_command_that_could_not_start_is_no_lost_agent(recognizer: Recognizer) -> None:
    """Given Jenkins' word that a command was not run and the program that is missing, then the machine lacks it."""
    text = (
        "FATAL: command execution failed\njava.io.IOException: error=2, No such file or directory\n"
        'Caused: java.io.IOException: Cannot run program "frob" (in directory "/w"): error=2, No such file or directory\n'
        "Finished: FAILURE\n"
    )
    assert _told(text, recognizer).kind is Kind.ENVIRONMENT_CONFIG
