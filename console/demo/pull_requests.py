"""The pull requests of the GitHub-shaped server: open ones listed, one opened, one closed; in memory."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

MOST_BODY_BYTES = 1024 * 1024
_LIST = re.compile(r"^/repos/(?P<project>[^/]+/[^/]+)/pulls$")
_ONE = re.compile(r"^/repos/(?P<project>[^/]+/[^/]+)/pulls/(?P<number>\d+)$")
Answer = tuple[int, bytes]


@dataclass(slots=True)
class PullRequest:
    """One pull request of one project."""

    project: str
    number: int
    title: str
    head: str
    base: str
    state: str = "open"

    def plain(self) -> dict[str, object]:
        """Return it as the server shows it."""
        refs = {"head": {"ref": self.head}, "base": {"ref": self.base}}
        return {"number": self.number, "title": self.title, "state": self.state, **refs}


@dataclass
class PullRequests:
    """All of them, by number."""

    rows: list[PullRequest] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer a request; 404 for what is not there, 422 for what cannot be done."""
        parts = urlsplit(path)
        many, one = _LIST.match(parts.path), _ONE.match(parts.path)
        with self.lock:
            if many and method == "GET":
                return self._list(many["project"], parse_qs(parts.query).get("state", ["open"])[0])
            if many and method == "POST":
                return self._open(many["project"], body)
            if one and method == "PATCH":
                return self._change(one["project"], int(one["number"]), body)
        return 404, b"{}"

    def _list(self, project: str, state: str) -> Answer:
        rows = [row.plain() for row in reversed(self.rows) if row.project == project and state in {row.state, "all"}]
        return 200, json.dumps(rows).encode()

    def _open(self, project: str, body: bytes) -> Answer:
        asked = _object_in(body)
        words = [asked.get(name) for name in ("title", "head", "base")]
        if not all(isinstance(word, str) and word for word in words):
            return 422, b'{"message": "title, head and base are needed"}'
        title, head, base = (str(word) for word in words)
        if any((row.project, row.head, row.state) == (project, head, "open") for row in self.rows):
            return 422, b'{"message": "there is an open one for this head"}'
        self.rows.append(PullRequest(project, len(self.rows) + 1, title, head, base))
        return 201, json.dumps(self.rows[-1].plain()).encode()

    def _change(self, project: str, number: int, body: bytes) -> Answer:
        row = next((row for row in self.rows if (row.project, row.number) == (project, number)), None)
        state = _object_in(body).get("state")
        if row is None:
            return 404, b"{}"
        if state not in {"open", "closed"}:
            return 422, b'{"message": "state is open or closed"}'
        row.state = str(state)
        return 200, json.dumps(row.plain()).encode()


def _object_in(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
