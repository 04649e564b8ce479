"""A small HTTP server of the kind that a notice goes to: it answers 500, or not at all, as often as it is told, and keeps what it took."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override


@dataclass
class MoodyServer:
    """``moods`` are used up one a request: a status, or 0 for no answer until the end; then everything is taken."""

    port: int
    moods: Iterable[int] = ()
    taken: list[dict[str, str]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left = iter(self.moods)
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen from now on."""
        moody = self

        class Page(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                with moody._lock:
                    status = next(moody._left, 200)
                    if status == 200:
                        moody.taken.append(json.loads(raw))
                    else:
                        moody.refused.append(status)
                if not status:
                    moody._ending.wait()
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Page)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Let go of whoever waits, and listen no more."""
        self._ending.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def messages(self) -> list[str]:
        """Return the texts that were taken."""
        with self._lock:
            return [found["message"] for found in self.taken]
