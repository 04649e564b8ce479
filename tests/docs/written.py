"""From Markdown to the commands in it: calls in blocks, calls in the running text, and sessions that can be played."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = "healstream"
NEEDS_COPY = 'title="while a copy runs"'
_FENCE = re.compile(r"^\s*(`{3,})(.*)$")
_SPAN = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_SET = re.compile(r"[A-Z_]+=\S*")
_PROMPT = "$ "


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
    fence, words, begin = "", "", 0
    for number, line in enumerate([*text.splitlines(), ""], 1):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                found.append(Block(page, begin, words, tuple(kept)))
                fence, kept = "", []
            else:
                kept.append(line)
            continue
        if not mark and line.startswith("    "):
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
    inside = {block.line + number for block in blocks for number in range(len(block.lines) + 1)}
    lines = ["" if number in inside else line for number, line in enumerate(text.splitlines(), 1)]
    return [*(call for block in blocks for call in _calls_of(block)), *_calls_in_spans(page, "\n".join(lines))]


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


def _calls_of(block: Block) -> Iterator[Call]:
    for number, line in enumerate(_joined(block.lines), block.line):
        yield from (Call(block.page, number, program, argv, in_text=False) for program, argv in _calls_on(line.removeprefix(_PROMPT)))


def _joined(lines: tuple[str, ...]) -> list[str]:
    """Return the lines with those that a backslash ends put together, the places of the others kept."""
    out = list(lines)
    for number in range(len(out) - 2, -1, -1):
        if out[number].endswith("\\"):
            out[number], out[number + 1] = out[number][:-1] + out[number + 1], ""
    return out


def _calls_on(line: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    reader = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    reader.whitespace_split = True
    try:
        words = list(reader)
    except ValueError:
        # No closing quote: no line of a shell, but of a file or of an answer.
        return
    # A lone 2 is the stream that a redirection begins with.
    for is_break, group in itertools.groupby(words, key=lambda word: not word.strip("();<>|&")):
        if not is_break and (call := _call([word for word in group if word != "2"])):
            yield call


def _call(words: list[str]) -> tuple[str, tuple[str, ...]] | None:
    while words and (words[0] == "sudo" or _SET.fullmatch(words[0])):
        words = words[3:] if words[:2] == ["sudo", "-u"] else words[1:]
    if not words:
        return None
    name = words[0].rpartition(".venv/bin/")[2]
    return (name, tuple(words[1:])) if name in {PROGRAM, "make"} else None


def _calls_in_spans(page: str, text: str) -> Iterator[Call]:
    for found in _SPAN.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        words = " ".join(found[1].split())
        for program, argv in _calls_on(words) if words.split(" ")[0].endswith((PROGRAM, "make")) else ():
            yield from (Call(page, line, program, each, in_text=True) for each in _spelt_out(argv))


def _spelt_out(argv: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Return the calls that one with ``a|b``, ``[--optional]`` or ``...`` stands for."""
    words = [word.strip("[]") for word in argv if word not in {"...", "…"}]
    yield from itertools.product(*(word.split("|") for word in words))
