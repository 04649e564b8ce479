"""From the text of pattern files to a checked catalogue, or to problems as ``file:line:column``; a bad set never replaces a good one.

``read_folder`` is the only reader of files, for a folder that the caller names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from typing_extensions import override

from learning.patterns.confirm import matches
from learning.patterns.model import Pattern, PatternFile, unchecked_file
from learning.patterns.position import Step, locate
from learning.patterns.store import Store

REVIEWS_FILE = "reviews.json"
# To be changed when a check is added: what passed the old ones is checked again.
CHECKS = "checks 1"
RESERVED_FILES = frozenset({"precedence.json", "model.json", "calibration.json", REVIEWS_FILE})


@dataclass(frozen=True, slots=True)
class PatternProblem:
    """Why a file is refused, and where; printed as ``file:line:column: message``."""

    file: str
    line: int
    column: int
    message: str

    @override
    def __str__(self) -> str:
        """Return the place and the message on one line."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A checked set of patterns; ``digest`` names it, so that a compiled form can be cached and decisions can be stamped."""

    patterns: tuple[Pattern, ...]
    families: tuple[str, ...]
    digest: str

    def by_id(self) -> dict[str, Pattern]:
        """Return the patterns under their ids."""
        return {pattern.id: pattern for pattern in self.patterns}


def read_folder(folder: Path) -> dict[str, str]:
    """Read the pattern files of a folder, by name; what lives beside them is left out."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json")) if path.name not in RESERVED_FILES}


def load_catalogue(files: Mapping[str, str], passed: Store | None = None) -> Catalogue | list[PatternProblem]:
    """Check every file and join them; all problems are reported at once, and none of the set is used when there is one.

    In ``passed`` the digest of a set is kept that has passed: the same texts are not checked again, which takes most of the time.
    """
    if passed is None:
        return _check_all(files)
    key = _key_of(files)
    digest = passed.get(key)
    if digest is not None:
        return _joined([unchecked_file(json.loads(files[name])) for name in sorted(files)], digest.decode())
    found = _check_all(files)
    if isinstance(found, Catalogue):
        passed.put(key, found.digest.encode())
    return found


def _key_of(files: Mapping[str, str]) -> str:
    content = json.dumps([CHECKS, *sorted(files.items())])
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def _joined(parsed: Sequence[PatternFile], digest: str) -> Catalogue:
    return Catalogue(tuple(pattern for one in parsed for pattern in one.patterns), tuple(one.family for one in parsed), digest)


def _check_all(files: Mapping[str, str]) -> Catalogue | list[PatternProblem]:
    problems: list[PatternProblem] = []
    loaded: list[tuple[str, PatternFile]] = []
    for name in sorted(files):
        parsed = _parse(name, files[name])
        if isinstance(parsed, PatternFile):
            loaded.append((name, parsed))
        else:
            problems.extend(parsed)
    problems.extend(_duplicates(files, loaded))
    for name, parsed_file in loaded:
        problems.extend(_wrong_examples(name, files[name], parsed_file))
    if problems:
        return problems
    patterns = tuple(pattern for _, parsed_file in loaded for pattern in parsed_file.patterns)
    return catalogue_of(patterns, tuple(parsed_file.family for _, parsed_file in loaded))


def catalogue_of(patterns: tuple[Pattern, ...], families: tuple[str, ...]) -> Catalogue:
    """Return checked patterns as a catalogue."""
    return Catalogue(patterns, families, _digest(patterns))


def _digest(patterns: Sequence[Pattern]) -> str:
    canonical = json.dumps([pattern.model_dump(mode="json") for pattern in patterns], sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def _parse(name: str, text: str) -> PatternFile | list[PatternProblem]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        return [PatternProblem(name, error.lineno, error.colno, error.msg)]
    try:
        return PatternFile.model_validate(document)
    except ValidationError as error:
        return [_problem(name, text, tuple(fault["loc"]), fault["msg"]) for fault in error.errors()]


def _problem(name: str, text: str, path: tuple[Step, ...], message: str) -> PatternProblem:
    line, column = locate(text, path)
    where = ".".join(str(step) for step in path)
    return PatternProblem(name, line, column, f"{where}: {message}" if where else message)


def _duplicates(files: Mapping[str, str], loaded: Sequence[tuple[str, PatternFile]]) -> list[PatternProblem]:
    seen: dict[str, str] = {}
    problems = []
    for name, parsed in loaded:
        for index, pattern in enumerate(parsed.patterns):
            if pattern.id in seen:
                problems.append(_problem(name, files[name], ("patterns", index, "id"), f"{pattern.id} is already in {seen[pattern.id]}"))
            seen.setdefault(pattern.id, name)
    return problems


def _wrong_examples(name: str, text: str, parsed: PatternFile) -> list[PatternProblem]:
    problems: list[PatternProblem] = []
    for index, pattern in enumerate(parsed.patterns):
        for field, wanted in (("examples", True), ("counter_examples", False)):
            shown = pattern.examples if wanted else pattern.counter_examples
            said = "this example is not matched" if wanted else "this counter-example is matched"
            problems.extend(
                _problem(name, text, ("patterns", index, field, number), said)
                for number, example in enumerate(shown)
                if matches(pattern, example) is not wanted
            )
    return problems
