"""A page on loopback that answers 429 so many times, and then 200."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from typing_extensions import override


@contextmanager
def rate_limited_page(retry_after: str, refusals: int) -> Iterator[str]:
    """Yield its address."""
    left = [refusals]

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_refused = left[0] > 0
            left[0] -= 1
            self.send_response(429 if is_refused else 200)
            if is_refused:
                self.send_header("Retry-After", retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
