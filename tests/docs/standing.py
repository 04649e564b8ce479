"""What stands for the place holders of the pages on a running copy, and which calls are the same but for them.

A place holder is a word in capitals. It is looked up by the words that the call begins with, in the copy's own lists.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import httpx

from console.home import home_of, read_running
from tests.docs.parsing import options_of
from tests.docs.playing import PageError, call
from tests.docs.written import ROOT, Call

_HOLDER = re.compile(r"(?<![\w.-])[A-Z][A-Z/]+(?![\w.-])")
_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")
_MADE = r"^{target}:.*\n\t(?:@?)\$\(BIN\)/healstream (.*)$"
_TO_A_GATEWAY = {("send", "event"), ("send", "junit")}
# What people write in their own words.
_OWN_WORDS = {"--reason", "--why", "--note", "--detail"}


@dataclass(frozen=True, slots=True)
class Newest:
    """The first row of a list of the copy, by one column."""

    words: tuple[str, ...]
    column: str

    def __call__(self) -> str:
        """Return the value; raises PageError while the list is empty."""
        code, said = call([*self.words, "-o", "json"])
        rows = json.loads(said[said.index("{") : said.rindex("}") + 1])["items"] if code == 0 else []
        if not rows:
            raise PageError(f"{' '.join(self.words)}: nothing is listed, exit {code}: {said}")
        return str(rows[0][self.column])


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the reader's own."""

    text: str

    def __call__(self) -> str:
        """Return it, a folder as one below the home."""
        return _at_home(self.text)


def _at_home(word: str) -> str:
    return word.replace("~", os.environ["HOME"], 1) if word.startswith("~") else word


def _case() -> str:
    cases = sorted(Path(os.environ["HOME"]).glob(".local/state/healstream/*/cases/*/case.md"))
    if not cases:
        raise PageError("cat: no case file is written yet")
    return cases[-1].parent.name


def _traced() -> tuple[str, str]:
    """Return the port of the first process whose page of metrics names a trace, and that trace."""
    code, said = call(["status", "-o", "json"])
    rows = json.loads(said[said.index("{") : said.rindex("}") + 1])["items"] if code == 0 else []
    for port in [str(row["port"]) for row in rows if row["port"]]:
        page = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"accept": "application/openmetrics-text"}, trust_env=False)
        if found := re.search(r'trace_id="([0-9a-f]+)"', page.text):
            return port, found[1]
    raise PageError(f"status: no process names a trace, exit {code}: {said}")


def _notary() -> str:
    manifest = Path("q1.jsonl.manifest.json")
    if not manifest.exists():
        raise PageError("audit verify: nothing is exported yet")
    return str(json.loads(manifest.read_text(encoding="utf-8"))["notary"])


INCIDENT = Newest(("incident", "list"), "id")
# The words that a call begins with, the place holder, and what stands for it; the first row that fits counts.
STANDS_FOR: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("incident", "ID", INCIDENT),
    ("incident", "INCIDENT", INCIDENT),
    ("policy explain", "ID", INCIDENT),
    ("policy explain", "INCIDENT", INCIDENT),
    ("feedback", "ID", INCIDENT),
    ("approval", "DECISION", Newest(("approval", "list"), "decision")),
    ("freeze lift", "ID", Newest(("freeze", "list"), "id")),
    ("pattern disable", "ID", Newest(("pattern", "list", "--state", "acting"), "id")),
    ("pattern", "ID", Newest(("pattern", "list", "--find", "flux"), "id")),
    ("deadletter get", "TOPIC/PART/OFFSET", Newest(("deadletter", "list"), "origin")),
    ("audit verify", "NOTARY", _notary),
    ("audit verify", "FILE", Word("q1.jsonl")),
    ("audit", "PLACE", Word("~/checkpoints")),
    ("healstream audit export", "TRACE", lambda: _traced()[1]),
    ("curl -s ", "PORT", lambda: _traced()[0]),
    ("cat", "ID", _case),
    ("tail", "NAME", Word("gatekeeper")),
    ("audit export", "FROM", Word("90d")),
    ("audit export", "TO", Word("2100-01-01")),
    ("freeze add", "FROM/TO", Word("28d")),
    ("", "PLACE", Word("~/kept")),
    ("", "FOLDER", Word("candidate")),
    ("rollout set", "STRATEGY", Word("service_restart")),
    ("", "STRATEGY", Word("rerun_job")),
    ("killswitch", "NAME", Word("rerun_job")),
    ("", "LEVEL", Word("observe")),
    ("", "TARGET", Word("service:web")),
    ("", "PERSON", Word("ada")),
    ("", "NAME", Word("ada")),
    ("", "WHY", Word("training")),
)

# What exits otherwise than with 0 when all is well.
EXITS: dict[str, tuple[int, ...]] = {"config diff": (0, 8), "pattern audit": (0, 8), "replay --policy": (0, 8), "replay --since": (0, 8)}


def typed(call: Call) -> tuple[str, ...]:
    """Return what a reader types for a call, place holders still in it: a target of ``make`` as the command that it runs."""
    if call.program == "make":
        found = re.search(_MADE.format(target=re.escape(call.argv[0] if call.argv else "")), _makefile(), re.MULTILINE)
        return tuple(found[1].split()) if found else ("make", *call.argv)
    return call.argv


def shape(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return a call with one sign for all place holders and own words, and without who speaks: what is equal here is played once."""
    kept: list[str] = []
    for number, word in enumerate(argv):
        before = argv[number - 1] if number else ""
        if "--as" not in (word, before):
            kept.append("*" if before in _OWN_WORDS else _HOLDER.sub("*", word))
    return tuple(kept)


def covers(played: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Tell whether a call that is played is one of those that a call with place holders stands for."""
    return len(played) == len(wanted) and all(fnmatchcase(one, other) for one, other in zip(played, wanted, strict=True))


def skeleton(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return noun, verb and options alone: what is equal here on pages that are made by a program is played once."""
    return (*argv[:2], *sorted(word for word in argv[2:] if word.startswith("-")))


def filled(argv: tuple[str, ...], speaker: str) -> list[str]:
    """Return a call with what stands for its place holders, and what a reader's own settings say; raises PageError."""
    words = [_HOLDER.sub(lambda found: _standing(argv, found[0]), _at_home(word)) for word in argv]
    gateway = str(read_running(home_of(os.environ, os.environ["HEALSTREAM_NAME"])).get("gateway"))
    given = {"--as": speaker, **({"--gateway": gateway} if argv[:2] in _TO_A_GATEWAY else {})}
    return [*words, *(part for option in given if option in options_of(argv) and option not in argv for part in (option, given[option]))]


def filled_line(text: str) -> str:
    """Return a line of other programs with what stands for its place holders; other words in capitals are the line's own."""
    return _CAPITALS.sub(lambda found: row[2]() if (row := _row_for(text, found[0])) and row[0] else found[0], text)


def _row_for(text: str, holder: str) -> tuple[str, str, Callable[[], str]] | None:
    return next((row for row in STANDS_FOR if row[1] == holder and text.startswith(row[0])), None)


def _standing(argv: tuple[str, ...], holder: str) -> str:
    text = " ".join(argv)
    row = _row_for(text, holder)
    if row is None:
        raise PageError(f"{text}: nothing is said of what stands for {holder}")
    return row[2]()


def _makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")
