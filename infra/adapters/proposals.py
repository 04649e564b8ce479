"""Pull requests and issues of a GitHub-shaped server: fits ``ProposalPort``. Only configured servers and projects, bounded answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from infra.adapters.ci_login import CiLogins
from infra.adapters.ci_server import MAX_ANSWER_BYTES, ask_server
from schemas.attempts import StepResult, StepStatus
from schemas.services import CiServer, Services
from schemas.targets.spec import Proposed

_OK = StepResult(StepStatus.OK)
_PAGE = 100
_PULLS, _ISSUES = "pulls", "issues"


@dataclass(frozen=True, slots=True)
class Proposals:
    """The real adapter over the servers of the catalogue."""

    services: Services
    logins: CiLogins = field(default_factory=CiLogins)

    def open_proposals(self, spec: Proposed) -> Mapping[str, int] | None:
        """Return the newest hundred open pull requests."""
        rows = self._open(spec, _PULLS)
        try:
            return None if rows is None else {str(row["head"]["ref"]): int(row["number"]) for row in rows}
        except (KeyError, TypeError, ValueError):
            return None

    def open_pull_request(self, spec: Proposed, branch: str, title: str, body: str) -> StepResult:
        """Ask for it unless it is there."""
        asked = {"title": title, "head": branch, "base": spec.base_branch, "body": body}
        return self._ask_once(spec, _PULLS, self.open_proposals(spec), branch, asked)

    def close(self, spec: Proposed, branch: str) -> StepResult:
        """Close it if it is open."""
        return self._close(spec, _PULLS, self.open_proposals(spec), branch)

    def open_issues(self, spec: Proposed) -> Mapping[str, int] | None:
        """Return the newest hundred open issues; the server lists pull requests among them, which are none."""
        rows = self._open(spec, _ISSUES)
        try:
            return None if rows is None else {str(row["title"]): int(row["number"]) for row in rows if "pull_request" not in row}
        except (KeyError, TypeError, ValueError):
            return None

    def open_issue(self, spec: Proposed, title: str, body: str) -> StepResult:
        """Ask for it unless it is there."""
        return self._ask_once(spec, _ISSUES, self.open_issues(spec), title, {"title": title, "body": body})

    def close_issue(self, spec: Proposed, title: str) -> StepResult:
        """Close it if it is open."""
        return self._close(spec, _ISSUES, self.open_issues(spec), title)

    def _open(self, spec: Proposed, what: str) -> list[Any] | None:
        server = _server_of(self.services, spec)
        if server is None:
            return None
        asked: dict[str, str | int] = {"state": "open", "per_page": _PAGE}
        try:
            with self.logins.client(server) as client, client.stream("GET", _path(spec, what), params=asked) as answer:
                content = bytearray()
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > MAX_ANSWER_BYTES:
                        return None
            rows = json.loads(content) if answer.is_success else None
        except (httpx.HTTPError, OSError, ValueError):
            return None
        return rows if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else None

    def _ask_once(self, spec: Proposed, what: str, known: Mapping[str, int] | None, name: str, body: Mapping[str, str]) -> StepResult:
        if known is None:
            return StepResult(StepStatus.FAILED, f"the server does not say which {what} are open")
        return _OK if name in known else self._send(spec, "POST", what, body)

    def _close(self, spec: Proposed, what: str, known: Mapping[str, int] | None, name: str) -> StepResult:
        if known is None:
            return StepResult(StepStatus.UNCERTAIN, f"the server does not say which {what} are open", 1.0)
        return self._send(spec, "PATCH", f"{what}/{known[name]}", {"state": "closed"}) if name in known else _OK

    def _send(self, spec: Proposed, method: str, path: str, body: Mapping[str, str]) -> StepResult:
        server = _server_of(self.services, spec)
        if server is None:
            return StepResult(StepStatus.FAILED, "no configured server for this project")
        return ask_server(server, self.logins, method, _path(spec, path), body)


def _server_of(services: Services, spec: Proposed) -> CiServer | None:
    return next((row for row in services.ci if row.source == spec.source and spec.project in row.projects), None)


def _path(spec: Proposed, rest: str) -> str:
    return f"/repos/{quote(spec.project, safe='/')}/{rest}"
