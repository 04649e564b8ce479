"""The marks of a CI log: the lines that speak of the job itself, in the words of each CI system, build tool and test runner.

``patterns/matcher.py`` finds them with the hits, ``structure.py`` reads a log's structure from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MarkKind(StrEnum):
    """What a mark says: ``ended`` is a runner's own last word, ``exit`` a step's end, ``flagged`` an error shown as such.

    ``closing`` is where work begins whose failure does not fail the job; ``went_on`` a build's or a checker's word that all is well,
    ``fetched`` the word of what installs, fetches or starts something that it is there; ``tolerated`` a command that cannot fail the job.
    ``stopped`` is a build tool's own last word that it failed.
    """

    ENDED = "ended"
    EXIT = "exit"
    SOFT_PASS = "soft_pass"  # noqa: S105 - a summary that passed, no password
    RETRY = "retry"
    GAVE_UP = "gave_up"
    FLAGGED = "flagged"
    CLOSING = "closing"
    WENT_ON = "went_on"
    FETCHED = "fetched"
    TOLERATED = "tolerated"
    STOPPED = "stopped"


# Of these only the last one in a log means something.
LAST_ONLY = frozenset(
    {
        MarkKind.SOFT_PASS,
        MarkKind.RETRY,
        MarkKind.GAVE_UP,
        MarkKind.FLAGGED,
        MarkKind.CLOSING,
        MarkKind.WENT_ON,
        MarkKind.FETCHED,
        MarkKind.TOLERATED,
        MarkKind.STOPPED,
    }
)


@dataclass(frozen=True, slots=True)
class MarkRule:
    """How a mark is found: the automaton looks for ``hint``, ``expression`` confirms on the clean line; ``code`` stands in for none."""

    kind: MarkKind
    hint: str
    expression: str
    code: int = 1


# The words of Travis, GitLab, Jenkins, Azure, GitHub Actions, CircleCI, Buildkite, TeamCity, AppVeyor, CodeBuild and Cloud Build, and
# of build tools and test runners that sum up.
MARK_RULES: tuple[MarkRule, ...] = (
    MarkRule(MarkKind.ENDED, r"Your build exited with \d", r"Done\. Your build exited with (?P<code>\d+)"),
    MarkRule(
        MarkKind.ENDED,
        r"ERROR: Job failed",
        r"ERROR: Job failed(?:: (?:(?:exit (?:code|status)|command terminated with exit code) )?(?P<code>\d+)?)?",
    ),
    MarkRule(MarkKind.ENDED, r"Finished: (?:FAILURE|ABORTED|UNSTABLE|NOT_BUILT)", r"^Finished: (?:FAILURE|ABORTED|UNSTABLE|NOT_BUILT)\s*$"),
    MarkRule(
        MarkKind.ENDED,
        r"(?:Job succeeded|Finished: SUCCESS|Build success)",
        r"^(?:Job succeeded|Finished: SUCCESS|Build success)\s*$",
        0,
    ),
    MarkRule(MarkKind.ENDED, r"Your build has been stopped", r"^Your build has been stopped\.?\s*$"),
    # Which of its closing phases a runner enters tells how the job went.
    MarkRule(MarkKind.ENDED, r"travis_fold:end:after_failure", r"^travis_fold:end:after_failure"),
    MarkRule(MarkKind.ENDED, r"travis_fold:end:after_success", r"^travis_fold:end:after_success", 0),
    MarkRule(MarkKind.ENDED, r"Uploading artifacts for failed job", r"^Uploading artifacts for failed job\s*$"),
    # Runners enter the phase after a failure once the script has failed; what fails there is no cause.
    MarkRule(MarkKind.ENDED, r"travis_fold:start:after_failure", r"^travis_fold:start:after_failure"),
    # An upload that fails after this does fail the job, so it is no last word.
    MarkRule(
        MarkKind.SOFT_PASS,
        r"(?:Uploading artifacts|Saving cache) for successful job",
        r"^(?:Uploading artifacts|Saving cache) for successful job\s*$",
        0,
    ),
    MarkRule(MarkKind.ENDED, r"completed with result: ", r"^Job .{1,120} completed with result: (?:Failed|Canceled|Abandoned)\s*$"),
    MarkRule(MarkKind.ENDED, r"completed with result: Succeeded", r"^Job .{1,120} completed with result: Succeeded", 0),
    MarkRule(
        MarkKind.ENDED,
        r"Phase complete: [A-Z_]+ (?:State|Success): ",
        r"Phase complete: [A-Z_]+ (?:State: (?:FAILED|TIMED_OUT|FAULT|STOPPED)|Success: false)",
    ),
    MarkRule(
        MarkKind.ENDED,
        r"Build timed out \(after ",
        r"^Build timed out \(after .{1,40}\)\. Marking the build as (?:failed|aborted)\.",
    ),
    MarkRule(MarkKind.ENDED, r"Phase complete: BUILD State: SUCCEEDED", r"Phase complete: BUILD State: SUCCEEDED", 0),
    MarkRule(MarkKind.EXIT, r"exited with \d", r"^(?:\[[\d;]{1,9}m)?The command .{0,2000} (?:failed and )?exited with (?P<code>\d+)"),
    MarkRule(
        MarkKind.EXIT, r"Process completed with exit code \d", r"^(?:##\[error\] ?|Error: )?Process completed with exit code (?P<code>\d+)"
    ),
    MarkRule(MarkKind.EXIT, r"exited with code '\d", r"(?:Bash|PowerShell|Cmd\.exe) exited with code '(?P<code>\d+)'"),
    MarkRule(MarkKind.EXIT, r"Exit code \d+ returned from process", r"^##\[error\]Exit code (?P<code>\d+) returned from process"),
    MarkRule(MarkKind.EXIT, r"script returned exit code -?\d", r"script returned exit code -?(?P<code>\d+)"),
    MarkRule(MarkKind.EXIT, r"Exited with status -?\d", r"^Exited with status -?(?P<code>\d+)"),
    MarkRule(MarkKind.EXIT, r"Exited with code ", r"^Exited with code (?:exit status )?(?P<code>\d+)"),
    MarkRule(MarkKind.EXIT, r"CircleCI received exit code \d", r"^CircleCI received exit code (?P<code>\d+)"),
    MarkRule(MarkKind.EXIT, r"The command exited with status \d", r"Error: The command exited with status (?P<code>\d+)"),
    MarkRule(MarkKind.EXIT, r"Process exited with code \d", r"^Process exited with code (?P<code>\d+)"),
    MarkRule(MarkKind.EXIT, r"Command exited with code \d", r"^Command exited with code (?P<code>\d+)"),
    MarkRule(MarkKind.EXIT, r"Command did not exit successfully", r"Command did not exit successfully .{1,400} exit status (?P<code>\d+)"),
    MarkRule(
        MarkKind.EXIT,
        r"step exited with non-zero status: \d",
        r"^ERROR: build step .{1,200} step exited with non-zero status: (?P<code>\d+)",
    ),
    MarkRule(
        MarkKind.EXIT,
        r"marked build as failure|changed build result to (?:FAILURE|UNSTABLE)",
        r"^Build step '.{1,120}' (?:marked build as failure|changed build result to (?:FAILURE|UNSTABLE))\s*$",
    ),
    MarkRule(MarkKind.EXIT, r"user command error: exit status \d", r"user command error: exit status (?P<code>\d+)"),
    MarkRule(MarkKind.EXIT, r"Build script returned non-zero exit code: \d", r"Build script returned non-zero exit code: (?P<code>\d+)"),
    MarkRule(MarkKind.EXIT, r"Exit status: \d", r"^Exit status: (?P<code>\d+)\s*$"),
    MarkRule(MarkKind.EXIT, r"The operation was canceled", r"^(?:##\[error\]|Error: )The operation was canceled\.?\s*$"),
    MarkRule(
        MarkKind.STOPPED,
        r"(?:BUILD FAIL(?:ED|URE)|FAILURE: Build failed|Build FAILED\.|(?:BUILD|TEST|ARCHIVE|EXPORT) FAILED \*\*|ninja: build stopped"
        r"|error: could not compile|gyp ERR! not ok|failed=[1-9])",
        r"^(?:\[\w+\] )?(?:BUILD FAIL(?:ED|URE)\b|FAILURE: Build failed\b|Build FAILED\.$|\*\* (?:BUILD|TEST|ARCHIVE|EXPORT) FAILED \*\*"
        r"|ninja: build stopped\b|error: could not compile\b|gyp ERR! not ok\b|\S+ +: ok=\d+ .{0,80}failed=[1-9])",
    ),
    MarkRule(
        MarkKind.STOPPED,
        r"(?:did not complete successfully: exit code|returned a non-zero code: [1-9]|failed to solve: |: \*\*\* |npm (?:ERR!|error) "
        r"|Command failed with exit code [1-9]|failed with exit code [1-9]|non-zero exit status [1-9]|exit status [1-9])",
        r"(?:process \".{1,600}\" did not complete successfully: exit code: [1-9]|^The command '.{1,600}' returned a non-zero code: [1-9]"
        r"|\bfailed to solve: |^g?make(?:\[\d+\])?: \*\*\* .{1,300} Error [1-9]\d*$"
        r"|^npm (?:ERR!|error) (?:code \S|errno [1-9]|not ok code|Exit status [1-9])"
        r"|Command failed with exit code [1-9]|failed with exit code [1-9]|returned non-zero exit status [1-9]"
        r"|^(?:.{0,40}: )?exit status [1-9]\d*$)",
    ),
    MarkRule(MarkKind.FLAGGED, r"##\[error\]", r"^##\[error\]"),
    MarkRule(MarkKind.CLOSING, r"travis_fold:start:after_(?:success|script)", r"^travis_fold:start:after_(?:success|script)"),
    MarkRule(MarkKind.CLOSING, r"store build cache", r"^store build cache\s*$"),
    MarkRule(MarkKind.CLOSING, r"Post job cleanup", r"^Post job cleanup\.\s*$"),
    MarkRule(MarkKind.CLOSING, r"Saving cache for ", r"^Saving cache for (?:successful|failed) job\s*$"),
    MarkRule(MarkKind.CLOSING, r"Running agent pre-exit hook", r"^(?:~~~ )?Running agent pre-exit hook\s*$"),
    MarkRule(
        MarkKind.SOFT_PASS,
        r"Failures: 0, Errors: 0",
        r"^(?:\[INFO\] |\[WARNING\] )?Tests run: [1-9]\d*, Failures: 0, Errors: 0, Skipped: \d+\s*$",
        0,
    ),
    MarkRule(MarkKind.SOFT_PASS, r"BUILD SUCCESS", r"\bBUILD SUCCESS(?:FUL)?\b", 0),
    MarkRule(MarkKind.SOFT_PASS, r"test result: ok\.", r"test result: ok\.", 0),
    MarkRule(MarkKind.SOFT_PASS, r"(?:^|[\sZ])OK(?: \(|\s*$)", r"^OK(?: \(|$)", 0),
    MarkRule(MarkKind.SOFT_PASS, r"= \d+ passed", r"=+ \d+ passed.{0,60} in [\d.]+", 0),
    MarkRule(MarkKind.SOFT_PASS, r"PASS\s*$", r"^PASS$", 0),
    MarkRule(MarkKind.SOFT_PASS, r"ok[ \t]+\S+[ \t]+(?:[\d.]+s|\(cached\))", r"^ok[ \t]+\S+[ \t]+(?:[\d.]+s|\(cached\))", 0),
    MarkRule(
        MarkKind.SOFT_PASS,
        r" 0 failures",
        r"^\s*(?:\d+ (?:doctests?|properties|property|features?), )*\d+ (?:runs?|tests?|examples?|specs?),(?: \d+ assertions?,)? 0 failures"
        r"(?:, 0 errors)?(?:, \d+ (?:pending|skips?|skipped|excluded|invalid))*\.?$",
        0,
    ),
    MarkRule(
        MarkKind.SOFT_PASS,
        r"Tests?(?: Suites)?: +.*passed, \d+ (?:of \d+ )?total",
        r"^Tests?(?: Suites)?: +(?:\d+ (?:skipped|todo), )*\d+ passed, \d+ (?:of \d+ )?total",
        0,
    ),
    MarkRule(
        MarkKind.SOFT_PASS,
        r"(?:Apply complete! Resources|Everything is Ok|All checks passed|All tests passed|All \d+ tests passed)",
        r"^(?:Apply complete! Resources:|Everything is Ok$|All checks passed!?$|All tests passed|\s*All \d+ tests passed)",
        0,
    ),
    # Test runners of Python, JavaScript, Ruby, PHP and .NET.
    MarkRule(
        MarkKind.SOFT_PASS,
        r"(?:^| )\d+ (?:passed|passing|tests? passed)\b",
        r"^(?:\d+ passed(?:, \d+ (?:skipped|warnings?|xfailed|xpassed|deselected|subtests passed))* in [\d.]+s|\s+\d+ passing \("
        r"|\s*(?:✔ )?\d+ tests? passed$|\d+ passed$)",
        0,
    ),
    MarkRule(
        MarkKind.SOFT_PASS,
        r"(?:Test Files +\d+ passed|Executed \d+ of \d+ .*SUCCESS|TOTAL: \d+ SUCCESS|All specs passed!"
        r"|OK, but |\S fail +0"
        r"|Test Run Successful|Passed! +- Failed: +0|Build succeeded)",
        r"^(?: *Test Files +\d+ passed(?: \| \d+ skipped)? \(\d+\)|.{0,60}Executed \d+ of \d+ (?:\(skipped \d+\) )?SUCCESS"
        r"|TOTAL: \d+ SUCCESS|.{0,12}All specs passed!|OK, but |# fail +0$|\u2139 fail 0$|Test Run Successful\.?$|Passed! +- Failed: +0,"
        r"|Build succeeded\.?$)",
        0,
    ),
    MarkRule(
        MarkKind.SOFT_PASS,
        r"(?:scenarios? \(\d+ passed\)|Tests: +\d+ passed \(\d+ assert|FAIL 0 \| WARN|Status: OK|Status: SUCCESS|Result: PASS"
        r"|All tests successful|No errors detected)",
        r"^(?:\d+ scenarios? \(\d+ passed\)|\s*Tests: +\d+ passed \(\d+ assert|\[ FAIL 0 \| WARN|Status: OK$"
        r"|\[doctest\] Status: SUCCESS|Result: PASS$|All tests successful|\*\*\* No errors detected)",
        0,
    ),
    # Test runners of compiled languages.
    MarkRule(
        MarkKind.SOFT_PASS,
        r"(?:100% tests passed|tests? run: \d+ passed|with 0 failures|TEST SUCCEEDED|Executed \d+ out of \d+ tests?: \d+ tests? pass"
        r"|Passed: Total \d+, Failed 0|0 failure, 0 error|Errors: 0  Failures: 0|Test Successful in|test cases\) passed"
        r"|successes / 0 failures|Testing .* tests passed|# FAIL: +0)",
        r"^(?:100% tests passed|\s*Summary \[ *[\d.]+s\] +\d+ tests? run: \d+ passed(?: \(\d+ \w+\))?(?:, \d+ skipped)?$"
        r"|\s*Executed \d+ tests?, with 0 failures|\*\* TEST SUCCEEDED \*\*|Executed \d+ out of \d+ tests?: \d+ tests? pass"
        r"|\[info\] Passed: Total \d+, Failed 0|.{0,60}\b0 failure, 0 error|Cases: \d+  Tried: \d+  Errors: 0  Failures: 0"
        r"|Test Successful in|\d+ of \d+ test suites? \(\d+ of \d+ test cases\) passed|\d+ successes / 0 failures"
        r"|\s*Testing \S+ tests passed|# FAIL: +0$)",
        0,
    ),
    # The command of a checker, as the runner or the shell echoes it, that was told to pass whatever it finds.
    MarkRule(
        MarkKind.TOLERATED,
        r"(?:--exit-zero|--issues-exit-code[= ]0|--soft-fail|\|\| (?:true|:|exit 0|echo ))",
        r"^(?:\[\w+\] )?(?:[$>] |\++ |Run ).{0,1500}"
        r"(?:--exit-zero|--issues-exit-code[= ]0|--soft-fail"
        r"|(?:lint|flake8|ruff|mypy|pyright|check|cop|stan|style|fmt|format|prettier|black|isort|bandit|audit)(?: .{0,600})?"
        r" \|\| (?:true|:|exit 0|echo ))",
        0,
    ),
    # Checkers that found nothing.
    MarkRule(
        MarkKind.WENT_ON,
        r"(?:no issues found|No issues found|no offenses detected|[Nn]o errors|[Nn]o vulnerabilities found|use Prettier code style"
        r"|left unchanged|already formatted|0 errors,? |0 Checkstyle violations|Quality gate passed"
        r"|configuration is valid|(?:^|[Z ])0 issues\.)",
        r"^(?:Success: no issues found in \d+|No issues found!|\d+ files? inspected, no offenses detected|\s*\[OK\] No errors"
        r"|\s*No errors found!?$|No vulnerabilities found\.?$|All matched files use Prettier code style"
        r"|(?:\d+ files? reformatted, )?\d+ files? (?:would be |already )?left unchanged\.?$|\d+ files? already formatted$"
        r"|0 errors, \d+ warnings?, \d+ "
        r"|.{0,4}\d+ problems? \(0 errors, \d+ warnings?\)|You have 0 Checkstyle violations|.{0,40}Quality gate passed"
        r"|Success! The configuration is valid|0 issues\.?$)",
        0,
    ),
    # Build tools.
    MarkRule(MarkKind.WENT_ON, r"BUILD SUCCESS", r"\bBUILD SUCCESS(?:FUL)?\b", 0),
    MarkRule(
        MarkKind.WENT_ON,
        r"(?:Finished `?[\w-]+`? |Build completed successfully|\[success\] Total time|BUILD SUCCEEDED"
        r"|compiled (?:successfully|with \d+ warn)|built in [\d.]+ ?m?s|created \S+ in [\d.]+"
        r"|Built target |Compiled successfully|Done in [\d.]+ ?m?s)",
        r"^(?:\s*Finished (?:`[\w-]+` profile |(?:dev|release|test|bench) )\[.{1,60}\] target|INFO: Build completed successfully"
        r"|\[success\] Total time|\*\* BUILD SUCCEEDED \*\*"
        r"|(?:webpack [\d.]+ )?compiled (?:successfully|with \d+ warnings?)|.{0,4}built in [\d.]+ ?m?s"
        r"|created \S{1,200} in [\d.]+ ?m?s|\[100%\] Built target |.{0,4}Compiled successfully|.{0,4}Done in [\d.]+ ?m?s)",
        0,
    ),
    # Package managers, transfers and services, and what says that an error does no harm.
    MarkRule(
        MarkKind.FETCHED,
        r"(?:Successfully (?:installed|built|tagged) |added \d+ packages?|Bundle complete!|Installed \d+ packages? in"
        r"|Generating autoload files|found 0 vulnerabilities|Complete!$|success Saved lockfile|YN0000: .{0,4}Done|Saved lockfile)",
        r"^(?:Successfully (?:installed|built|tagged) \S|added \d+ packages?|Bundle complete!|Installed \d+ packages? in"
        r"|Generating autoload files|found 0 vulnerabilities|Complete!$|success Saved lockfile|.{0,4}YN0000: .{0,4}Done )",
        0,
    ),
    MarkRule(
        MarkKind.FETCHED,
        r"(?:Resolving deltas: 100%|HEAD is now at |Status: Downloaded newer image|digest: sha256:|Login Succeeded|successfully rolled out"
        r"|STATUS: deployed|(?:^|[Z ])done\.$|\.\.\.ignoring|continuing"
        r"|exit code is 0|config\.status: creating|Build files have been written"
        r"|Setting up |Processing triggers for |\] succeeded!|condition met|[a-z] created$)",
        r"^(?:Resolving deltas: 100% .{0,40}done\.|HEAD is now at [0-9a-f]{7}|Status: Downloaded newer image|\S{1,80}: digest: sha256:"
        r"|Login Succeeded|\S{1,80} \S{0,80} ?successfully rolled out|STATUS: deployed|done\.$|\.\.\.ignoring$"
        r"|.{1,200}, continuing\b"
        r"|.{1,200}but exit code is 0|config\.status: creating |-- Build files have been written to"
        r"|Setting up \S+ \(|Processing triggers for \S+ \("
        r"|Connection to \S+ \d+ port .{1,40} succeeded!|\S{1,120} condition met|[a-z.]+/\S{1,120} created)",
        0,
    ),
    MarkRule(MarkKind.RETRY, r"(?i)\bretrying\b", r"(?i)\bretrying\b"),
    MarkRule(
        MarkKind.RETRY,
        r"(?i)(?:trying again|will try again|falling back to|fall back to|using the mirror|tr(?:y|ies) remaining)",
        r"(?i)(?:\btrying again\b|\bwill try again\b|\bfalling back to\b|\busing the mirror\b|[1-9]\d* tr(?:y|ies) remaining)",
    ),
    MarkRule(
        MarkKind.RETRY,
        r"(?i)(?:will (?:be )?retr(?:y|ied)|attempt \d+ of \d|attempt \d+/\d|retry \d+/\d|\d of \d+ attempts|before trying again)",
        r"(?i)(?:will (?:be )?retr(?:y|ied)\b|\battempt \d+ of \d+|\(attempt \d+/\d+|retry \d+/\d+|\d+ of \d+ attempts"
        r"|waiting \d+ seconds before trying again)",
    ),
    MarkRule(
        MarkKind.GAVE_UP,
        r"(?i)(?:failed \d+ times|giving up|after \d+ (?:attempts|retries)|all (?:attempts|retries) failed"
        r"|max(?:imum)? (?:attempts|retries) (?:reached|exceeded))",
        r"(?i)(?:failed \d+ times|giving up|after \d+ (?:attempts|retries)|all (?:attempts|retries) failed"
        r"|max(?:imum)? (?:attempts|retries) (?:reached|exceeded))",
    ),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """One line that speaks of the job; ``line`` counts from 1 in the text that was read, ``code`` is what it ended with."""

    kind: MarkKind
    line: int
    code: int = 0
