"""Pull requests of a GitHub-shaped server: fits ``ProposalPort``. Only configured servers and projects, bounded answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from infra.adapters.ci_server import MAX_ANSWER_BYTES, ask_server, client_of
from schemas.attempts import StepResult, StepStatus
from schemas.services import CiServer, Services
from schemas.targets.lockfile import LockfileSpec

_OK = StepResult(StepStatus.OK)
_PAGE = 100
_BODY = "The lock file did not fit its manifest. It was written anew by the project's own tool, and a clean install of it passed."


@dataclass(frozen=True, slots=True)
class Proposals:
    """The real adapter over the servers of the catalogue."""

    services: Services

    def open_proposals(self, spec: LockfileSpec) -> Mapping[str, int] | None:
        """Return the newest hundred open pull requests."""
        server = self._server(spec)
        if server is None:
            return None
        try:
            with client_of(server) as client, client.stream("GET", _path(spec), params={"state": "open", "per_page": _PAGE}) as answer:
                content = bytearray()
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > MAX_ANSWER_BYTES:
                        return None
            rows = json.loads(content) if answer.is_success else None
            return {str(row["head"]["ref"]): int(row["number"]) for row in rows} if isinstance(rows, list) else None
        except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError):
            return None

    def open_pull_request(self, spec: LockfileSpec, branch: str, title: str) -> StepResult:
        """Ask for it unless it is there."""
        known = self.open_proposals(spec)
        if known is None:
            return StepResult(StepStatus.FAILED, "the server does not say which pull requests are open")
        if branch in known:
            return _OK
        return self._send(spec, "POST", "", {"title": title, "head": branch, "base": spec.base_branch, "body": _BODY})

    def close(self, spec: LockfileSpec, branch: str) -> StepResult:
        """Close it if it is open."""
        known = self.open_proposals(spec)
        if known is None:
            return StepResult(StepStatus.UNCERTAIN, "the server does not say which pull requests are open", 1.0)
        return self._send(spec, "PATCH", f"/{known[branch]}", {"state": "closed"}) if branch in known else _OK

    def _send(self, spec: LockfileSpec, method: str, path: str, body: Mapping[str, str]) -> StepResult:
        server = self._server(spec)
        if server is None:
            return StepResult(StepStatus.FAILED, "no configured server for this project")
        return ask_server(server, method, _path(spec) + path, body)

    def _server(self, spec: LockfileSpec) -> CiServer | None:
        return next((row for row in self.services.ci if row.source == spec.source and spec.project in row.projects), None)


def _path(spec: LockfileSpec) -> str:
    return f"/repos/{quote(spec.project, safe='/')}/pulls"
