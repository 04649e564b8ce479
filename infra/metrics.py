"""The metrics of ``interfaces.md`` and the small loopback server that shows them, with ``/healthz`` and ``/readyz``."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock, Thread
from typing import TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client import Gauge as PrometheusGauge
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from schemas.errors import UnreachableError
from schemas.outputs import Count, Gauge, Observe

OPENMETRICS = "application/openmetrics-text"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 1800)
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)

COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "healstream_events_total": ("Events taken in", ("source", "kind")),
    "healstream_events_rejected_total": ("Events not taken in", ("source", "reason")),
    "healstream_detections_total": ("Detections made", ("kind", "detector")),
    "healstream_decisions_total": ("Decisions made", ("decision", "reason")),
    "healstream_recoveries_total": ("Recoveries ended", ("strategy", "outcome")),
    "healstream_verifications_total": ("Verification factors judged", ("factor", "outcome")),
    "healstream_rollbacks_total": ("Rollbacks ended", ("reason", "outcome")),
    "healstream_drift_detected_total": ("Drifts seen", ("model",)),
}
HISTOGRAMS: dict[str, tuple[str, tuple[str, ...], tuple[float, ...]]] = {
    "healstream_detection_latency_seconds": ("From the failure's own time to its detection", (), _SECONDS),
    "healstream_classification_confidence": ("Confidence of classifications", (), _SHARES),
    "healstream_recovery_duration_seconds": ("From a command to its outcome", ("strategy",), _SECONDS),
    "healstream_time_to_recover_seconds": ("From the failure's own time to recovered_at", (), _SECONDS),
    "healstream_rollback_duration_seconds": ("From the failed verification to the last undo", (), _SECONDS),
}
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "healstream_approvals_pending": ("Decisions that wait for people", ()),
    "healstream_circuit_state": ("0 closed, 1 half open, 2 open", ("circuit", "name")),
    "healstream_kill_switch_engaged": ("1 while a switch is on", ()),
    "healstream_model_accuracy_ratio": ("Prequential accuracy", ("model", "window")),
    "healstream_consumer_lag_messages": ("Messages not read yet", ("topic",)),
    "healstream_lease_timestamp_seconds": ("When this executor last heard that steps may start", ()),
}


M = TypeVar("M", bound=MetricWrapperBase)


class _OfThisProcess(Collector):
    """What is read at each scrape: processor time, and which build runs."""

    @override
    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily("healstream_self_cpu_seconds", "Processor time of this process", time.process_time())
        yield InfoMetricFamily("healstream_build", "The build that runs", {"version": _build()})


class _Disk(Collector):
    """How full the disk of a folder is, read at each scrape; one that cannot be read is not shown."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @override
    def collect(self) -> Iterator[Metric]:
        try:
            seen = os.statvfs(self._folder)
        except OSError:
            return
        size = (seen.f_blocks - seen.f_bfree + seen.f_bavail) * seen.f_frsize
        yield GaugeMetricFamily("healstream_state_disk_size_bytes", "What may be filled of the disk with the state", size)
        yield GaugeMetricFamily("healstream_state_disk_free_bytes", "What is free of it", seen.f_bavail * seen.f_frsize)


def _build() -> str:
    try:
        return version("healstream")
    except PackageNotFoundError:
        return "unknown"


class Metrics:
    """All metrics of one process, fed by the values that stages return; ``state`` is the folder whose disk it shows too."""

    def __init__(self, state: Path | None = None) -> None:
        self.registry = CollectorRegistry()
        self._counters = {
            name: Counter(name.removesuffix("_total"), row[0], row[1], registry=self.registry) for name, row in COUNTERS.items()
        }
        self._histograms = {
            name: Histogram(name, row[0], row[1], buckets=row[2], registry=self.registry) for name, row in HISTOGRAMS.items()
        }
        # Shown from its first value on: 0 from a process that knows nothing of it would be untrue.
        self._gauges = {name: PrometheusGauge(name, row[0], row[1], registry=None) for name, row in GAUGES.items()}
        self._unshown = set(GAUGES)
        self._lock = Lock()
        self.registry.register(_OfThisProcess())
        if state is not None:
            self.registry.register(_Disk(state))

    def apply(self, output: Count | Observe | Gauge) -> None:
        """Put one value in; raises KeyError for a name that ``interfaces.md`` does not list, which is a defect."""
        match output:
            case Count():
                _labelled(self._counters[output.metric], output.labels).inc(output.n, _exemplar(output.trace) if output.n else None)
            case Observe():
                _labelled(self._histograms[output.metric], output.labels).observe(output.value, _exemplar(output.trace))
            case Gauge():
                _labelled(self._gauges[output.metric], output.labels).set(output.value)
                with self._lock:
                    if output.metric in self._unshown:
                        self._unshown.discard(output.metric)
                        self.registry.register(self._gauges[output.metric])

    def page(self, accept: str = "") -> tuple[str, bytes]:
        """Return the kind and the text of what a scraper reads: OpenMetrics, which has exemplars, for whoever says that it reads it."""
        if OPENMETRICS in accept:
            # The whole header is a stranger's, and the library stumbles over some: it is only told what was found in it.
            text_of, kind = choose_encoder(OPENMETRICS)
            return kind, text_of(self.registry)
        return CONTENT_TYPE_LATEST, generate_latest(self.registry)


def _exemplar(traceparent: str) -> dict[str, str] | None:
    found = _TRACEPARENT.fullmatch(traceparent)
    return {"trace_id": found[1]} if found else None


def _labelled(metric: M, labels: tuple[tuple[str, str], ...]) -> M:
    return metric.labels(**dict(labels)) if labels else metric


class MetricsServer:
    """Serves ``/metrics``, ``/healthz`` and ``/readyz`` on loopback from its own thread; ``ready`` says why not, or empty."""

    def __init__(self, metrics: Metrics, port: int, ready: Callable[[], str]) -> None:
        self._server = self._bind(port, _pages(metrics, ready))
        self.port = int(self._server.server_address[1])
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @staticmethod
    def _bind(port: int, pages: Callable[[str, str], tuple[int, str, bytes]]) -> ThreadingHTTPServer:
        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the library calls it by this name
                status, kind, body = pages(self.path, self.headers.get("Accept", ""))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                # Who asked may have gone away: nobody waits for the answer, and a trace in the log would look like a fault.
                with suppress(ConnectionError):
                    self.end_headers()
                    self.wfile.write(body)

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet: a scrape is no news."""

        try:
            return ThreadingHTTPServer(("127.0.0.1", port), Page)
        except OSError as error:
            raise UnreachableError(f"metrics port {port}", str(error.strerror), "Set HEALSTREAM_METRICS_PORT to a free port") from error

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more and free the port."""
        self._server.shutdown()
        self._server.server_close()


def _pages(metrics: Metrics, ready: Callable[[], str]) -> Callable[[str, str], tuple[int, str, bytes]]:
    def answer(path: str, accept: str) -> tuple[int, str, bytes]:
        if path == "/metrics":
            return (200, *metrics.page(accept))
        if path == "/healthz":
            return 200, "text/plain", b"ok\n"
        if path == "/readyz":
            why = ready()
            return (503, "text/plain", f"{why}\n".encode()) if why else (200, "text/plain", b"ready\n")
        return 404, "text/plain", b"there is /metrics, /healthz and /readyz\n"

    return answer
