"""Plays the sessions of a page as a person would type them: our own commands in this process, the others by a shell.

What is written below a command has to come, in that order, among what it says: ``...`` stands for anything, blanks for any number of them,
and ``ID...`` takes the word's beginning as what ``ID`` is in later commands. ``# exit 8`` behind a command is its exit code, 0 when nothing
is said. ``watch -n 1 COMMAND`` is repeated until what is written has come. ``export`` holds for all later commands.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from console.cli.main import run
from tests.docs.written import PROGRAM, Block, Step, programs_on

WATCH_S = 60.0
_EXIT = re.compile(r"\s+# exit (\d+)(?:: [^#]*)?$")
_WATCH = re.compile(r"watch -n [0-9.]+ ")
_EXPORT = re.compile(r"export ([A-Z_]+)=(.+)")
_TAKEN = re.compile(r"([A-Z]{2,})\.\.\.")


class PageError(AssertionError):
    """A command on a page does not do what stands below it."""


@dataclass(slots=True)
class Terminal:
    """One person's terminal: its folder, what was taken from earlier answers, and the places of pages that are others here."""

    folder: Path
    taken: dict[str, str] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)

    def play(self, block: Block, steps: list[Step]) -> None:
        """Play one session; raises PageError with the place of the first command that did something else."""
        for step in steps:
            wanted, command = _wanted(self._filled(step.command))
            repeats = _WATCH.match(command)
            end = time.monotonic() + (WATCH_S if repeats else 0.0)
            fault = self._try(command[repeats.end() if repeats else 0 :], wanted, step)
            while fault and time.monotonic() < end:
                time.sleep(0.5)
                fault = self._try(command[repeats.end() if repeats else 0 :], wanted, step)
            if fault:
                raise PageError(f"{block.page}:{step.line}: $ {step.command}\n{fault}")

    def _try(self, command: str, wanted: int, step: Step) -> str:
        code, said = self._run(command)
        if code != wanted:
            return f"it exits {code}, not {wanted}:\n{said}"
        found = _pattern_of(tuple(self._here(line) for line in step.shown)).search(said)
        if found is None:
            return f"this was written below it:\n{chr(10).join(step.shown)}\nand this came:\n{said}"
        self.taken.update({name: value for name, value in found.groupdict().items() if value})
        return ""

    def _filled(self, command: str) -> str:
        return re.sub(r"\b[A-Z]{2,}\b", lambda found: self.taken.get(found[0], found[0]), self._here(command))

    def _here(self, text: str) -> str:
        for place, own in self.elsewhere.items():
            text = text.replace(place, own)
        return text

    def _run(self, command: str) -> tuple[int, str]:
        exported = _EXPORT.fullmatch(command)
        if exported:
            code, value = self._run(f"printf %s {exported[2]}")
            os.environ[exported[1]] = value
            return code, ""
        words = shlex.split(command, comments=True) if "\n" not in command else []
        if words[:1] != [PROGRAM] or programs_on(command) != [PROGRAM]:
            shell = ["/bin/bash", "-c", command]
            done = subprocess.run(shell, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
            # Some write bytes of their own, such as records.
            return done.returncode, done.stdout.decode(errors="replace")
        target = Path(self.folder, words[words.index(">") + 1]) if ">" in words else None
        if target is None:
            return call(words[1:])
        with target.open("w", encoding="utf-8") as out:
            return call(words[1 : words.index(">")], out)


def call(argv: list[str], out: TextIO | None = None) -> tuple[int, str]:
    """Run one of our commands in this process; return its exit code and what a terminal shows of it; ``out`` takes what is for programs."""
    err = io.StringIO()
    code: object = 0
    with redirect_stdout(out or err), redirect_stderr(err):
        try:
            run(argv)
        except SystemExit as end:
            code = end.code
    return int(str(code or 0)), err.getvalue()


def _wanted(command: str) -> tuple[int, str]:
    found = _EXIT.search(command)
    return (int(found[1]), command[: found.start()]) if found else (0, command)


def _pattern_of(shown: tuple[str, ...]) -> re.Pattern[str]:
    """Return the expression of what is written: each line is one of the answer's, in this order, others may lie between."""
    lines = [_line_of(line) for line in shown if line.strip() not in {"", "..."}]
    return re.compile(r"(?:.*\n)*?".join(rf"[ \t]*{line}[ \t]*(?:\n|\Z)" for line in lines), re.MULTILINE)


def _line_of(line: str) -> str:
    return r"\s+".join(_word_of(word) for word in line.split())


def _word_of(word: str) -> str:
    taken = _TAKEN.fullmatch(word)
    if taken:
        return rf"(?P<{taken[1]}>\S+)"
    return ".*?".join(re.escape(part) for part in word.split("..."))
