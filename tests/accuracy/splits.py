"""The labelled logs that recognition is measured on, split by where they come from; a split that is not at hand is left out and named."""

from __future__ import annotations

import json
import lzma
import re
from dataclasses import dataclass
from pathlib import Path

from schemas.vocabulary import Group, Kind, Result, group_of

SHARED = Path(__file__).parents[3] / "shared" / "data"
SHARED_SPLITS = ("dev", "dev_signatures")
PROVOKED = Path(__file__).parents[2] / "learning" / "corpus"
WRITTEN = Path(__file__).parent / "written"
# Lines in which a CI system itself states how a job ended; without them only what the tools say is left.
_VERDICT = re.compile(
    r"(?:Your build exited with|The command .* exited with|Process completed with exit code|ERROR: Job failed|^Job succeeded"
    r"|^Finished: [A-Z]+|exited with code '|script returned exit code|Cleaning up (?:project directory|file based variables)"
    r"|Exited with code exit status|^##\[error\]\w+ exited with code)"
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One log, its kind, the CI system that ran it, its project and language; ``result`` is what the job's conclusion would say."""

    id: str
    text: str
    kind: Kind
    ci: str
    project: str = ""
    language: str = ""

    @property
    def result(self) -> Result:
        """Return the conclusion that goes with the label."""
        return Result.SUCCESS if group_of(self.kind) is Group.NONE else Result.FAILURE


def without_verdict(text: str) -> str:
    """Return a log without the lines that state its verdict."""
    return "\n".join(line for line in text.split("\n") if not _VERDICT.search(line))


def _rows(path: Path) -> list[dict[str, str]]:
    raw = path.read_bytes()
    text = (lzma.decompress(raw) if path.suffix == ".xz" else raw).decode("utf-8")
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _labelled(path: Path) -> tuple[Labelled, ...]:
    return tuple(
        Labelled(row["id"], row["text"], Kind(row["label"]), row.get("ci", ""), row.get("project", row["id"]), row.get("language", ""))
        for row in _rows(path)
    )


def absent() -> tuple[str, ...]:
    """Return the files of the splits that are not at hand."""
    wanted = [SHARED / f"{name}.jsonl" for name in SHARED_SPLITS]
    return tuple(path.name for path in wanted if not path.exists()) + (() if any(PROVOKED.glob("*.jsonl.xz")) else ("learning/corpus",))


def splits() -> dict[str, tuple[Labelled, ...]]:
    """Return the splits that are at hand by name: real ones, signatures, provoked faults, and logs written from what tools print."""
    found: dict[str, tuple[Labelled, ...]] = {}
    for name in SHARED_SPLITS:
        if (SHARED / f"{name}.jsonl").exists():
            found[name] = _labelled(SHARED / f"{name}.jsonl")
    for ci in sorted({row.ci for row in found.get("dev", ())}):
        found[f"dev:{ci}"] = tuple(row for row in found["dev"] if row.ci == ci)
    provoked = tuple(row for path in sorted(PROVOKED.glob("*.jsonl.xz")) for row in _labelled(path))
    if provoked:
        found["provoked"] = provoked
    for path in sorted(WRITTEN.glob("*.jsonl")):
        found[f"written:{path.stem}"] = _labelled(path)
    return found
