"""The pull requests and issues of the GitHub-shaped server: open ones listed, one opened, one closed; in memory."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

MOST_BODY_BYTES = 1024 * 1024
_LIST = re.compile(r"^/repos/(?P<project>[^/]+/[^/]+)/(?P<what>pulls|issues)$")
_ONE = re.compile(r"^/repos/(?P<project>[^/]+/[^/]+)/(?P<what>pulls|issues)/(?P<number>\d+)$")
Answer = tuple[int, bytes]


@dataclass(slots=True)
class PullRequest:
    """One pull request of one project, or an issue, which has no branches."""

    project: str
    number: int
    title: str
    head: str
    base: str
    state: str = "open"
    body: str = ""

    def plain(self) -> dict[str, object]:
        """Return it as the server shows it."""
        refs = {"head": {"ref": self.head}, "base": {"ref": self.base}} if self.head else {}
        return {"number": self.number, "title": self.title, "state": self.state, "body": self.body, **refs}

    def as_issue(self) -> dict[str, object]:
        """Return it as the list of issues shows it: a pull request is one too, and is marked."""
        return {**self.plain(), **({"pull_request": {}} if self.head else {})}


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
                return self._list(many["what"], many["project"], parse_qs(parts.query))
            if many and method == "POST":
                return self._open(many["what"], many["project"], body)
            if one and method == "PATCH":
                return self._change(one["project"], int(one["number"]), body)
        return 404, b"{}"

    def _list(self, what: str, project: str, asked: dict[str, list[str]]) -> Answer:
        state, size, page = (asked.get(name, [default])[0] for name, default in (("state", "open"), ("per_page", "30"), ("page", "1")))
        rows = [row for row in reversed(self.rows) if row.project == project and state in {row.state, "all"}]
        shown = [row.as_issue() for row in rows] if what == "issues" else [row.plain() for row in rows if row.head]
        begin = (int(page) - 1) * int(size)
        return 200, json.dumps(shown[begin : begin + int(size)]).encode()

    def _open(self, what: str, project: str, body: bytes) -> Answer:
        asked, needed = _object_in(body), ("title",) if what == "issues" else ("title", "head", "base")
        if not all(isinstance(asked.get(name), str) and asked[name] for name in needed):
            return 422, json.dumps({"message": f"{', '.join(needed)}: needed"}).encode()
        title, head, base = (str(asked[name]) if name in needed else "" for name in ("title", "head", "base"))
        if head and any((row.project, row.head, row.state) == (project, head, "open") for row in self.rows):
            return 422, b'{"message": "there is an open one for this head"}'
        self.rows.append(PullRequest(project, len(self.rows) + 1, title, head, base, body=str(asked.get("body") or "")))
        return 201, json.dumps(self.rows[-1].plain()).encode()

    def _change(self, project: str, number: int, body: bytes) -> Answer:
        row = next((row for row in self.rows if (row.project, row.number) == (project, number)), None)
        asked = _object_in(body)
        if row is None:
            return 404, b"{}"
        if asked.get("state", row.state) not in {"open", "closed"}:
            return 422, b'{"message": "state is open or closed"}'
        row.state, row.title, row.body = (str(asked.get(name, getattr(row, name))) for name in ("state", "title", "body"))
        return 200, json.dumps(row.plain()).encode()


def _object_in(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
