"""A small server that speaks as Slack does where we call it: incoming webhooks, ``chat.postMessage`` and the address of a message."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

TOKEN = "xoxb-of-tests"


@dataclass(frozen=True)
class Taken:
    """One document that Slack took: where, and what it said."""

    path: str
    said: dict[str, Any]


@dataclass
class SlackServer:
    """``moods`` are used up one a request: a status, or 0 for no answer until the end; then everything is taken."""

    moods: Iterable[int] = ()
    taken: list[Taken] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left = iter(self.moods)
        self._came = threading.Condition()
        self._ending = threading.Event()
        slack = self

        class Page(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                status, body = slack.answer(self.path, self.headers.get("Authorization", ""), raw)
                if not status:
                    slack.wait_for_end()
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Retry-After", "30")
                self.end_headers()
                self.wfile.write(body)

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, path: str, authorization: str, raw: bytes) -> tuple[int, bytes]:
        """Return status and body as Slack words them."""
        said = json.loads(raw)
        with self._came:
            status = next(self._left, 200)
            if status == 200 and self._why_not(path, authorization, said) == "":
                self.taken.append(Taken(path, said))
            self._came.notify_all()
        if path != "/api/chat.postMessage":
            return status, b"ok"
        why = self._why_not(path, authorization, said)
        return status, json.dumps({"ok": not why, **({"error": why} if why else {"ts": "1.2"})}).encode()

    @staticmethod
    def _why_not(path: str, authorization: str, said: dict[str, Any]) -> str:
        if path != "/api/chat.postMessage":
            return ""
        if authorization != f"Bearer {TOKEN}":
            return "invalid_auth"
        return "" if said.get("channel") == "C0OPS" else "channel_not_found"

    def wait_for_end(self) -> None:
        """Answer nothing until the end."""
        self._ending.wait()

    def wait_for(self, count: int) -> list[Taken]:
        """Return what was taken once there is so much of it."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.taken) >= count, 60.0), "Slack was not told"
            return list(self.taken)

    def stop(self) -> None:
        """Let go of whoever waits, and listen no more."""
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
