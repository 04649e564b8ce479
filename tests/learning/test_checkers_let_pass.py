"""A checker prints the same whether its findings fail the job or not: what tells is the command, and whether work follows."""

from __future__ import annotations

import pytest

from learning.classification import Recognizer, classify_log
from schemas.vocabulary import Kind, Result

_PYLINT = "shop/total.py:14:0: C0301: Line too long (120/100) (line-too-long)\n\nYour code has been rated at 7.87/10\n"
_FLAKE8 = "./cart/total.py:14:80: E501 line too long (88 > 79 characters)\n2\n"
_ESLINT = "/w/src/cart.js\n  14:9  error  'total' is never used  no-unused-vars\n\n\u2716 1 problem (1 error, 0 warnings)\n"
_GOLANGCI = "store.go:77:15: SA1019: ioutil.ReadAll is deprecated (staticcheck)\n1 issues:\n* staticcheck: 1\n"
_RUBOCOP = "shop.rb:1:1: C: Style/Documentation: Missing comment.\n\n1 file inspected, 1 offense detected\n"
_FINDINGS = (
    ("pylint", "--exit-zero", _PYLINT),
    ("flake8", "--exit-zero", _FLAKE8),
    ("eslint", "|| true", _ESLINT),
    ("golangci-lint", "--issues-exit-code=0", _GOLANGCI),
    ("rubocop", "|| exit 0", _RUBOCOP),
)


@pytest.mark.parametrize(("tool", "flag", "findings"), _FINDINGS)
def test_findings_of_a_checker_that_was_told_to_pass_are_no_failure(tool: str, flag: str, findings: str, recognizer: Recognizer) -> None:
    """Given findings at the end of a log that states nothing, then they are named, but not under a command that was told to pass."""
    assert classify_log(f"$ {tool} .\n{findings}", None, recognizer).kind is Kind.LINT_OR_POLICY
    assert classify_log(f"$ {tool} . {flag}\n{findings}", None, recognizer).kind is Kind.UNKNOWN


@pytest.mark.parametrize(("tool", "_flag", "findings"), _FINDINGS)
def test_work_after_the_findings_of_a_checker_shows_that_they_did_no_harm(
    tool: str, _flag: str, findings: str, recognizer: Recognizer
) -> None:
    """Given findings and then work, then nothing is named; what a runner says when it closes a job is no work."""
    assert classify_log(f"$ {tool} .\n{findings}docs were built\n", None, recognizer).kind is Kind.UNKNOWN
    closing = "\nBuild teardown\nYou already have a cache for this.\nSearching for test report files in directories named [reports]\n"
    assert classify_log(f"$ {tool} .\n{findings}{closing}", None, recognizer).kind is Kind.LINT_OR_POLICY


@pytest.mark.parametrize(
    "text",
    [
        "\u2716 1 problem (0 errors, 1 warning)\n",
        'cart/total.py:14: note: Revealed type is "builtins.int"\nSuccess: no issues found in 12 source files\n',
        "cart/total.py:14: note: By default the bodies of untyped functions are not checked  [annotation-unchecked]\n",
        "store.go:77:15: level=warning\n0 issues.\n",
    ],
)
def test_warnings_and_notes_of_a_checker_are_no_failure(text: str, recognizer: Recognizer) -> None:
    """Given a checker that only warns, at the very end of a log that states nothing, then nothing is named."""
    assert classify_log(f"work\n{text}", None, recognizer).kind is Kind.UNKNOWN


def test_a_stated_failure_outweighs_a_command_that_was_told_to_pass(recognizer: Recognizer) -> None:
    """Given a job that failed, by its log or by its conclusion, then the checker is named whatever its command or what follows."""
    text = f"$ flake8 --exit-zero .\n{_FLAKE8}docs were built\n$ eslint .\n{_ESLINT}"
    assert classify_log(text, Result.FAILURE, recognizer).kind is Kind.LINT_OR_POLICY
    assert classify_log(f"{text}ERROR: Job failed: exit code 1\n", None, recognizer).kind is Kind.LINT_OR_POLICY
