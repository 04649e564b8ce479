"""From Markdown to the commands in it: calls in blocks, calls in the running text, lines of other programs, and sessions to be played."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
PROGRAM = "healstream"
NEEDS_COPY = 'title="while a copy runs"'
_FENCE = re.compile(r"^\s*(`{3,})(.*)$")
_SPAN = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_SET = re.compile(r"[A-Z_]+=\S*")
_PROMPT = "$ "
_OPERATORS = "();<>|&"
_REMARK = re.compile(r"\s+# [^'\"]*$")
# What such a block holds is a shell's: a file's text or an answer stands in a fence that names its language.
_SHELL = {"", "sh"}
# What GitLab and GitHub call the lines of a job.
_JOB_KEYS = {"script", "after_script", "run"}
# Code in a sentence is a whole command when it begins with one of these and goes on.
_SYSTEM = {"curl", "df", "du", "git", "journalctl", "kill", "ss", "systemctl", "tail"}
PROGRAMS = _SYSTEM | {"amtool", "cargo", "go", "kcat", "mvn", "npm", "pip", "promtool", "pytest", "python", "uv"}


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code: its info string, empty for an indented one, the line on which it begins, and its lines."""

    page: str
    line: int
    words: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of ``healstream`` or ``make`` as it is written; one ``in_text`` may leave out what it needs."""

    page: str
    line: int
    program: str
    argv: tuple[str, ...]
    in_text: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One whole line of a shell that calls other programs than ours, and the answer below its block, if it is the last one there."""

    page: str
    line: int
    text: str
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a session and what is written below it; ``...`` stands for anything."""

    line: int
    command: str
    shown: tuple[str, ...]


def pages() -> list[Path]:
    """Return every page that people read."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_in(page: str, text: str) -> list[Block]:
    """Return the fenced and the indented blocks."""
    found: list[Block] = []
    kept: list[str] = []
    fence, words, begin, above = "", "", 0, ""
    for number, line in enumerate([*text.splitlines(), ""], 1):
        mark = _FENCE.match(line)
        # Below a line of text an indented one goes on with it.
        begins = bool(kept) or not above.strip()
        above = line
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                found.append(Block(page, begin, words, tuple(kept)))
                fence, kept = "", []
            else:
                kept.append(line)
            continue
        if not mark and line.startswith("    ") and begins:
            begin = begin if kept else number
            kept.append(line[4:])
            continue
        if kept:
            found.append(Block(page, begin, "", tuple(kept)))
            kept = []
        if mark:
            fence, words, begin = mark[1], mark[2].strip(), number
    return found


def calls_in(page: str, text: str) -> list[Call]:
    """Return every call on a page, in blocks and in the running text."""
    blocks = blocks_in(page, text)
    return [*(call for block in blocks for call in _calls_of(block)), *_calls_in_spans(page, _text_alone(text, blocks))]


def lines_in(page: str, text: str) -> list[Line]:
    """Return the lines of a shell or a CI job outside sessions that call other programs, and commands of others in the running text."""
    found: list[Line] = []
    blocks = blocks_in(page, text)
    for block, below in itertools.zip_longest(blocks, blocks[1:]):
        if block.words in _SHELL:
            lines = [Line(page, number, whole.strip()) for number, whole in _whole_lines(block) if _is_others(whole)]
            is_answered = below and below.words == "json" and below.line <= block.line + len(block.lines) + 3
            found += [*lines[:-1], replace(lines[-1], shown=below.lines)] if lines and below and is_answered else lines
        elif block.words == "yaml":
            found += [Line(page, block.line, told) for told in _told_to_a_job("\n".join(block.lines)) if _is_others(told)]
    spans = ((line, words) for line, words in _spans_in(_text_alone(text, blocks)) if words.partition(" ")[0] in PROGRAMS)
    return [*found, *(Line(page, line, words) for line, words in spans if " " in words)]


def sessions_in(page: str, text: str) -> list[tuple[Block, list[Step]]]:
    """Return the blocks that show a session at a terminal, each with its steps."""
    return [(block, steps_of(block)) for block in blocks_in(page, text) if block.words.split(" ")[0] == "console"]


def calls_in_sessions(page: str, text: str) -> list[Call]:
    """Return the calls of those blocks alone."""
    return [call for block, _ in sessions_in(page, text) for call in _calls_of(block)]


def steps_of(block: Block) -> list[Step]:
    """Return a session's commands with what is shown below each; lines that begin with ``> `` continue a command."""
    steps: list[Step] = []
    for number, line in enumerate(block.lines, block.line + 1):
        if line.startswith(_PROMPT):
            steps.append(Step(number, line[len(_PROMPT) :], ()))
        elif steps and not steps[-1].shown and (line == ">" or line.startswith("> ")):
            steps[-1] = Step(steps[-1].line, f"{steps[-1].command}\n{line[2:]}", ())
        elif steps:
            steps[-1] = Step(steps[-1].line, steps[-1].command, (*steps[-1].shown, line))
    return steps


def without_remark(text: str) -> str:
    """Return a line without what is said behind it."""
    return _REMARK.sub("", text)


def programs_on(line: str) -> list[str]:
    """Return the programs that a line calls; raises ValueError where a quote is open."""
    return [words[0] for words in _commands_on(line)]


def _told_to_a_job(text: str) -> Iterator[str]:
    """Yield the lines of a shell that a CI server's file holds."""
    waiting: list[Any] = [YAML(typ="safe").load(text)]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, dict):
            told = [value if isinstance(value, list) else [value] for name, value in one.items() if name in _JOB_KEYS]
            yield from (line for lines in told for line in lines if isinstance(line, str))
        waiting += list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []


def _is_others(line: str) -> bool:
    return any(_own_name(name) is None for name in programs_on(line))


def _text_alone(text: str, blocks: list[Block]) -> str:
    inside = {block.line + number for block in blocks for number in range(len(block.lines) + 1)}
    return "\n".join("" if number in inside else line for number, line in enumerate(text.splitlines(), 1))


def _calls_of(block: Block) -> Iterator[Call]:
    for number, line in _whole_lines(block):
        yield from (Call(block.page, number, program, argv, in_text=False) for program, argv in _calls_on(line.removeprefix(_PROMPT)))


def _whole_lines(block: Block) -> Iterator[tuple[int, str]]:
    """Yield the lines and where each begins: those that a backslash ends put together, in a shell's block also those of an open quote."""
    kept, begin = "", 0
    first = block.line + 1 if block.words else block.line
    for number, line in enumerate(block.lines, first):
        begin, kept = (begin, f"{kept}\n{line}") if kept else (number, line)
        if kept.endswith("\\"):
            continue
        kept = kept.replace("\\\n", "")
        if block.words in _SHELL and _is_open(kept):
            continue
        yield begin, kept
        kept = ""
    if kept:
        yield begin, kept


def _is_open(line: str) -> bool:
    try:
        programs_on(line)
    except ValueError:
        return True
    return False


def _calls_on(line: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    # No closing quote: no line of a shell, but of a file or of an answer.
    for words in [] if _is_open(line) else _commands_on(line):
        if name := _own_name(words[0]):
            yield name, tuple(words[1:])


def _commands_on(line: str) -> list[list[str]]:
    """Return the words of each command on a line, without where it reads and writes, and without for whom and with what set."""
    reader = shlex.shlex(line, posix=True, punctuation_chars=_OPERATORS)
    reader.whitespace_split = True
    found: list[list[str]] = [[]]
    is_place = False
    for word in reader:
        if not word.strip(_OPERATORS):
            is_place = "<" in word or ">" in word
            found += [] if is_place else [[]]
        elif is_place:
            is_place = False
        # A lone 2 is the stream that a redirection begins with.
        elif word != "2":
            found[-1].append(word)
    return [words for words in map(_bare, found) if words]


def _bare(words: list[str]) -> list[str]:
    while words and (words[0] == "sudo" or _SET.fullmatch(words[0])):
        words = words[3:] if words[:2] == ["sudo", "-u"] else words[1:]
    return words


def _own_name(program: str) -> str | None:
    name = program.rpartition(".venv/bin/")[2]
    return name if name in {PROGRAM, "make"} else None


def _spans_in(text: str) -> Iterator[tuple[int, str]]:
    for found in _SPAN.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, " ".join(found[1].split())


def _calls_in_spans(page: str, text: str) -> Iterator[Call]:
    for line, words in _spans_in(text):
        for program, argv in _calls_on(words) if words.split(" ")[0].endswith((PROGRAM, "make")) else ():
            yield from (Call(page, line, program, each, in_text=True) for each in _spelt_out(argv))


def _spelt_out(argv: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Return the calls that one with ``a|b``, ``[--optional]`` or ``...`` stands for."""
    words = [word.strip("[]") for word in argv if word not in {"...", "…"}]
    yield from itertools.product(*(word.split("|") for word in words))
