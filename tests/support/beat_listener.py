"""A small HTTP server of the kind that waits for heartbeats: it keeps each request line and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from typing_extensions import override

# What an answer may be beside a status.
HANG, DRIP = "hang", "drip"
_DRIP_S = 0.05


@dataclass
class BeatListener:
    """``answer`` is the next answers' status, ``hang`` for none at all, ``drip`` for a head that never ends."""

    url: str = ""
    answer: int | str = 200
    heard: list[tuple[str, str, str]] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)


class Page(BaseHTTPRequestHandler):
    """Answers for a listener; whatever is asked by another method than POST is refused."""

    listener: ClassVar[BeatListener]

    def do_POST(self) -> None:
        """Keep what was asked and answer as told."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer = self.listener.answer
        self.listener.heard.append((self.command, self.path, body))
        if isinstance(answer, str):
            self._never_end(b"HTTP/1.1 20" if answer == DRIP else b"")
            return
        self.send_response(answer)
        if answer in {301, 307}:
            self.send_header("Location", f"{self.listener.url}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _never_end(self, head: bytes) -> None:
        # One letter at a time, and not all of the status line: each read is quick, the whole never ends.
        for letter in head:
            if self.listener.ending.wait(_DRIP_S):
                return
            self.wfile.write(bytes([letter]))
        self.listener.ending.wait()

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def beat_listener() -> Iterator[BeatListener]:
    """Listen on a free port of loopback until the end."""
    listener = BeatListener()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OwnPage", (Page,), {"listener": listener}))
    server.daemon_threads = True
    listener.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()
