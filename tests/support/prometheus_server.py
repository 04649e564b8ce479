"""A server shaped like Prometheus' query API on loopback: its series have times of their own, and faults can be put in its answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from schemas.services import PrometheusServer

_AGE_OF = "time() - min(timestamp("


@dataclass
class Shown:
    """What the server says: ``series`` by selector are values with the age of their sample (s); ``results`` are those of expressions.

    ``rules`` are its alerting rules as the API spells them. ``late_s`` is how old the answers themselves are; ``raw`` replaces an
    answer's body, ``status`` its code.
    """

    series: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    results: dict[str, object] = field(default_factory=dict)
    late_s: float = 0.0
    warnings: Sequence[str] = ()
    raw: Callable[[], Iterator[bytes]] | None = None
    status: int = 200
    rules: object = None
    asked: list[str] = field(default_factory=list)
    url: str = ""
    clock: Callable[[], float] = time.time

    @property
    def servers(self) -> tuple[PrometheusServer, ...]:
        """Return it as a catalogue names it."""
        return (PrometheusServer("main", self.url),)

    def answer(self, query: str) -> bytes:
        """Return the body of an answer."""
        at = self.clock() - self.late_s
        if query in self.results:
            data = self.results[query]
        elif query.startswith(_AGE_OF):
            ages = [age for _, age in self.series.get(query.removeprefix(_AGE_OF).removesuffix("))"), [])]
            data = vector([(str(max(ages)), at)] if ages else [])
        else:
            data = vector([(value, at) for value, _ in self.series.get(query, [])])
        more = {"warnings": list(self.warnings)} if self.warnings else {}
        return json.dumps({"status": "success", "data": data, **more}).encode()


def vector(samples: Sequence[tuple[str, float]]) -> dict[str, object]:
    """Return an instant vector as the API spells it."""
    return {"resultType": "vector", "result": [{"metric": {}, "value": [at, value]} for value, at in samples]}


@contextmanager
def prometheus_server(shown: Shown) -> Iterator[Shown]:
    """Serve what is shown."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query).get("query", [""])[0]
            shown.asked.append(query)
            is_rules = parts.path == "/api/v1/rules"
            self.send_response(shown.status if is_rules or parts.path == "/api/v1/query" else 404)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            try:
                said = json.dumps({"status": "success", "data": shown.rules}).encode() if is_rules else shown.answer(query)
                for part in shown.raw() if shown.raw else iter([said]):
                    self.wfile.write(part)
                    self.wfile.flush()
            except OSError:
                # Whoever asked has had enough.
                self.close_connection = True

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    shown.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield shown
    finally:
        server.shutdown()
        server.server_close()
