"""A worker's environment, and what it shows of itself."""

from __future__ import annotations

import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.metrics import Metrics, MetricsServer
from infra.settings import WorkerSettings
from schemas.errors import ConfigurationError, UnreachableError
from schemas.outputs import Count, Gauge, Observe


def test_a_worker_reads_its_environment() -> None:
    found = WorkerSettings.from_environment({"HEALSTREAM_BROKERS": "127.0.0.1:9", "HEALSTREAM_STATE": "/s", "HEALSTREAM_METRICS_PORT": "7"})
    assert (found.brokers, found.metrics_port, found.stop_file) == ("127.0.0.1:9", 7, Path("/s/stop"))
    assert found.keys == Path("/s/keys")
    assert found.in_flight == 200
    assert WorkerSettings.from_environment({"HEALSTREAM_BROKERS": "x", "HEALSTREAM_IN_FLIGHT": "16"}).in_flight == 16


WRONG = [("METRICS_PORT", "-1"), ("IN_FLIGHT", "0"), ("IN_FLIGHT", "1001"), ("IN_FLIGHT", "many")]


@pytest.mark.parametrize("environ", [{}, *({"HEALSTREAM_BROKERS": "x", f"HEALSTREAM_{name}": value} for name, value in WRONG)])
def test_a_missing_or_wrong_variable_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="HEALSTREAM_"):
        WorkerSettings.from_environment(environ)


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    metrics = Metrics()
    metrics.apply(Count("healstream_events_total", (("source", "ci"), ("kind", "LogChunk")), 3))
    metrics.apply(Observe("healstream_classification_confidence", 0.95))
    metrics.apply(Gauge("healstream_approvals_pending", 2))
    running = MetricsServer(metrics, 0, lambda: "" if metrics else "starting")
    running.start()
    yield running
    running.stop()


def get(server: MetricsServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_metrics_and_health_are_served_on_loopback(server: MetricsServer) -> None:
    status, text = get(server, "/metrics")
    assert status == 200
    assert 'healstream_events_total{kind="LogChunk",source="ci"} 3.0' in text
    assert "healstream_approvals_pending 2.0" in text
    assert 'healstream_build_info{version="' in text
    assert float(next(line for line in text.splitlines() if line.startswith("healstream_self_cpu_seconds_total ")).split()[1]) > 0
    assert get(server, "/readyz") == (200, "ready\n")
    assert get(server, "/healthz")[0] == 200
    assert get(server, "/else")[0] == 404


def test_a_process_that_is_not_ready_says_why() -> None:
    starting = MetricsServer(Metrics(), 0, lambda: "waiting for the broker")
    starting.start()
    try:
        assert get(starting, "/readyz") == (503, "waiting for the broker\n")
    finally:
        starting.stop()


def test_a_scraper_that_hangs_up_leaves_no_trace_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    is_asked, is_gone = threading.Event(), threading.Event()

    def ready() -> str:
        is_asked.set()
        is_gone.wait(30)
        return ""

    running = MetricsServer(Metrics(), 0, ready)
    running.start()
    with socket.create_connection(("127.0.0.1", running.port)) as scraper:
        scraper.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
        assert is_asked.wait(30)
        # Closed with a reset, so that the answer meets nobody.
        scraper.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    answering = [thread for thread in threading.enumerate() if "process_request" in thread.name]
    is_gone.set()
    for thread in answering:
        thread.join(30)
    running.stop()
    assert answering
    assert capfd.readouterr().err == ""


def test_a_taken_metrics_port_is_named(server: MetricsServer) -> None:
    with pytest.raises(UnreachableError, match=str(server.port)):
        MetricsServer(Metrics(), server.port, lambda: "")
