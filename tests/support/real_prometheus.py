"""A real Prometheus on loopback with the shipped configuration and rules, asked as Grafana asks it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.broker.server import free_ports
from infra.parent_death import die_with_parent
from tests.support.tools import tool

SHIPPED = Path(__file__).parents[2] / "infra/deploy/prometheus"
READY_S = 60.0
# The shipped intervals are for months of work; a test looks every second.
_FASTER = {"scrape_interval: 5s": "scrape_interval: 1s", "scrape_timeout: 4s": "scrape_timeout: 1s", "interval: 15s": "interval: 1s"}


class NotAnsweredError(AssertionError):
    """The server refused a query; its own words say why."""


@dataclass
class RealPrometheus:
    """One running server."""

    port: int

    def series(self, query: str) -> list[Any]:
        """Return the series of an instant query; raises NotAnsweredError when the server cannot take it."""
        found: list[Any] = self.ask("query", query=query)["result"]
        return found

    def rules(self) -> list[Any]:
        """Return every rule as it stands."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def ask(self, what: str, **words: str) -> Any:
        """Return the data of an answer of the API."""
        address = f"/api/v1/{what}?{urllib.parse.urlencode(words)}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{address}", timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise NotAnsweredError(f"{words}: {error.read().decode()}") from error


@contextmanager
def real_prometheus(folder: Path, targets: str) -> Iterator[RealPrometheus]:
    """Run it over these targets (the text of a file for ``file_sd_configs``); without the program the test is skipped, and fails in CI."""
    shutil.copytree(SHIPPED, folder)
    told = (folder / "prometheus.yaml").read_text(encoding="utf-8")
    for slow, fast in _FASTER.items():
        assert slow in told, slow
        told = told.replace(slow, fast)
    (folder / "prometheus.yaml").write_text(told, encoding="utf-8")
    (folder / "targets.json").write_text(targets, encoding="utf-8")
    with running_prometheus(folder) as port:
        yield RealPrometheus(port)


@contextmanager
def running_prometheus(folder: Path) -> Iterator[int]:
    """Run it by ``prometheus.yaml`` in a folder, and yield its port; without the program the test is skipped, and fails in CI."""
    [port] = free_ports(1)
    words = [tool("prometheus"), f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*words, f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl runs between fork and exec
        )
    try:
        wait_ready(process, port, folder / "log")
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_ready(process: subprocess.Popen[bytes], port: int, log: Path, within_s: float = READY_S) -> None:
    """Return once the server says that it is ready, as all of that family do at the same path; fail with its log."""
    end = time.monotonic() + within_s
    while True:
        assert process.poll() is None, log.read_text(encoding="utf-8")[-2000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < end, log.read_text(encoding="utf-8")[-2000:]
            time.sleep(0.1)
