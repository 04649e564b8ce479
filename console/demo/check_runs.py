"""The check runs that apps write on the GitHub-shaped server: made, changed, and listed by commit and name; in memory."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

_MANY = re.compile(r"^/repos/(?P<project>[^/]+/[^/]+)/check-runs$")
_ONE = re.compile(r"^/repos/(?P<project>[^/]+/[^/]+)/check-runs/(?P<number>\d+)$")
_LISTED = re.compile(r"^/repos/(?P<project>[^/]+/[^/]+)/commits/(?P<commit>[0-9a-f]+)/check-runs$")
_MOST_SUMMARY_BYTES = 65_535
_FIRST = 5_000
_CONCLUSIONS = frozenset({"success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"})
Answer = tuple[int, bytes]


@dataclass
class CheckRuns:
    """All of them, each with its project and as the server shows it."""

    rows: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, body: bytes) -> Answer | None:
        """Answer a request; None for what is no business of check runs."""
        parts = urlsplit(path)
        many, one, listed = (shape.match(parts.path) for shape in (_MANY, _ONE, _LISTED))
        with self.lock:
            if many and method == "POST":
                return self._make(many["project"], body)
            if one and method == "PATCH":
                return self._change(one["project"], int(one["number"]), body)
            if listed and method == "GET":
                return self._list(listed["project"], listed["commit"], parse_qs(parts.query).get("check_name", [""])[0])
        return None

    def _make(self, project: str, body: bytes) -> Answer:
        asked = json.loads(body)
        why = _fault_in(asked) or ("" if asked.get("name") and asked.get("head_sha") else "name, head_sha: needed")
        if why:
            return 422, json.dumps({"message": why}).encode()
        row = {"id": _FIRST + len(self.rows), "conclusion": None, **asked}
        self.rows.append((project, row))
        return 201, json.dumps(row).encode()

    def _change(self, project: str, number: int, body: bytes) -> Answer:
        asked = json.loads(body)
        row = next((row for owner, row in self.rows if owner == project and row["id"] == number), None)
        if row is None:
            return 404, b"{}"
        why = _fault_in(asked)
        if why:
            return 422, json.dumps({"message": why}).encode()
        row |= asked
        return 200, json.dumps(row).encode()

    def _list(self, project: str, commit: str, name: str) -> Answer | None:
        rows = [row for owner, row in self.rows if (owner, row["head_sha"]) == (project, commit) and name in {row["name"], ""}]
        # Jobs are checks too, and the server's own to tell of.
        return (200, json.dumps({"total_count": len(rows), "check_runs": rows}).encode()) if rows or ":" in name else None


def _fault_in(asked: dict[str, object]) -> str:
    output = asked.get("output")
    summary = str(output.get("summary", "")) if isinstance(output, dict) else ""
    if len(summary.encode()) > _MOST_SUMMARY_BYTES:
        return f"summary: at most {_MOST_SUMMARY_BYTES} bytes"
    if asked.get("status") == "completed" and asked.get("conclusion") not in _CONCLUSIONS:
        return "conclusion: needed, and one of the known ones"
    return ""
