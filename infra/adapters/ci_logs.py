"""A job's log from a GitHub-shaped server: its end first, in bounded bytes, time and memory, however large it is.

Called by ``ci_server.py`` for the executor and by ``console/fetch_logs.py``. The server answers with an address on another host: only
those of the catalogue are followed to, and the token stays behind.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin, urlsplit

import httpx

from infra.adapters.authorities import trusted
from infra.adapters.ci_answers import Heard, Trouble, pause_after, trouble_of
from infra.adapters.ci_login import TIMEOUT, CiLogins, NoTokenError
from schemas.services import CiServer

MIB = 1024 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PIECE_BYTES = 64 * 1024
_SAID_BYTES = 2_000
_MAX_JOBS_BYTES = 8 * MIB
_MOST_PAGES = 10
_GZIP_WINDOW = 47
# Logs shrink ten- to fiftyfold; a bomb a thousandfold.
_MAX_RATIO, _RATIO_FROM_BYTES = 200, 4 * MIB


@dataclass(frozen=True, slots=True)
class LogBounds:
    """``kept`` bytes of the end are kept, at most ``read`` are read to get there, and ``within_s`` seconds are taken for it."""

    kept: int = 8 * MIB
    read: int = 2048 * MIB
    within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The end of a log; ``is_whole`` when it is all of it. ``pause_s``: for so long the server wants to be asked nothing more."""

    content: bytes
    is_whole: bool
    pause_s: float = 0.0


@dataclass(slots=True)
class Ring:
    """Keeps the last bytes of what is fed; what is packed is unpacked in bounded parts. ``trouble`` says what ended it before."""

    bounds: LogBounds
    is_packed: bool
    kept: bytearray = field(default_factory=bytearray)
    size: int = 0
    received: int = 0
    _zip: zlib._Decompress = field(default_factory=lambda: zlib.decompressobj(_GZIP_WINDOW))

    def feed(self, piece: bytes) -> Trouble | None:
        """Take a piece in; return why no more may be taken."""
        self.received += len(piece)
        if not self.is_packed:
            return self._keep(piece)
        while piece:
            try:
                found = self._keep(self._zip.decompress(piece, _PIECE_BYTES * 4))
            except zlib.error as error:
                return Trouble(Heard.REFUSED, f"the log is no gzip: {error}")
            if found:
                return found
            piece = self._zip.unconsumed_tail
        return None

    def _keep(self, plain: bytes) -> Trouble | None:
        self.size += len(plain)
        self.kept += plain
        # Cut only now and then: each cut moves all that is kept.
        if len(self.kept) > 2 * self.bounds.kept:
            del self.kept[: -self.bounds.kept]
        if self.is_packed and self.size > _RATIO_FROM_BYTES and self.size > _MAX_RATIO * self.received:
            return Trouble(Heard.REFUSED, f"the log unpacks to more than {_MAX_RATIO} times its size")
        if self.size > self.bounds.read:
            return Trouble(Heard.REFUSED, f"the log has more than {self.bounds.read // MIB} MiB before its end")
        return None

    def end(self, is_from_begin: bool) -> LogEnd | Trouble:
        """Return the end of what was fed."""
        if self.is_packed and not self._zip.eof:
            return Trouble(Heard.AWAY, "the log ends before its end")
        content = bytes(self.kept[-self.bounds.kept :])
        return LogEnd(content, is_from_begin and len(content) == self.size)


@dataclass(frozen=True, slots=True)
class CiLogs:
    """Asks for logs with the tokens of ``logins``."""

    logins: CiLogins
    bounds: LogBounds = LogBounds()
    now_s: Callable[[], float] = time.time

    def job_id(self, server: CiServer, project: str, run_id: str, attempt: int, job: str) -> int | Trouble:
        """Return the number of a job of an attempt by its name."""
        path = f"/repos/{quote(project, safe='/')}/actions/runs/{quote(run_id, safe='')}/attempts/{attempt}/jobs?per_page=100"
        try:
            with self.logins.client(server) as client:
                for page in range(1, _MOST_PAGES + 1):
                    rows = self._jobs(client, f"{path}&page={page}")
                    if isinstance(rows, Trouble):
                        return rows
                    found = next((row["id"] for row in rows if row.get("name") == job and isinstance(row.get("id"), int)), None)
                    if isinstance(found, int):
                        return found
                    if len(rows) < 100:
                        break
        except (httpx.HTTPError, OSError) as error:
            return _unanswered(error)
        return Trouble(Heard.MISSING, "the attempt has no job of that name")

    def end_of(self, server: CiServer, project: str, job_id: int) -> LogEnd | Trouble:
        """Return the end of a job's log, or why there is none."""
        path = f"/repos/{quote(project, safe='/')}/actions/jobs/{job_id}/logs"
        ends_s = time.monotonic() + self.bounds.within_s
        try:
            with self.logins.client(server) as client, client.stream("GET", path) as answer:
                pause_s = pause_after(answer.headers, self.now_s())
                if answer.status_code not in _REDIRECTS:
                    return self._read(answer, ends_s, is_api=True)
                where = _place_of(server, answer)
            if isinstance(where, Trouble):
                return where
            # Its own client: neither the token nor anything else of the first one reaches the other host.
            plain = {"Accept-Encoding": "identity"}
            with httpx.Client(headers=plain, timeout=TIMEOUT, follow_redirects=False, trust_env=False, verify=trusted()) as other:
                found = self._from_its_end(other, where, ends_s)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return _unanswered(error)
        return LogEnd(found.content, found.is_whole, pause_s) if isinstance(found, LogEnd) else found

    def _from_its_end(self, other: httpx.Client, url: str, ends_s: float) -> LogEnd | Trouble:
        with other.stream("GET", url) as answer:
            size = _size_told(answer)
            if size <= self.bounds.kept or answer.headers.get("accept-ranges", "").lower() != "bytes":
                return self._read(answer, ends_s, is_api=False)
        # Its size is told and a part may be asked for: the end alone travels.
        with other.stream("GET", url, headers={"Range": f"bytes={size - self.bounds.kept}-"}) as answer:
            return self._read(answer, ends_s, is_api=False)

    def _read(self, answer: httpx.Response, ends_s: float, is_api: bool) -> LogEnd | Trouble:
        if not answer.is_success:
            said = _beginning_of(answer)
            found = trouble_of(answer.status_code, answer.headers, said, self.now_s())
            # What the API has given an address of, and its store refuses, is old: a new address is asked for.
            is_old = not is_api and found.heard in {Heard.DENIED, Heard.REFUSED}
            return Trouble(Heard.AWAY, f"the log's store: {found.why}") if is_old else found
        ring = Ring(self.bounds, answer.headers.get("content-encoding", "identity").lower() not in {"identity", ""})
        for piece in answer.iter_raw(_PIECE_BYTES):
            found_bad = ring.feed(piece)
            if found_bad:
                return found_bad
            if time.monotonic() > ends_s:
                return Trouble(Heard.AWAY, f"its end was not reached within {self.bounds.within_s:g} s")
        return ring.end(answer.status_code != 206)

    def _jobs(self, client: httpx.Client, path: str) -> list[dict[str, object]] | Trouble:
        with client.stream("GET", path) as answer:
            if not answer.is_success:
                return trouble_of(answer.status_code, answer.headers, _beginning_of(answer), self.now_s())
            content = bytearray()
            for part in answer.iter_bytes():
                content += part
                if len(content) > _MAX_JOBS_BYTES:
                    return Trouble(Heard.REFUSED, "the list of jobs is too long")
        try:
            rows = json.loads(content)["jobs"]
        except (ValueError, KeyError, TypeError):
            return Trouble(Heard.AWAY, "the list of jobs cannot be read")
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def may_follow(server: CiServer, url: str) -> bool:
    """Tell whether a log may be read there: at the API's own address, or on a listed host, and never less protected than the API."""
    parts, api = urlsplit(url), urlsplit(server.api_url)
    if parts.username or parts.password or parts.scheme not in {"http", "https"}:
        return False
    if (parts.scheme, parts.netloc) == (api.scheme, api.netloc):
        return True
    host = (parts.hostname or "").lower().rstrip(".")
    is_listed = any(host == known or (known.startswith("*.") and host.endswith(known[1:])) for known in server.log_hosts)
    return is_listed and (parts.scheme == "https" or api.scheme == "http")


def _place_of(server: CiServer, answer: httpx.Response) -> str | Trouble:
    url = urljoin(str(answer.url), str(answer.headers.get("location", "")))
    if may_follow(server, url):
        return url
    host = str(urlsplit(url).hostname)
    return Trouble(Heard.REFUSED, f"the log lies on {host[:100]!r}, which is none of this server's log_hosts in services.yaml")


def _size_told(answer: httpx.Response) -> int:
    told = answer.headers.get("content-length", "")
    is_plain = answer.headers.get("content-encoding", "identity").lower() in {"identity", ""}
    return int(told) if answer.status_code == 200 and is_plain and told.isascii() and told.isdecimal() and len(told) < 16 else 0


def _beginning_of(answer: httpx.Response) -> str:
    content = b""
    for part in answer.iter_raw(_SAID_BYTES):
        content += part
        if len(content) >= _SAID_BYTES:
            break
    return content[:_SAID_BYTES].decode("utf-8", "replace")


def _unanswered(error: Exception) -> Trouble:
    if isinstance(error, NoTokenError):
        return Trouble(Heard.DENIED, str(error))
    # A message of the client could hold the address, and that of a log is a secret for as long as it is valid.
    why = str(error) if isinstance(error, OSError) else type(error).__name__
    return Trouble(Heard.AWAY, f"no answer: {why}")
