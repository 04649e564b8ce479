"""GitHub's REST calls on loopback as they were recorded: a job's log behind a redirect to a store of its own, an App's tokens, limits.

Whatever else is asked goes to a ``GithubServer``, which knows runs, re-runs, check runs and issues. ``moods`` say how the next requests
whose path holds a word are answered instead: a status with headers, or no answer at all.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from typing_extensions import override

from console.demo.github_server import GithubServer, answer_patch

API_TOKEN = "ghs_a-token-of-tests"
PIECE = 256 * 1024
TOKEN_ENDS = "2030-01-01T00:00:00Z"


@dataclass(frozen=True)
class Mood:
    """One odd answer; ``status`` 0 is none until the end, though what was asked for is done first when ``is_done``."""

    word: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    is_done: bool = False


@dataclass(frozen=True)
class StoredLog:
    """One log in the store; ``size`` repeats the text up to so many bytes before its end. ``ranges``: whether a part may be asked for."""

    text: bytes
    size: int = 0
    ranges: bool = True
    tells_size: bool = True
    packed: bool = False

    def pieces(self, begin: int) -> Iterator[bytes]:
        """Yield the log from a byte on."""
        filler = b"nothing of note happens here, line after line\n" * 6000
        left = max(self.size - begin, 0)
        while left > 0:
            part = filler[: min(left, len(filler))]
            left -= len(part)
            yield part
        yield self.text[max(begin - self.size, 0) :]


@dataclass
class GithubApi:
    """The API and the store; ``asked`` is every request with its authorization."""

    inner: GithubServer | None = None
    logs: dict[int, StoredLog] = field(default_factory=dict)
    moods: list[Mood] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    # When each path was posted to for the first time (monotonic seconds).
    posted_s: dict[str, float] = field(default_factory=dict)
    granted: list[dict[str, object]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    store_host: str = "127.0.0.1"
    port: int = 0
    store_port: int = 0
    sent: int = 0
    ending: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Return the address of the API."""
        return f"http://127.0.0.1:{self.port}"

    def asked_of(self, method: str, word: str) -> list[str]:
        """Return the paths of the requests by a method that hold a word."""
        return [path for verb, path, _ in self.asked if verb == method and word in path]

    def mood_of(self, path: str) -> Mood | None:
        """Take the next odd answer for a path."""
        found = next((mood for mood in self.moods if mood.word in path), None)
        if found is not None:
            self.moods.remove(found)
        return found

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Answer what is no mood and no log's text."""
        if path.endswith("/access_tokens"):
            self.granted.append(json.loads(body))
            token = f"{API_TOKEN}-{len(self.granted)}"
            return 201, {}, json.dumps({"token": token, "expires_at": TOKEN_ENDS, "permissions": self.granted[-1]["permissions"]}).encode()
        if path.endswith("/logs") and "/actions/jobs/" in path:
            number = int(path.split("/")[-2])
            if number in self.logs or self._knows_log(path):
                return 302, {"Location": f"http://{self.store_host}:{self.store_port}/logs/{number}?sig=secret"}, b""
            return 404, {}, b'{"message": "Not Found", "status": "404"}'
        if self.inner is None:
            return 404, {}, b'{"message": "Not Found", "status": "404"}'
        if method == "PATCH":
            status, said = answer_patch(self.inner, path, body)
        else:
            status, said = self.inner.answer_get(path) if method == "GET" else self.inner.answer_post(path, body)
        return status, {}, said

    def stored(self, number: int) -> StoredLog | None:
        """Return a log of the store: one that was put there, or that of a job which ran."""
        if number in self.logs or self.inner is None:
            return self.logs.get(number)
        status, text = self.inner.answer_get(f"/repos/acme/shop/actions/jobs/{number}/logs")
        return StoredLog(text) if status == 200 else None

    def _knows_log(self, path: str) -> bool:
        return self.inner is not None and self.inner.answer_get(path)[0] == 200


@contextmanager
def serve(inner: GithubServer | None = None) -> Iterator[GithubApi]:
    """Serve the API and its store on two free loopback ports."""
    api = GithubApi(inner)
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), page) for page in (_api_page(api), _store_page(api))]
    api.port, api.store_port = (server.server_port for server in servers)
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield api
    finally:
        api.ending.set()
        for server in servers:
            server.shutdown()
            server.server_close()


class _Page(BaseHTTPRequestHandler):
    def write(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, text in {"Content-Length": str(len(body)), "X-RateLimit-Remaining": "4999", **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def _api_page(api: GithubApi) -> type[BaseHTTPRequestHandler]:
    class Page(_Page):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def do_PATCH(self) -> None:
            self._answer("PATCH")

        def _answer(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            api.asked.append((method, self.path, self.headers.get("Authorization", "")))
            api.bodies.append(body)
            if method == "POST":
                api.posted_s.setdefault(self.path, time.monotonic())
            mood = api.mood_of(self.path)
            said = api.answer(method, self.path, body) if mood is None or mood.is_done else (mood.status, mood.headers, mood.body)
            if mood is None or mood.status:
                self.write(*said)
            else:
                api.ending.wait(60)

    return Page


def _store_page(api: GithubApi) -> type[BaseHTTPRequestHandler]:
    class Page(_Page):
        def do_GET(self) -> None:
            api.asked.append(("STORE", self.path, self.headers.get("Authorization", "")))
            mood, stored = api.mood_of(self.path), api.stored(int(urlsplit(self.path).path.split("/")[-1]))
            if mood is not None and not mood.status:
                api.ending.wait(60)
            elif mood is not None:
                self.write(mood.status, mood.headers, mood.body)
            elif stored is None:
                self.write(404, {}, b"")
            else:
                _send_log(self, api, stored)

    return Page


def _send_log(page: _Page, api: GithubApi, stored: StoredLog) -> None:
    asked = page.headers.get("Range", "") if stored.ranges else ""
    begin, size = int(asked.removeprefix("bytes=").partition("-")[0] or 0), stored.size + len(stored.text)
    page.send_response(206 if asked else 200)
    body = gzip.compress(b"".join(stored.pieces(0))) if stored.packed else None
    if body is not None:
        page.send_header("Content-Encoding", "gzip")
    if stored.tells_size:
        page.send_header("Content-Length", str(size - begin if body is None else len(body)))
    if stored.ranges:
        page.send_header("Accept-Ranges", "bytes")
    if asked:
        page.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
    page.end_headers()
    try:
        for piece in stored.pieces(begin) if body is None else (body,):
            page.wfile.write(piece)
            api.sent += len(piece)
    except (BrokenPipeError, ConnectionResetError):
        # Who asked has read enough.
        page.close_connection = True
