"""A tiny exporter that a real Prometheus scrapes, with one alerting rule; ended with the test that started it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

from schemas.services import PrometheusServer
from tests.support.real_prometheus import running_prometheus

PATIENCE_S = 120.0
ALERT = "WebHot"
_CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: web
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
_ALERTING = """
alerting:
  alertmanagers:
    - static_configs: [{{targets: ["{alertmanager}"]}}]
"""
# A scrape that came late ends no alert: on a busy machine it would resolve and fire anew.
_RULES = f"""
groups:
  - name: web
    rules:
      - {{alert: {ALERT}, expr: 'last_over_time(web_heat[5m]) > 90', labels: {{severity: critical}}}}
"""


@dataclass
class Running:
    """The server, and what the exporter shows (by its series, as the text format spells them)."""

    servers: tuple[PrometheusServer, ...]
    shown: dict[str, float]


@contextmanager
def scraped_exporter(folder: Path, shown: dict[str, float], alertmanager: str = "") -> Iterator[Running]:
    """Run both until the end of the block, alerts told to an Alertmanager if there is one; skip without the program (in CI: fail)."""
    with _exporter(shown) as exporter_port:
        (folder / "rules.yml").write_text(_RULES)
        told = _ALERTING.format(alertmanager=alertmanager) if alertmanager else ""
        (folder / "prometheus.yaml").write_text(_CONFIG.format(rules=folder / "rules.yml", port=exporter_port) + told)
        with running_prometheus(folder) as port:
            yield Running((PrometheusServer("main", f"http://127.0.0.1:{port}"),), shown)


def eventually(is_so: Callable[[], bool]) -> bool:
    """Wait until it is so; give up after a long time."""
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


@contextmanager
def _exporter(shown: dict[str, float]) -> Iterator[int]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write("".join(f"{series} {value}\n" for series, value in dict(shown).items()).encode())

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
