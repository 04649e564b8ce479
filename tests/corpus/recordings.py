"""From runs to the committed recordings: one compressed file a family, the same bytes for the same logs, no log twice in other numbers."""

from __future__ import annotations

import hashlib
import json
import lzma
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from learning.stored_logs import StoredLog, load_stored_logs
from learning.structure import clean_line

FOLDER = Path(__file__).parents[2] / "learning" / "corpus"
MAX_BYTES = 5 * 1000 * 1000
# Addresses, digests, paths, versions and numbers; but not an HTTP status, which is what some logs differ in and is their cause.
_MASKS = (
    re.compile(r"[a-z+]{2,10}://\S+"),
    re.compile(r"\b[0-9a-f]{7,}\b"),
    re.compile(r"(?:[\w.@~-]*[/\\]){2,}[\w.@+-]*"),
    re.compile(r"(?!(?<![\d.:])[45]\d\d(?![\d.:]| ?m?s\b| ?[kM]?i?B\b))\b\d[\w.:]*|(?<=[a-z_])\d+"),
)
_WORD = re.compile(r"[a-z_]+|[45]\d\d|#")


def read_recordings(folder: Path = FOLDER) -> tuple[StoredLog, ...]:
    """Return the recordings that are stored in a folder."""
    return load_stored_logs({path.name: path.read_bytes() for path in sorted(folder.glob("*.jsonl.xz"))})


def masked(text: str) -> str:
    """Return a digest of a log's words in their order, without numbers, paths, addresses, versions and timestamps."""
    lines = []
    for line in text.split("\n"):
        bare = clean_line(line).lower()
        for mask in _MASKS:
            bare = mask.sub("#", bare)
        lines.append(" ".join(_WORD.findall(bare)))
    return hashlib.sha256("\n".join(line for line in lines if line).encode()).hexdigest()


def packed(logs: Iterable[StoredLog]) -> bytes:
    """Return the bytes of a family's file."""
    rows = []
    for log in sorted(logs, key=lambda one: one.id):
        row = asdict(log)
        row["label"], row["conclusion"] = str(row.pop("kind")), str(row.pop("result"))
        rows.append(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n")
    return lzma.compress("".join(rows).encode(), preset=9 | lzma.PRESET_EXTREME)


def store(recorded: Sequence[StoredLog], gone: Iterable[str], folder: Path = FOLDER) -> Mapping[str, int]:
    """Put the logs in the place of those with their ids, drop the ids that are ``gone``; return the number of logs by changed family."""
    held = {log.id: log for log in read_recordings(folder)}
    dropped = set(gone)
    changed = {log.family for log in recorded} | {log.family for log in held.values() if log.id in dropped}
    held = {key: log for key, log in held.items() if key not in dropped} | {log.id: log for log in recorded}
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for family in sorted(changed):
        logs = [log for log in held.values() if log.family == family]
        path = folder / f"{family}.jsonl.xz"
        if logs:
            path.write_bytes(packed(logs))
        else:
            path.unlink(missing_ok=True)
        counts[family] = len(logs)
    return counts
