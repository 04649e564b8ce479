"""From the text of a CI log to its structure: clean lines, how it ended, the last error block, the retries; read by ``evidence.py``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MAX_BLOCK_LINES = 60
_BLOCK_GAP = 4

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[()][0-9A-B]|[=>78cDEHM])")
# What runners put before or around a line: timestamps of GitHub and Azure, Jenkins' clock, folds and sections, BuildKit's step numbers.
_DECORATION = re.compile(
    r"^(?:\ufeff?\d{4}-\d\d-\d\dT[\d:.]+Z ?(?:\d\d[OE]\+? ?)?|\[\d{4}-\d\d-\d\dT[\d:.]+Z\] ?|\d\d:\d\d:\d\d(?:\.\d+)? +"
    r"|travis_(?:fold|time):\S*|section_(?:start|end):\S*|##\[(?:group|endgroup|section|command|debug)\]|#\d+ \d+\.\d+ )"
)
# Most lines start with none of these, which spares them the expression.
_DECORATED = frozenset("\ufeff0123456789[ts#")
_HARD_EXIT = re.compile(
    r"""(?:The command .{0,2000} (?:failed and )?exited with (?P<travis>\d+)|Done\. Your build exited with (?P<done>\d+)"""
    r"""|Process completed with exit code (?P<github>\d+)|ERROR: Job failed: (?:exit (?:code|status) )?(?P<gitlab>\d+)?"""
    r"""|(?:Bash|PowerShell|Cmd\.exe) exited with code '(?P<azure>\d+)'|script returned exit code (?P<jenkins>\d+))"""
)
_PASSED = re.compile(r"^(?:Job succeeded|Finished: SUCCESS|Build succeeded\.?)\s*$")
_FAILED = re.compile(r"^(?:Finished: (?:FAILURE|ABORTED|UNSTABLE)|##\[error\]The operation was canceled\.?)\s*$")
_SOFT_PASS = re.compile(r"(?:\bBUILD SUCCESS(?:FUL)?\b|test result: ok\.|^OK(?: \(|$)|=+ \d+ passed.{0,60} in [\d.]+)")
_ERROR_WORD = re.compile(
    r"(?i)(?:\berror\b|\bfail(?:ed|ure)?\b|\bfatal\b|exception|cannot|could not|unable to|not found|denied|refused|killed"
    r"|timed out|no such)"
)
_RETRY = re.compile(r"(?i)(?:\bretrying\b|will retry|\battempt \d+ of \d+|retry \d+/\d+|\d+ of \d+ attempts)")
_GAVE_UP = re.compile(
    r"(?i)(?:failed \d+ times|giving up|after \d+ (?:attempts|retries)|all (?:attempts|retries) failed"
    r"|max(?:imum)? (?:attempts|retries) (?:reached|exceeded))"
)


class Verdict(StrEnum):
    """What the log itself says about the end of the job."""

    PASSED = "passed"
    FAILED = "failed"
    UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class Structure:
    """Where things stand in a log; line numbers count from 1, 0 means there is none.

    ``begin`` is the last line of what passed before the failing step, ``exit_line`` the line that states its failure.
    """

    lines: tuple[str, ...] = ()
    verdict: Verdict = Verdict.UNSAID
    exit_line: int = 0
    begin: int = 0
    soft_pass: int = 0
    block: tuple[int, int] = (0, 0)
    retries: tuple[int, ...] = ()
    gave_up: bool = False

    @property
    def end(self) -> int:
        """Return the line that positions are measured from: the failing step's end, else the log's."""
        return self.exit_line or len(self.lines)

    def error_lines(self) -> tuple[str, ...]:
        """Return the text of the last error block."""
        first, last = self.block
        return self.lines[max(first - 1, 0) : last]


def clean_lines(text: str) -> list[str]:
    """Split a log into lines without terminal escapes and CI decorations; one line stays one line."""
    return [_clean(line) for line in text.split("\n")]


def _clean(line: str) -> str:
    if "\x1b" in line:
        line = _ANSI.sub("", line)
    if "\r" in line:
        # A progress bar overwrites its line: what was written last is what a reader sees.
        parts = [part for part in line.split("\r") if part.strip()]
        line = parts[-1] if parts else ""
    while line[:1] in _DECORATED and (found := _DECORATION.match(line)):
        line = line[found.end() :]
    return line.rstrip()


def read_structure(text: str) -> Structure:
    """Read the structure of a whole log, or of its tail."""
    lines = clean_lines(text)
    exits = [(number, code) for number, line in enumerate(lines, 1) if (code := _exit_code(line)) is not None]
    bad = [number for number, code in exits if code != 0]
    exit_line = bad[0] if bad else 0
    begin = max((number for number, code in exits if code == 0 and (not exit_line or number < exit_line)), default=0)
    passes = [number for number, line in enumerate(lines, 1) if _SOFT_PASS.search(line)]
    return Structure(
        lines=tuple(lines),
        verdict=_verdict(lines, exits),
        exit_line=exit_line,
        begin=begin if exit_line else 0,
        soft_pass=passes[-1] if passes else 0,
        block=_last_block(lines, exit_line or len(lines)),
        retries=tuple(number for number, line in enumerate(lines, 1) if _RETRY.search(line)) if _RETRY.search(text) else (),
        gave_up=_GAVE_UP.search(text) is not None,
    )


def _exit_code(line: str) -> int | None:
    found = _HARD_EXIT.search(line) if "exit" in line or "Job failed" in line else None
    if found:
        return next((int(code) for code in found.groups() if code is not None), 1)
    if _PASSED.search(line):
        return 0
    return 1 if _FAILED.search(line) else None


def _verdict(lines: Sequence[str], exits: Sequence[tuple[int, int]]) -> Verdict:
    if not exits:
        return Verdict.UNSAID
    final = [code for number, code in exits if "Your build exited" in lines[number - 1] or _PASSED.search(lines[number - 1])]
    # A runner's own last word outranks the words about single commands.
    codes = final[-1:] or [code for _, code in exits]
    return Verdict.FAILED if any(codes) else Verdict.PASSED


def _last_block(lines: Sequence[str], end: int) -> tuple[int, int]:
    first = last = 0
    # Read backwards: only the last block matters, and a log is long.
    for number in range(max(end - 1, 0), 0, -1):
        if last and (first - number > _BLOCK_GAP or last - number >= MAX_BLOCK_LINES):
            break
        if _ERROR_WORD.search(lines[number - 1]):
            first, last = number, last or number
    return (first, last)
