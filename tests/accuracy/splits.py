"""The labelled logs that recognition is measured on, split by where they come from; a split that is not at hand is left out and named."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from learning.stored_logs import load_stored_logs
from schemas.vocabulary import Group, Kind, Result, group_of

SHARED = Path(__file__).parents[3] / "shared" / "data"
RECORDED = Path(__file__).parents[2] / "learning" / "corpus"
WRITTEN = Path(__file__).parent / "written"
# Lines in which a CI system itself states how a job ended; without them only what the tools say is left.
_VERDICT = re.compile(
    r"(?:Your build exited with|The command .* exited with|Process completed with exit code|ERROR: Job failed|^Job succeeded"
    r"|^Finished: [A-Z]+|exited with code '|script returned exit code|Cleaning up (?:project directory|file based variables)"
    r"|Exited with code exit status|^##\[error\]\w+ exited with code)"
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One log, its kind, and the CI system that ran it; ``result`` is what the job's conclusion would say."""

    id: str
    text: str
    kind: Kind
    ci: str

    @property
    def result(self) -> Result:
        """Return the conclusion that goes with the label."""
        return Result.SUCCESS if group_of(self.kind) is Group.NONE else Result.FAILURE


def without_verdict(text: str) -> str:
    """Return a log without the lines that state its verdict."""
    return "\n".join(line for line in text.split("\n") if not _VERDICT.search(line))


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _labelled(path: Path) -> tuple[Labelled, ...]:
    return tuple(Labelled(row["id"], row["text"], Kind(row["label"]), row.get("ci", "")) for row in _rows(path))


def splits() -> dict[str, tuple[Labelled, ...]]:
    """Return the splits that are at hand by name: real ones, signatures, and logs written from what tools print."""
    found: dict[str, tuple[Labelled, ...]] = {}
    for name in ("dev", "dev_signatures"):
        if (SHARED / f"{name}.jsonl").exists():
            found[name] = _labelled(SHARED / f"{name}.jsonl")
    for ci in sorted({row.ci for row in found.get("dev", ())}):
        found[f"dev:{ci}"] = tuple(row for row in found["dev"] if row.ci == ci)
    stored = load_stored_logs({path.name: path.read_bytes() for path in RECORDED.glob("*.jsonl.xz")})
    found["provoked"] = tuple(Labelled(log.id, log.text, log.kind, log.ci) for log in stored)
    for path in sorted(WRITTEN.glob("*.jsonl")):
        found[f"written:{path.stem}"] = _labelled(path)
    return found
