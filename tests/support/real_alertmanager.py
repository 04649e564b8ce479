"""A real Alertmanager on loopback that posts to one address, asked by its own API."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.broker.server import free_ports
from infra.parent_death import die_with_parent
from tests.support.real_prometheus import wait_ready
from tests.support.tools import tool

READY_S = 120.0
# As docs/gateway.md says it, with intervals for a test instead of for people.
_CONFIG = """
route:
  receiver: healstream
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: healstream
    webhook_configs:
      - url: {url}
        send_resolved: true
        http_config:
          authorization:
            credentials: {token}
"""


@dataclass
class RealAlertmanager:
    """One running server."""

    port: int

    @property
    def address(self) -> str:
        """Return ``host:port``, as a Prometheus is told it."""
        return f"127.0.0.1:{self.port}"

    def groups(self) -> list[Any]:
        """Return the groups that it makes of the alerts that it holds."""
        found: list[Any] = self._get("/api/v2/alerts/groups").json()
        return found

    def refusals(self) -> float:
        """Return how many of its posts were not answered with 2xx."""
        rows = self._get("/metrics").text.splitlines()
        name = 'alertmanager_notification_requests_failed_total{integration="webhook"}'
        return sum(float(row.split()[-1]) for row in rows if row.startswith(name))

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://{self.address}{path}", timeout=30).raise_for_status()


@contextmanager
def real_alertmanager(folder: Path, url: str, token: str) -> Iterator[RealAlertmanager]:
    """Run it in a folder of its own; without the program the test is skipped, and fails in CI."""
    [port] = free_ports(1)
    (folder / "alertmanager.yml").write_text(_CONFIG.format(url=url, token=token), encoding="utf-8")
    words = [tool("prometheus-alertmanager"), f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data"]
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(
            # It would look for others of its kind, and listen to them on every address.
            [*words, "--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl runs between fork and exec
        )
    try:
        wait_ready(process, port, folder / "alertmanager.log", READY_S)
        yield RealAlertmanager(port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
