"""The main branch of a project: ``trunk:<name>``. What several ends of its jobs say together is healed here, by proposals only.

Also the list of tests that are left out for a while, which whoever runs the tests reads: a test is named, and until when.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, TypedDict

from schemas.targets.spec import Unwatched

# A name that a test command may be given as its last word: nothing that it could read as an option.
TEST_NAME = re.compile(r"[A-Za-z0-9_./][^\s\x00-\x1f]{0,299}")
MAX_HELD = 200


@dataclass(frozen=True, slots=True)
class TrunkSpec(Unwatched):
    """One main branch: ``repository`` is a path on this machine, ``source`` and ``project`` name it on the CI server.

    ``jobs`` are those whose ends count. ``test`` runs all tests in a folder with one commit's files, or those whose names are added to
    it; ``list_tests`` prints the names, one a line. Both run the project's own code. ``quarantine`` is the file on this machine that
    names the tests which are left out; without one nothing is left out. ``resolve`` makes a dry run of the package tool's resolver on the
    commit's own manifest, and passes when each version is there.
    """

    TYPE: ClassVar[str] = "trunk"

    name: str
    repository: str
    source: str
    project: str
    jobs: tuple[str, ...]
    test: tuple[str, ...]
    list_tests: tuple[str, ...] = ()
    quarantine: str = ""
    resolve: tuple[str, ...] = ()
    base_branch: str = "main"
    environ: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 120.0
    max_bytes: int = 64 * 1024**2
    healing: bool = True

    def owns(self, target: str) -> bool:
        """Tell whether a target is one of its jobs, in any run."""
        start, _, job = target.rpartition("/")
        return job in self.jobs and start.rpartition("/")[0] == f"job:{self.source}/{self.project}"


def trunk_of(target: str, trunks: Iterable[TrunkSpec]) -> TrunkSpec | None:
    """Return the main branch that a CI job is of."""
    return next((spec for spec in trunks if spec.owns(target)), None)


@dataclass(frozen=True, slots=True)
class HeldTest:
    """One test that is left out ``until`` then; after that it counts again, whoever forgets to take it out of the list."""

    test: str
    until: datetime


class _Row(TypedDict):
    test: str
    until: str


def held_text(held: Iterable[HeldTest]) -> str:
    """Return the list as its file holds it."""
    rows: list[_Row] = [{"test": row.test, "until": row.until.isoformat()} for row in sorted(held, key=lambda row: row.test)]
    return json.dumps(rows, indent=1) + "\n"


def held_from(text: str) -> tuple[HeldTest, ...]:
    """Read the list; raises ValueError when it is none."""
    rows = json.loads(text)
    if not isinstance(rows, list) or len(rows) > MAX_HELD:
        raise ValueError(f"this is no list of at most {MAX_HELD} tests")
    return tuple(_held_in(row) for row in rows)


def _held_in(row: object) -> HeldTest:
    words = (row.get("test"), row.get("until")) if isinstance(row, dict) else (None, None)
    until = datetime.fromisoformat(words[1]) if isinstance(words[1], str) else None
    if not isinstance(words[0], str) or until is None or until.tzinfo is None:
        raise ValueError("each entry names a test, and until when with a time zone")
    return HeldTest(words[0], until)


def held_at(held: Iterable[HeldTest], now: datetime) -> tuple[str, ...]:
    """Return the tests that are left out now; what has run its time out counts again."""
    return tuple(sorted(row.test for row in held if row.until > now))
