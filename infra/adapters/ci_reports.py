"""Check runs and issues of a GitHub-shaped server: each written once, however often it is asked for; called by ``console/report_runs.py``.

What was written before is found again by the incident's id: a check run by its ``external_id``, an issue by a marker in its body.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import httpx

from infra.adapters.ci_answers import Heard, Trouble, pause_after, trouble_of
from infra.adapters.ci_login import CiLogins, NoTokenError
from schemas.services import CiServer

MAX_ANSWER_BYTES = 8 * 1024 * 1024
_PAGE, _MOST_PAGES = 100, 20
_SAID = 2_000


class TroubledError(Exception):
    """The server gave no answer that can be used; the trouble says why."""

    def __init__(self, trouble: Trouble) -> None:
        """Keep it."""
        super().__init__(trouble.why)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Put:
    """The number of what was written, 0 when there was nothing to write; for so long the server wants to be left alone."""

    number: int
    pause_s: float = 0.0


@dataclass(slots=True)
class _Talk:
    """One conversation with a server over one connection."""

    client: httpx.Client
    repository: str
    now_s: Callable[[], float]
    pause_s: float = 0.0

    def ask(self, method: str, path: str, body: object = None) -> object:
        """Return the answer's JSON; raises TroubledError."""
        with self.client.stream(method, f"{self.repository}{path}", json=body) as answer:
            content = bytearray()
            for part in answer.iter_bytes():
                content += part
                if len(content) > MAX_ANSWER_BYTES:
                    raise TroubledError(Trouble(Heard.REFUSED, f"the answer has more than {MAX_ANSWER_BYTES >> 20} MiB"))
        self.pause_s = pause_after(answer.headers, self.now_s())
        if not answer.is_success:
            said = bytes(content[:_SAID]).decode("utf-8", "replace")
            raise TroubledError(trouble_of(answer.status_code, answer.headers, said, self.now_s()))
        try:
            return json.loads(content)
        except ValueError as error:
            raise TroubledError(Trouble(Heard.AWAY, "the answer is no JSON")) from error

    def number_of(self, method: str, path: str, body: object, name: str) -> int:
        """Write, and return the number under which it stands."""
        found = self.ask(method, path, body)
        number = found.get(name) if isinstance(found, dict) else None
        if not isinstance(number, int):
            raise TroubledError(Trouble(Heard.AWAY, f"the answer has no {name}"))
        return number


@dataclass(frozen=True, slots=True)
class CiReports:
    """Writes with the tokens of ``logins``."""

    logins: CiLogins
    now_s: Callable[[], float] = time.time

    def put_check(self, server: CiServer, project: str, check: Mapping[str, object], known: int) -> Put | Trouble:
        """Write a check run over the one with the same ``external_id``, or as a new one."""

        def write(talk: _Talk) -> int:
            number = known or _check_in(talk, check)
            # The commit of one that is there cannot be changed, and need not be.
            changed = {name: value for name, value in check.items() if name != "head_sha"}
            if number:
                return talk.number_of("PATCH", f"/check-runs/{number}", changed, "id")
            return talk.number_of("POST", "/check-runs", dict(check), "id")

        return self._talked(server, project, write)

    def put_issue(self, server: CiServer, project: str, issue: Mapping[str, object], marker: str, known: int) -> Put | Trouble:
        """Write an issue over the one that holds the marker, or as a new one unless it would be closed at once.

        ``issue`` has title and body; a ``state`` is set only on one that is there. ``since`` is not written: when it was opened at
        the earliest.
        """

        def write(talk: _Talk) -> int:
            number = known or _issue_in(talk, marker, str(issue["since"]))
            wanted = {name: value for name, value in issue.items() if name != "since"}
            state = wanted.pop("state", "")
            if number:
                return talk.number_of("PATCH", f"/issues/{number}", wanted | ({"state": state} if state else {}), "number")
            return 0 if state == "closed" else talk.number_of("POST", "/issues", wanted, "number")

        return self._talked(server, project, write)

    def _talked(self, server: CiServer, project: str, write: Callable[[_Talk], int]) -> Put | Trouble:
        try:
            with self.logins.client(server) as client:
                talk = _Talk(client, f"/repos/{quote(project, safe='/')}", self.now_s)
                return Put(write(talk), talk.pause_s)
        except TroubledError as error:
            if error.trouble.heard is Heard.DENIED:
                self.logins.forget(server)
            return error.trouble
        except NoTokenError as error:
            return Trouble(Heard.DENIED, str(error))
        except (httpx.HTTPError, OSError) as error:
            # It may have been written all the same: the next try looks first.
            return Trouble(Heard.AWAY, f"no answer: {type(error).__name__}")


def _check_in(talk: _Talk, check: Mapping[str, object]) -> int:
    commit, name = quote(str(check["head_sha"]), safe=""), quote(str(check["name"]), safe="")
    for page in range(1, _MOST_PAGES + 1):
        found = talk.ask("GET", f"/commits/{commit}/check-runs?check_name={name}&filter=all&per_page={_PAGE}&page={page}")
        rows = _rows(found.get("check_runs") if isinstance(found, dict) else None)
        for row in rows:
            number = row.get("id")
            if row.get("external_id") == check["external_id"] and isinstance(number, int):
                return number
        if len(rows) < _PAGE:
            return 0
    raise TroubledError(Trouble(Heard.REFUSED, "the commit has too many check runs to look through"))


def _issue_in(talk: _Talk, marker: str, since: str) -> int:
    for page in range(1, _MOST_PAGES + 1):
        rows = _rows(talk.ask("GET", f"/issues?state=all&since={quote(since, safe='')}&per_page={_PAGE}&page={page}"))
        for row in rows:
            number = row.get("number")
            # Only at the beginning: whoever quotes an issue of ours does not take its place. Pull requests are listed too.
            if str(row.get("body") or "").startswith(marker) and "pull_request" not in row and isinstance(number, int):
                return number
        if len(rows) < _PAGE:
            return 0
    raise TroubledError(Trouble(Heard.REFUSED, "there are too many issues to look through for ours"))


def _rows(found: object) -> list[Mapping[str, object]]:
    if not isinstance(found, list):
        raise TroubledError(Trouble(Heard.AWAY, "the answer is no list"))
    return [row for row in found if isinstance(row, dict)]


def when(at: datetime) -> str:
    """Return a time as the server reads it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
