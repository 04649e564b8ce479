"""The structure of a CI log: how it ended, the last error block, the retries; read from marks that the matcher finds with the hits.

A mark is a line that says something of the job itself: a command's exit, the runner's last word, a summary that passed, a retry.
``marks`` are found by ``patterns/matcher.py`` in whole logs and in chunks alike, so a stream and a file are judged the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from learning.marks import MARK_RULES, Mark, MarkKind

MAX_BLOCK_LINES = 60
_BLOCK_GAP = 4
# Where no line has a word for an error, what was printed last before the end is the best there is to learn from.
_LAST_LINES = 8
_SIGNAL = "log."
# What a build tool says at its end is the job's end only near the end of the log.
_STOPPED_REACH_LINES = 30

# What follows an error explains it; so much plain work after one shows that the job went on.
_WENT_ON_WORK = 2

# What runners put before or around a line: timestamps of GitHub, Azure, Tekton and Zuul, the clocks of Jenkins, TeamCity with its
# blocks, Netlify, Vercel and Prow, Drone's and Woodpecker's line numbers, Taskcluster's and Bamboo's columns, act's job names, folds
# and sections, BuildKit's step numbers.
_DECORATION = re.compile(
    r"^(?:\ufeff?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)? ?(?:\d\d[OE]\+? ?)?(?: *\| (?:[\w.-]{1,40} \| )?)?"
    r"|\[(?:task |taskcluster |vcs |setup )?\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\] ?|\d\d:\d\d:\d\d(?:\.\d+)? +"
    r"|\[\d\d:\d\d:\d\d\][WEFi ]?:[ \t]*(?:\[Step \d+/\d+\] *)?(?:\[(?!INFO|WARN|ERROR|DEBUG)[\w ./-]{1,40}\] *)?"
    r"|\[\d\d:\d\d:\d\d(?:\.\d{3})?\][WEF]? *(?:\[Step \d+/\d+\] ?)?|\d{1,2}:\d\d:\d\d [AP]M: "
    r"|[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{3}\] |\[\d{1,2}:\d\d:\d\d [AP]M\] |\[[\w.-]{1,40}:(?:L\d+:\d+s|\d+)\] |\[[\w ./-]{1,80}\] +\| "
    r"|(?:(?:build|error|simple|command)\t)?\d\d-\w{3}-\d{4} \d\d:\d\d:\d\d\t"
    r"|\[Container\] \d{4}/\d\d/\d\d [\d:.]+ |Step #\d+(?: - \"[^\"]{0,80}\")?: "
    r"|travis_(?:fold:(?!(?:start|end):after_)|time:)\S*"
    r"|section_(?:start|end):\S*|##\[(?:group|endgroup|section|command|debug)\]|#\d+ +\d+\.\d+ )"
)
# What ``gh run view --log`` puts before each line: the job, the step and the time.
_COLUMNS = re.compile(r"^[^\t]{1,120}\t[^\t]{1,120}\t(?=\ufeff?\d{4}-\d\d-\d\dT)")
_COLUMN = "\t20"
# Most lines start with none of these, which spares them the expression.
_DECORATED = frozenset("\ufeff0123456789[ts#SbecIWEF")
# The phase of Travis that tells how the script before it went.
_PHASE = "travis_fold:start:after_"
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[()][0-9A-B]|[=>78cDEHM])")
# How many of the last lines of plain work are kept, and how far back they are looked for.
_MAX_WORK_LINES = 8
_WORK_WINDOW = 200
# What follows an error without being work: its details, advice, traces, sums, and the words of a runner that closes a job.
_NO_WORK = re.compile(
    r"^\W|^\d|^\S*$|\S+:\d|://|[:;{}.]$|(?i:error|fail|fatal|exception|cannot|could not|couldn't|unable|not found|denied|refused|killed"
    r"|timed out|timeout|no such|warn|abort|invalid|missing|retry|unexpected|\bnot\b|n't\b|\bno\b|required|expected|actual|hash)"
    r"|^(?:at|See|Please|Try|To|Use|Run|For|A complete log|[Nn]ote|[Hh]int|[Hh]elp|Perhaps|Caused by|Traceback|File|make|Command|[Ee]xit"
    r"|npm|gyp|Post job|Cleaning up|Uploading|git version|Temporarily|Adding repo|Stopping|Removing|Terminate|travis_|section_|[Ss]tack"
    r"|Build teardown|Searching for test report|Finishing: |All Finished"
    r"|Verbose|Learn|Call|Your?|If|This|The|It|Total|Time|Downloading|Fetching|Get|Reading|Building|Loading|Resolving|location|is|and|or|of|a|an|in|with|how"
    r"|establish|remove|may|There)\b|^[A-Za-z_.$]+\(|^[A-Za-z_]+=|\.{3}$"
)
_ERROR_WORD = re.compile(
    r"(?i)(?:\berror\b|\bfail(?:ed|ure)?\b|\bfatal\b|exception|cannot|could not|unable to|not found|denied|refused|killed"
    r"|timed out|no such)"
)


_ENDS = tuple(re.compile(rule.expression) for rule in MARK_RULES if rule.kind in {MarkKind.ENDED, MarkKind.EXIT})


class Verdict(StrEnum):
    """What the log itself says about the end of the job."""

    PASSED = "passed"
    FAILED = "failed"
    UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class Structure:
    """Where things stand in a log; line numbers count from 1, 0 means there is none.

    ``begin`` is the last line of what passed before the failing step, ``exit_line`` the line that states its failure, ``end`` the line
    that positions are measured from: the failing step's end, else the log's. ``closing`` is where work begins that cannot fail the job.
    ``went_on`` is where a build or a checker last said that all is well, ``fetched`` where something was got at last, ``work`` are the
    last lines of plain work; ``tolerated`` is the last command that was told to pass; ``stopped`` is where a build tool last said that it
    failed. ``block`` are the clean lines of the last error block.
    """

    end: int = 0
    verdict: Verdict = Verdict.UNSAID
    exit_line: int = 0
    begin: int = 0
    soft_pass: int = 0
    last_retry: int = 0
    gave_up: bool = False
    closing: int = 0
    went_on: int = 0
    fetched: int = 0
    tolerated: int = 0
    stopped: int = 0
    work: tuple[int, ...] = ()
    block_first: int = 0
    block: tuple[str, ...] = ()

    @property
    def passed(self) -> int:
        """Return where the failing step last said that something passed, went on or was got; 0 means nowhere."""
        # What follows the step's end is another step's word.
        room = self.exit_line or self.end
        return max((line for line in (self.soft_pass, self.went_on, self.fetched) if line <= room), default=0)

    @property
    def has_stopped(self) -> bool:
        """Tell whether a build tool said near the end that it failed, and nothing passed or was got after that."""
        overcome = max(self.soft_pass, self.went_on, self.fetched)
        return self.stopped > overcome and self.end - self.stopped <= _STOPPED_REACH_LINES

    def went_past(self, line: int) -> bool:
        """Tell whether the failing step went on after a line: what stops a job is followed by its consequences, not by work."""
        return self.passed > line or self.work_after(line) >= _WENT_ON_WORK

    def work_after(self, line: int) -> int:
        """Return how many lines of plain work follow a line, as far as they are kept."""
        return sum(number > line for number in self.work)

    def is_in_block(self, line: int) -> bool:
        """Tell whether a line is inside the last error block."""
        return bool(self.block) and self.block_first <= line < self.block_first + len(self.block)


def speaks_of_error(line: str) -> bool:
    """Tell whether a line has a word for an error."""
    return _ERROR_WORD.search(line) is not None


def states_end(line: str) -> bool:
    """Tell whether a line only says how a step or the job ended: it is the same in every failure."""
    return any(expression.search(line) for expression in _ENDS)


def clean_line(line: str) -> str:
    """Return a line without terminal escapes and CI decorations."""
    if "\x1b" in line:
        line = _ANSI.sub("", line)
    if "\r" in line:
        # A progress bar overwrites its line: what was written last is what a reader sees.
        parts = [part for part in line.split("\r") if part.strip()]
        # What a fold's beginning says of the job outweighs the command that is printed over it.
        phase = next((part for part in parts if part.startswith(_PHASE)), "")
        line = phase or (parts[-1] if parts else "")
    if _COLUMN in line and (columns := _COLUMNS.match(line)):
        line = line[columns.end() :]
    while line[:1] in _DECORATED and (found := _DECORATION.match(line)):
        line = line[found.end() :]
    return line.rstrip()


def structure_of(marks: Iterable[Mark], total: int, window: Sequence[str], window_first: int) -> Structure:
    """Return the structure of a log of ``total`` lines; ``window`` are lines before its end, the first of them line ``window_first``."""
    ordered = sorted(marks, key=lambda mark: mark.line)
    exits = [mark for mark in ordered if mark.kind in {MarkKind.ENDED, MarkKind.EXIT}]
    exit_line = next((mark.line for mark in exits if mark.code), 0)
    passed = [mark.line for mark in exits if not mark.code and mark.line < exit_line]
    # Where no step states its end, what follows the last error that the runner shows is its own cleaning up.
    end = exit_line or _last(ordered, MarkKind.FLAGGED) or total
    first, block = _last_block(window, window_first, end)
    return Structure(
        end=end,
        verdict=_verdict(exits),
        exit_line=exit_line,
        begin=max(passed, default=0),
        soft_pass=_last(ordered, MarkKind.SOFT_PASS),
        last_retry=_last(ordered, MarkKind.RETRY),
        gave_up=any(mark.kind is MarkKind.GAVE_UP for mark in ordered),
        closing=_last(ordered, MarkKind.CLOSING),
        went_on=_last(ordered, MarkKind.WENT_ON),
        fetched=_last(ordered, MarkKind.FETCHED),
        tolerated=_last(ordered, MarkKind.TOLERATED),
        stopped=_last(ordered, MarkKind.STOPPED),
        work=_last_work(window, window_first, exit_line or _last(ordered, MarkKind.CLOSING) or total + 1),
        block_first=first,
        block=block,
    )


def to_signals(structure: Structure) -> tuple[tuple[str, str], ...]:
    """Return a structure as a Detection's signals, so that classify needs no text; the block's lines are in the features already."""
    rows = {
        "end": structure.end,
        "exit_line": structure.exit_line,
        "begin": structure.begin,
        "soft_pass": structure.soft_pass,
        "last_retry": structure.last_retry,
        "gave_up": int(structure.gave_up),
        "closing": structure.closing,
        "went_on": structure.went_on,
        "fetched": structure.fetched,
        "tolerated": structure.tolerated,
        "stopped": structure.stopped,
    }
    work = (_SIGNAL + "work", ",".join(map(str, structure.work)))
    return ((_SIGNAL + "verdict", structure.verdict.value), work, *((_SIGNAL + name, str(value)) for name, value in rows.items()))


def from_signals(signals: Mapping[str, str]) -> Structure:
    """Return the structure that a Detection's signals tell; of a detection without them, one in which nothing is known."""

    def number(name: str) -> int:
        text = signals.get(_SIGNAL + name, "0")
        return int(text) if text.isdecimal() else 0

    verdict = signals.get(_SIGNAL + "verdict", Verdict.UNSAID.value)
    return Structure(
        end=number("end"),
        verdict=Verdict(verdict) if verdict in set(Verdict) else Verdict.UNSAID,
        exit_line=number("exit_line"),
        begin=number("begin"),
        soft_pass=number("soft_pass"),
        last_retry=number("last_retry"),
        gave_up=bool(number("gave_up")),
        closing=number("closing"),
        went_on=number("went_on"),
        fetched=number("fetched"),
        tolerated=number("tolerated"),
        stopped=number("stopped"),
        work=tuple(int(one) for one in signals.get(_SIGNAL + "work", "").split(",")[:_MAX_WORK_LINES] if one.isdecimal()),
    )


def _last(marks: Sequence[Mark], kind: MarkKind) -> int:
    return max((mark.line for mark in marks if mark.kind is kind), default=0)


def _verdict(exits: Sequence[Mark]) -> Verdict:
    if not exits:
        return Verdict.UNSAID
    # A runner's own last word outranks the words about single commands.
    final = [mark.code for mark in exits if mark.kind is MarkKind.ENDED]
    codes = final[-1:] or [mark.code for mark in exits]
    return Verdict.FAILED if any(codes) else Verdict.PASSED


def _last_work(window: Sequence[str], window_first: int, end: int) -> tuple[int, ...]:
    """Return the numbers of the last lines before ``end`` that are neither about an error nor of a runner that closes the job."""
    found: list[int] = []
    last = min(end - 1, window_first + len(window) - 1)
    for number in range(last, max(window_first, last - _WORK_WINDOW) - 1, -1):
        if not _NO_WORK.search(clean_line(window[number - window_first])):
            found.append(number)
        if len(found) == _MAX_WORK_LINES:
            break
    return tuple(reversed(found))


def _last_block(window: Sequence[str], window_first: int, end: int) -> tuple[int, tuple[str, ...]]:
    """Return first line and clean text of the last lines that speak of an error before ``end``, small gaps between them included.

    Where none does, the last lines before ``end`` stand in.
    """
    first = last = 0
    clean: dict[int, str] = {}
    # Read backwards: only the last block matters, and a log is long.
    for number in range(min(end - 1, window_first + len(window) - 1), window_first - 1, -1):
        if last and (first - number > _BLOCK_GAP or last - number >= MAX_BLOCK_LINES):
            break
        clean[number] = clean_line(window[number - window_first])
        if _ERROR_WORD.search(clean[number]):
            first, last = number, last or number
    if not last:
        first, last = max(end - _LAST_LINES, window_first), min(end - 1, window_first + len(window) - 1)
        clean = {number: clean_line(window[number - window_first]) for number in range(first, last + 1)}
    return first, tuple(clean[number] for number in range(first, last + 1))
