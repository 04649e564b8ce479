"""The logs that the simulated months are drawn from, each read once: development logs, written logs, provoked logs, catalogue examples.

What is not at hand is left out. Each log is kept in a few variants whose masked fields (hashes, ports, versions, durations, temporary
names) are drawn anew, so that an event is not its log to the letter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from learning.classification import Recognizer, classify_log
from learning.evidence import Evidence, rank_candidates
from learning.features import make_features
from learning.patterns.matcher import Hit
from learning.stored_logs import load_stored_logs
from learning.structure import Structure, structure_of
from schemas.vocabulary import Group, Kind, Result, group_of
from tests.accuracy.splits import SHARED, splits
from tests.learning_run.assumptions import VARIANTS, WEIGHTS

CORPUS = Path(__file__).parents[2] / "learning" / "corpus"
GENERAL = "general"
_EXIT = "##[error]Process completed with exit code 1."
_BEFORE = (
    "Setting up the environment",
    "Cache restored from key",
    "added 120 packages in 9s",
    "Downloading archive 12 of 40",
    "+ make all",
)
# Pattern families by the tool family that they belong to: the first of these names that the family's name begins with.
TOOLS = {
    "js": ("js_", "npm"), "jvm": ("jvm_", "maven"), "python": ("python_", "pip"), "go": ("go_",), "rust": ("rust_",), "ruby": ("ruby_",),
    "php": ("php_",), "dotnet": ("dotnet_",), "native": ("native_", "compilers"), "containers": ("container_", "docker"),
    "kubernetes": ("kubernetes_",), "cloud": ("cloud_",), "mobile": ("mobile_",), "os": ("os_", "apt"), "scm": ("scm_", "git"),
    "services": ("services_", "databases"), "other_languages": ("haskell_", "beam_", "perl_"),
}  # fmt: skip
# Files that hold several tools' patterns: the tool is told by the pattern's own id.
_MIXED = {
    "go_cargo": {"cargo": "rust", "rust": "rust"},
    "ruby_php_dotnet": {"composer": "php", "php": "php", "dotnet": "dotnet", "nuget": "dotnet"},
}

_DRAWN_ANEW = (
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b"), "0123456789abcdef"),
    (re.compile(r"(?<=:)\d{5}\b"), "123456789"),
    (re.compile(r"(?<=/tmp/)[\w.-]{6,}"), "abcdefghijklmnopqrstuvwxyz"),
    (re.compile(r"\b\d+(?=(?:\.\d+)?(?:ms|s| seconds)\b)"), "123456789"),
    (re.compile(r"(?<=\d\.)\d+(?=\.\d+\b)"), "123456789"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One variant of a log as recognition sees it when all patterns are there."""

    hits: tuple[Hit, ...]
    structure: Structure
    evidence: Evidence
    features: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Log:
    """One stored log: ``tool`` is its tool family, ``project`` what is kept on one side when logs are divided."""

    id: str
    origin: str
    tool: str
    project: str
    kind: Kind
    result: Result
    seen: tuple[Seen, ...]


def tool_of(family: str, pattern: str) -> str:
    """Return the tool family of a pattern; ``general`` for what many tools print."""
    mixed = _MIXED.get(family, {})
    first = pattern.partition("-")[0]
    if first in mixed:
        return mixed[first]
    found = (tool for tool, begins in TOOLS.items() if family.startswith(begins))
    return next(found, "ruby" if family == "ruby_php_dotnet" else GENERAL)


def tools_by_pattern(recognizer: Recognizer, families: dict[str, str]) -> dict[str, str]:
    """Return the tool family of every pattern; ``families`` are the patterns' files by id."""
    return {pattern.id: tool_of(families[pattern.id], pattern.id) for pattern in recognizer.matcher.catalogue.patterns}


def families_in(folder: Path) -> dict[str, str]:
    """Return the family of every pattern of a folder by the pattern's id."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        rows = json.loads(path.read_text(encoding="utf-8"))
        if "family" in rows:
            found |= {row["id"]: rows["family"] for row in rows["patterns"]}
    return found


@dataclass(frozen=True, slots=True)
class _Text:
    id: str
    origin: str
    project: str
    kind: Kind
    result: Result
    text: str


def _result_of(kind: Kind) -> Result:
    return Result.SUCCESS if group_of(kind) is Group.NONE else Result.FAILURE


def _labelled() -> Iterator[_Text]:
    dev = SHARED / "dev.jsonl"
    rows = dev.read_text(encoding="utf-8").splitlines() if dev.exists() else []
    projects = {row["id"]: row["project"] for row in map(json.loads, rows)}
    for split, logs in splits().items():
        origin = split.partition(":")[0]
        if origin in WEIGHTS and origin != "provoked" and (origin == "written" or ":" not in split):
            for log in logs:
                yield _Text(log.id, origin, projects.get(log.id, log.id), log.kind, log.result, log.text)


def _provoked() -> Iterator[_Text]:
    # The recordings of one recipe are one project's: dressed in another dialect they are no unseen log.
    for log in load_stored_logs({path.name: path.read_bytes() for path in sorted(CORPUS.glob("*.jsonl.xz"))}):
        yield _Text(log.id, "provoked", log.recipe or log.id, log.kind, log.result, log.text)


def _examples(recognizer: Recognizer, draw: Random, every: int = 1) -> Iterator[_Text]:
    """Yield two examples of every pattern (or of every so many) as short logs of a failing step."""
    for pattern in recognizer.matcher.catalogue.patterns[::every]:
        for number, example in enumerate(pattern.examples[:2]):
            text = "\n".join([*draw.sample(_BEFORE, 3), example, _EXIT])
            name = f"{pattern.id}#{number}"
            yield _Text(name, "examples", name, pattern.kind, Result.FAILURE, text)


def vary(text: str, draw: Random) -> str:
    """Return a text with its masked fields drawn anew; each occurrence of one value becomes the same new value."""
    for expression, letters in _DRAWN_ANEW:
        known: dict[str, str] = {}

        def anew(found: re.Match[str], letters: str = letters, known: dict[str, str] = known) -> str:
            return known.setdefault(found.group(), "".join(draw.choices(letters, k=len(found.group()))))

        text = expression.sub(anew, text)
    return text


def read_logs(recognizer: Recognizer, tools: dict[str, str], seed: int) -> tuple[Log, ...]:
    """Return every log at hand, read in all its variants."""
    draw = Random(seed)
    texts = [*_labelled(), *_provoked(), *_examples(recognizer, draw)]
    return tuple(_read(row, recognizer, tools, draw) for row in texts)


def read_examples(recognizer: Recognizer, tools: dict[str, str], seed: int, every: int) -> tuple[Log, ...]:
    """Return only catalogue examples, of every so many patterns: a small world for tests."""
    draw = Random(seed)
    return tuple(_read(row, recognizer, tools, draw) for row in _examples(recognizer, draw, every))


def _read(row: _Text, recognizer: Recognizer, tools: dict[str, str], draw: Random) -> Log:
    variants = [row.text, *(vary(row.text, draw) for _ in range(VARIANTS - 1))]
    said = classify_log(row.text, row.result, recognizer)
    # A log's tool family is that of the pattern that explains it; of an example it is its own pattern's.
    pattern = row.id.partition("#")[0] if row.origin == "examples" else said.pattern
    seen = tuple(_see(text, row.result, recognizer) for text in variants)
    return Log(row.id, row.origin, tools.get(pattern, GENERAL), row.project, row.kind, row.result, seen)


def _see(text: str, result: Result, recognizer: Recognizer) -> Seen:
    reading = recognizer.matcher.read(text.encode("utf-8", "replace"))
    lines: Sequence[str] = text.split("\n")
    structure = structure_of(reading.marks, len(lines), lines, 1)
    return Seen(reading.hits, structure, *weighed(reading.hits, structure, result, recognizer))


def weighed(hits: Sequence[Hit], structure: Structure, result: Result, recognizer: Recognizer) -> tuple[Evidence, Mapping[int, float]]:
    """Return what recognition makes of hits before any model is asked."""
    evidence = rank_candidates(hits, structure, result, recognizer.matcher.by_id, recognizer.precedence)
    return evidence, make_features(hits, structure.block, result, structure.end)
