"""The structure of a log is read the same under every runner's decorations."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from learning.classification import Recognizer, classify_log
from learning.marks import MARK_RULES, MarkKind, MarkRule
from learning.structure import Structure, Verdict, clean_line, from_signals, structure_of, to_signals
from schemas.vocabulary import Kind

STOPPED = ["make: *** [all] Error 2", "ninja: build stopped: subcommand failed."]
TOLERATED = [
    "$ flake8 --exit-zero --count .",
    "+ pylint --exit-zero shop",
    "Run bundle exec rubocop || true",
    "$ golangci-lint run --issues-exit-code=0",
    "+ npx eslint . || exit 0",
    "[lint] $ mypy shop || echo 'types are not held yet'",
]
# The command of no checker, one that may fail, and a text that is no command.
NOT_TOLERATED = ["$ mkdir build || true", "$ flake8 .", "use --exit-zero to pass", "$ tar czf lint.tgz . || true"]
MARKED = [
    "Build timed out (after 133 minutes). Marking the build as failed.",
    "Exited with status -1",
    "Phase complete: PRE_BUILD Success: false",
    "Your build exited with 1",
    "The command x exited with 1.",
    "Process completed with exit code 1",
    "OK",
    "OK (3 tests)",
    "##[error]The operation was canceled.",
    "== 3 passed in 0.1",
    "Done. Your build exited with 0.",
    "Retrying",
    "will retry",
    "attempt 1 of 3",
    "giving up",
    "BUILD SUCCESSFUL",
    "test result: ok.",
    "Job succeeded",
    "ERROR: Job failed: exit code 1",
    "Finished: FAILURE",
    "Bash exited with code '1'",
    "script returned exit code 1",
    "script returned exit code -1",
    "Job build completed with result: Failed",
    "Job build completed with result: Succeeded",
    "Phase complete: BUILD State: FAILED",
    "Phase complete: BUILD State: SUCCEEDED",
    "##[error]Exit code 1 returned from process: file name 'node'",
    "Exited with code exit status 2",
    "Exited with code 2",
    "CircleCI received exit code 1",
    "Error: The command exited with status 1",
    "Process exited with code 1",
    "Command exited with code 1",
    "Command did not exit successfully make test exit status 2",
    'ERROR: build step 1 "img" failed: step exited with non-zero status: 1',
    "Waiting 14 seconds before trying again",
    "(Attempt 2/3 Timeout 60s)",
    "Will be retried in 5s ...",
    "PASS",
    "ok  \texample.test/cart\t0.012s",
    "12 runs, 30 assertions, 0 failures, 0 errors, 1 skips",
    "Tests:       1 skipped, 11 passed, 12 total",
    "Apply complete! Resources: 1 added, 0 changed, 0 destroyed.",
    "Your build has been stopped.",
    "travis_fold:end:after_failure",
    "travis_fold:end:after_success",
    "Uploading artifacts for failed job",
    "Saving cache for successful job",
    "store build cache",
    "Post job cleanup.",
    "~~~ Running agent pre-exit hook",
    "Tests run: 85, Failures: 0, Errors: 0, Skipped: 0",
    "travis_fold:start:after_failure",
    "travis_fold:start:after_success",
    "Uploading artifacts for successful job",
    "Build step 'Execute shell' marked build as failure",
    "Build step 'Publish JUnit test result report' changed build result to UNSTABLE",
    "user command error: exit status 1",
    "Build script returned non-zero exit code: 2",
    "Exit status: 1",
]
# What tools say of a run that passed; each line is of another tool.
PASSED = [
    "Test Suites: 2 passed, 2 total",
    "12 passed, 1 skipped, 3 warnings in 0.31s",
    "  2 passing (21ms)",
    "  5 tests passed",
    " Test Files  3 passed (3)",
    "Chrome Headless 120.0 (Linux x86_64): Executed 12 of 12 SUCCESS (0.1 secs / 0.05 secs)",
    "TOTAL: 12 SUCCESS",
    "    \u2714  All specs passed!                        00:12        4        4        -        -        -",
    "OK, but incomplete, skipped, or risky tests!",
    "# fail 0",
    "\u2139 fail 0",
    "Test Run Successful.",
    "Passed!  - Failed:     0, Passed:    12, Skipped:     0, Total:    12",
    "Build succeeded.",
    "12 scenarios (12 passed)",
    "  Tests:    12 passed (30 assertions)",
    "[ FAIL 0 | WARN 0 | SKIP 0 | PASS 12 ]",
    "Status: OK",
    "[doctest] Status: SUCCESS!",
    "Result: PASS",
    "All tests successful.",
    "*** No errors detected",
    "100% tests passed, 0 tests failed out of 12",
    "     Summary [   1.204s] 12 tests run: 12 passed, 1 skipped",
    "\t Executed 12 tests, with 0 failures (0 unexpected) in 0.1 (0.2) seconds",
    "** TEST SUCCEEDED **",
    "Executed 12 out of 12 tests: 12 tests pass.",
    "[info] Passed: Total 12, Failed 0, Errors 0, Passed 12",
    "[info] 12 examples, 0 failure, 0 error",
    "Cases: 3  Tried: 3  Errors: 0  Failures: 0",
    "Test Successful in 0.012s. 12 tests run.",
    "1 of 1 test suites (1 of 1 test cases) passed.",
    "12 successes / 0 failures / 0 errors / 0 pending : 0.01 seconds",
    "     Testing Cart tests passed",
    "# FAIL:  0",
    "All 12 tests passed (0.10s)",
    "1 doctest, 12 tests, 0 failures, 1 excluded",
]
RETRIED = ["Attempt 1 failed, trying again in 5 s", "spurious network error (1 try remaining)", "falling back to the mirror"]
FETCHED = [
    "Successfully installed acme-wire-2.1.0",
    "Successfully tagged acme/app:1",
    "added 120 packages, and audited 121 packages in 3s",
    "Bundle complete! 4 Gemfile dependencies, 12 gems now installed.",
    "Installed 12 packages in 31ms",
    "Generating autoload files",
    "found 0 vulnerabilities",
    "Complete!",
    "success Saved lockfile.",
    "\u27a4 YN0000: \u00b7 Done in 3s 120ms",
    "Resolving deltas: 100% (3/3), done.",
    "HEAD is now at 1a2b3c4 Add a cart",
    "Status: Downloaded newer image for alpine:3.20",
    "latest: digest: sha256:1a2b size: 1234",
    "Login Succeeded",
    'deployment "cart" successfully rolled out',
    "STATUS: deployed",
    "done.",
    "...ignoring",
    "Codecov upload failed, continuing",
    "    -> Uploading to Codecov failed, but exit code is 0 as -Z was not given",
    "config.status: creating Makefile",
    "-- Build files have been written to: /w/build",
    "Setting up curl (7.68.0) ...",
    "Processing triggers for man-db (2.9.1-1) ...",
    "Connection to localhost 3306 port [tcp/mysql] succeeded!",
    "pod/cart condition met",
    "namespace/cart created",
]
WENT_ON = [
    "Success: no issues found in 12 source files",
    "No issues found!",
    "12 files inspected, no offenses detected",
    " [OK] No errors",
    "No errors found!",
    "No vulnerabilities found.",
    "All matched files use Prettier code style!",
    "2 files reformatted, 1 file left unchanged",
    "3 files already formatted",
    "0 errors, 2 warnings, 0 informations",
    "\u2716 2 problems (0 errors, 2 warnings)",
    "You have 0 Checkstyle violations.",
    "Success! The configuration is valid.",
    "0 issues.",
    "BUILD SUCCESSFUL in 3s",
    "    Finished `dev` profile [unoptimized + debuginfo] target(s) in 1.63s",
    "    Finished release [optimized] target(s) in 12.1s",
    "INFO: Build completed successfully, 12 total actions",
    "[success] Total time: 3 s, completed Jan 2, 2026",
    "** BUILD SUCCEEDED **",
    "webpack 5.90.0 compiled successfully in 1204 ms",
    "webpack 5.90.0 compiled with 2 warnings in 1204 ms",
    "\u2713 built in 3.21s",
    "created dist/cart.js in 1.2s",
    "[100%] Built target cart",
    "\u2713 Compiled successfully",
    "\u2728  Done in 3.20s.",
]


def structure_in(text: str, recognizer: Recognizer) -> Structure:
    lines = text.split("\n")
    return structure_of(recognizer.matcher.read(text.encode()).marks, len(lines), lines, 1)


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
        "2024-01-02 10:00:00.123456 | error: broken",
        "[10:00:00] error: broken",
        "[10:00:00]W: [Step 2/3] error: broken",
        "[Container] 2024/03/11 10:00:01.123456 error: broken",
        'Step #1 - "build": error: broken',
        "error: broken\r",
        "2026-01-02 10:00:00 error: broken",
        "2026-01-02T10:00:00+01:00 error: broken",
        "2024-01-02 10:00:00.123456 | ubuntu-jammy | error: broken",
        "[2026-01-02 10:00:00] error: broken",
        "[task 2026-01-02T10:00:00.123Z] error: broken",
        "error\t02-Jan-2026 10:00:00\terror: broken",
    ],
)
def test_decorations_of_runners_are_taken_off(line: str) -> None:
    """Given one message under different runners, then its clean line is the same."""
    assert clean_line(line) == "error: broken"


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
        ("a\nERROR: Job failed: command terminated with exit code 1", Verdict.FAILED, 2),
        ("a\nExited with code exit status 2\nCircleCI received exit code 2", Verdict.FAILED, 2),
        ("a\nERROR: script returned exit code -1\nFinished: FAILURE", Verdict.FAILED, 2),
        ("a\nFinished: NOT_BUILT", Verdict.FAILED, 2),
        ("Process exited with code 1", Verdict.FAILED, 1),
        ("CircleCI received exit code 0", Verdict.PASSED, 0),
    ],
)
@pytest.mark.parametrize("clock", ["", "2026-01-02T10:00:00.1234567Z ", "\x1b[32;1m"])
def test_the_verdict_and_the_failing_step_are_found(
    text: str, verdict: Verdict, exit_line: int, clock: str, recognizer: Recognizer
) -> None:
    """Given a runner's last words, with or without a clock before each line, then how it ended and where is known."""
    structure = structure_in("\n".join(clock + line for line in text.split("\n")), recognizer)
    assert (structure.verdict, structure.exit_line) == (verdict, exit_line)


def test_the_last_error_block_and_what_passed_before_are_separated(recognizer: Recognizer) -> None:
    """Given an error in a passed command and one before the exit, then only the second is in the block."""
    text = (
        "error: old\n"
        'The command "a" exited with 0.\n' + "work\n" * 10 + "error: one\nfatal: two\n" + 'The command "b" exited with 2.\nlater'
    )
    structure = structure_in(text, recognizer)
    assert structure.begin == 2
    assert structure.block == ("error: one", "fatal: two")
    assert [structure.is_in_block(line) for line in (12, 13, 14, 15)] == [False, True, True, False]
    assert structure.end == 15


def test_retries_and_giving_up_are_seen(recognizer: Recognizer) -> None:
    """Given retry messages, then the last one's line is known, and whether they ended in giving up."""
    assert structure_in("Retrying\nx failed. Retrying, 2 of 3\nok", recognizer).last_retry == 2
    assert structure_in("Retrying\nfailed 3 times.", recognizer).gave_up


def test_without_a_stated_end_the_last_shown_error_is_where_the_step_ended(recognizer: Recognizer) -> None:
    """Given a runner that cleans up after an error that it shows, then places are counted from that error."""
    structure = structure_in("##[error]one\nwork\n##[error]Gradle build failed\n" + "Post job cleanup.\n" * 9, recognizer)
    assert (structure.end, structure.verdict) == (3, Verdict.UNSAID)


def test_a_log_without_errors_has_no_block(recognizer: Recognizer) -> None:
    """Given a quiet log, then there is no error block."""
    assert structure_in("all is well", recognizer).block == ()


def test_a_structure_comes_back_from_its_signals_without_its_block(recognizer: Recognizer) -> None:
    """Given a structure, then what a detection carries of it tells the same places."""
    structure = structure_in("error: x\nRetrying\nOK\nfailed 3 times\nProcess completed with exit code 7.\nlater", recognizer)
    assert from_signals(dict(to_signals(structure))) == replace(structure, block=(), block_first=0)
    assert from_signals({}) == Structure()
    assert from_signals({"log.end": "-7", "log.verdict": "odd"}) == Structure()


@pytest.mark.parametrize("rule", MARK_RULES, ids=lambda rule: rule.hint[:30])
def test_a_mark_is_hinted_at_wherever_it_is_confirmed(rule: MarkRule) -> None:
    """Given a line that a rule confirms, then the automaton's hint finds it too."""
    confirmed = [
        line for line in (*MARKED, *PASSED, *WENT_ON, *FETCHED, *RETRIED, *TOLERATED, *STOPPED) if re.search(rule.expression, line)
    ]
    assert confirmed
    assert all(re.search(rule.hint, line) for line in confirmed)


@pytest.mark.parametrize("clock", ["", "2026-01-02T10:00:00.1234567Z ", "\x1b[32m"])
@pytest.mark.parametrize(
    ("kind", "lines"),
    [(MarkKind.SOFT_PASS, PASSED), (MarkKind.WENT_ON, WENT_ON), (MarkKind.FETCHED, FETCHED), (MarkKind.TOLERATED, TOLERATED)],
    ids=["passed", "went on", "fetched", "tolerated"],
)
def test_a_tools_word_that_it_passed_is_a_mark(kind: MarkKind, lines: list[str], clock: str, recognizer: Recognizer) -> None:
    """Given what a tool says when all went well, under any clock, then it is known that work went on there."""
    read = recognizer.matcher.read
    assert [line for line in lines if kind not in {mark.kind for mark in read(f"x\n{clock}{line}\ny".encode()).marks}] == []


@pytest.mark.parametrize(
    "line",
    [
        "Test Suites: 1 failed, 1 passed, 2 total",
        "== 1 failed, 12 passed in 0.3s ==",
        "12 examples, 1 failure",
        "  2 failing",
        " Test Files  1 failed | 2 passed (3)",
        "Executed 12 of 12 (1 FAILED) (0.1 secs)",
        "Failed!  - Failed:     1, Passed:    11",
        "12 scenarios (1 failed, 11 passed)",
        "99% tests passed, 1 tests failed out of 100",
        "[ FAIL 1 | WARN 0 | SKIP 0 | PASS 12 ]",
        "3 files would be reformatted, 2 files would be left unchanged.",
        "\u2716 2 problems (1 error, 1 warning)",
        "Executed 12 tests, with 1 failure (0 unexpected)",
        "webpack 5.90.0 compiled with 1 error in 1204 ms",
        "# FAIL:  1",
    ],
)
def test_a_summary_that_failed_is_no_mark_of_success(line: str, recognizer: Recognizer) -> None:
    """Given a summary that counts a failure, then nothing says that work passed."""
    kinds = {mark.kind for mark in recognizer.matcher.read(line.encode()).marks}
    assert not kinds & {MarkKind.SOFT_PASS, MarkKind.WENT_ON, MarkKind.FETCHED}


def test_what_a_successful_tool_overcame_is_not_named(recognizer: Recognizer) -> None:
    """Given an error that a tool went on from in a log that states nothing, then nothing is named; without its success it is."""
    lost = "fatal: unable to access 'https://git.invalid/a.git/': Could not resolve host: git.invalid"
    assert classify_log(f"{lost}\nCloning into 'other'...\ndone.\n", None, recognizer).kind is Kind.UNKNOWN
    assert classify_log(f"{lost}\n", None, recognizer).kind is Kind.DNS_RESOLUTION


def test_a_coverage_that_is_too_low_stands_beside_tests_that_passed(recognizer: Recognizer) -> None:
    """Given tests that passed and a coverage that did not, then the coverage is the failure."""
    text = "FAIL Required test coverage of 85% not reached. Total coverage: 70.95%\n\n===== 120 passed in 14.21s =====\n"
    assert classify_log(text, None, recognizer).kind is Kind.LINT_OR_POLICY


_REFUSED = "curl: (22) The requested URL returned error: 403"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("work\nYour build has been stopped.", Verdict.FAILED),
        (
            "travis_fold:start:after_failure\r\x1b[0K$ ./report\nx\ntravis_time:end:1\r\x1b[0Ktravis_fold:end:after_failure\r\x1b[0K",
            Verdict.FAILED,
        ),
        ("BUILD SUCCESS\nx\ntravis_time:end:1\r\x1b[0Ktravis_fold:end:after_success\r\x1b[0K", Verdict.PASSED),
        ("work\nSaving cache for failed job", Verdict.UNSAID),
        ("work\nUploading artifacts for failed job", Verdict.FAILED),
    ],
)
def test_the_phase_that_a_runner_enters_tells_how_the_job_went(text: str, verdict: Verdict, recognizer: Recognizer) -> None:
    """Given the closing phases of a runner, then the verdict is read from which of them it entered."""
    assert structure_in(text, recognizer).verdict is verdict


@pytest.mark.parametrize("closing", ["store build cache", "Post job cleanup.", "Saving cache for successful job"])
def test_what_fails_while_a_runner_closes_is_no_failure_of_the_job(closing: str, recognizer: Recognizer) -> None:
    """Given an upload that fails while caches are saved, then nothing is named; the same upload in a step is."""
    assert classify_log(f"work\n{closing}\n{_REFUSED}\n", None, recognizer).kind is Kind.UNKNOWN
    assert classify_log(f"work\n{_REFUSED}\n", None, recognizer).kind is Kind.AUTH_CREDENTIALS


def test_plain_work_after_an_error_shows_that_the_job_went_on(recognizer: Recognizer) -> None:
    """Given an error and then work in a log that states nothing, then nothing is named; its own explanation is no work."""
    refused = "curl: (7) Failed to connect to db.example port 5432: Connection refused"
    work = "linking the parts\npacking the result\nshipping the parcel\nclearing the table\n"
    assert classify_log(f"{refused}\n{work}", None, recognizer).kind is Kind.UNKNOWN
    assert classify_log(f"{refused}\nlinking the parts\n", None, recognizer).kind is Kind.NETWORK_CONNECTIVITY
    assert classify_log(f"{refused}\nTo learn more about this, please see the manual.\n", None, recognizer).acts


def test_an_error_that_a_list_of_changes_names_is_not_one(recognizer: Recognizer) -> None:
    """Given the words of an error in a commit's title and in release notes, then nothing is named."""
    for line in ("3c4d5e6 Do not fail when disk is full: No space left on device", " * Fixed: No space left on device when uploading"):
        assert classify_log(f"{line}\n", None, recognizer).kind is Kind.UNKNOWN


@pytest.mark.parametrize("line", NOT_TOLERATED)
def test_only_a_checkers_command_that_was_told_to_pass_is_tolerated(line: str, recognizer: Recognizer) -> None:
    """Given a command of no checker or without such a word, then no mark says that it cannot fail the job."""
    assert MarkKind.TOLERATED not in {mark.kind for mark in recognizer.matcher.read(f"x\n{line}\ny".encode()).marks}
