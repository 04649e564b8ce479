"""The page of metrics as a scraper reads it: every name of the contract, none that says what its process does not know, and no lint."""

from __future__ import annotations

import subprocess
from pathlib import Path

import httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from infra.metrics import COUNTERS, GAUGES, HISTOGRAMS, Metrics, MetricsServer
from schemas.outputs import Count, Gauge, Observe
from tests.support.tools import tool

# ``interfaces.md``, "Out": what dashboards and rules of other people rest on.
CONTRACT = {
    "healstream_events_total": ("source", "kind"),
    "healstream_events_rejected_total": ("source", "reason"),
    "healstream_detections_total": ("kind", "detector"),
    "healstream_detection_latency_seconds": (),
    "healstream_classification_confidence": (),
    "healstream_decisions_total": ("decision", "reason"),
    "healstream_recoveries_total": ("strategy", "outcome"),
    "healstream_recovery_duration_seconds": ("strategy",),
    "healstream_time_to_recover_seconds": (),
    "healstream_verifications_total": ("factor", "outcome"),
    "healstream_rollbacks_total": ("reason", "outcome"),
    "healstream_rollback_duration_seconds": (),
    "healstream_approvals_pending": (),
    "healstream_circuit_state": ("circuit", "name"),
    "healstream_kill_switch_engaged": (),
    "healstream_model_accuracy_ratio": ("model", "window"),
    "healstream_drift_detected_total": ("model",),
    "healstream_consumer_lag_messages": ("topic",),
}


def page(metrics: Metrics) -> str:
    return metrics.page()[1].decode()


def full_page(state: Path) -> str:
    metrics = Metrics(state)
    for name, (_, labels) in COUNTERS.items():
        metrics.apply(Count(name, tuple((label, "x") for label in labels)))
    for name, (_, labels, _buckets) in HISTOGRAMS.items():
        metrics.apply(Observe(name, 0.5, tuple((label, "x") for label in labels)))
    for name, (_, labels) in GAUGES.items():
        metrics.apply(Gauge(name, 1, tuple((label, "x") for label in labels)))
    return page(metrics)


def test_every_metric_of_the_contract_is_there_with_its_labels(tmp_path: Path) -> None:
    found = {name: row[1] for table in (COUNTERS, HISTOGRAMS, GAUGES) for name, row in table.items()}
    assert {name: found.get(name) for name in CONTRACT} == CONTRACT
    text = full_page(tmp_path)
    assert [name for name in (*CONTRACT, "healstream_self_cpu_seconds_total", "healstream_build_info") if f"\n{name}" not in text] == []


def test_promtool_finds_nothing_to_say_about_the_page(tmp_path: Path) -> None:
    words = [tool("promtool"), "check", "metrics"]
    told = subprocess.run(words, input=full_page(tmp_path), capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_scraper_that_reads_openmetrics_gets_the_trace_of_a_value_and_no_other_does(tmp_path: Path) -> None:
    metrics, trace = Metrics(tmp_path), f"00-{TRACE}-00f067aa0ba902b7-01"
    labels = (("strategy", "service_restart"), ("outcome", "healed"))
    metrics.apply(Count("healstream_recoveries_total", labels, trace=trace))
    for name in ("healstream_detection_latency_seconds", "healstream_time_to_recover_seconds"):
        metrics.apply(Observe(name, 3.0, trace=trace))
    metrics.apply(Observe("healstream_classification_confidence", 0.9, trace="broken"))
    kind, text = metrics.page("application/openmetrics-text; version=1.0.0; q=0.5, text/plain;q=0.3")
    found = {
        sample.name: (sample.exemplar.labels, sample.exemplar.value)
        for family in text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call] # the library leaves it untyped
        for sample in family.samples
        if sample.exemplar
    }
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    assert found == {
        "healstream_recoveries_total": ({"trace_id": TRACE}, 1.0),
        "healstream_detection_latency_seconds_bucket": ({"trace_id": TRACE}, 3.0),
        "healstream_time_to_recover_seconds_bucket": ({"trace_id": TRACE}, 3.0),
    }
    assert TRACE not in metrics.page()[1].decode()


def test_a_process_answers_each_scraper_in_the_form_that_it_asks_for() -> None:
    metrics = Metrics()
    metrics.apply(Observe("healstream_time_to_recover_seconds", 3.0, trace=f"00-{TRACE}-00f067aa0ba902b7-01"))
    server = MetricsServer(metrics, 0, lambda: "")
    server.start()
    try:
        for accept, begins, has_trace in (
            ("application/openmetrics-text", "application/openmetrics-text", True),
            ("*/*", "text/plain", False),
        ):
            answer = httpx.get(f"http://127.0.0.1:{server.port}/metrics", headers={"accept": accept}, trust_env=False)
            assert answer.headers["content-type"].startswith(begins)
            assert (TRACE in answer.text) is has_trace
    finally:
        server.stop()


def test_a_gauge_is_shown_from_its_first_value_on() -> None:
    metrics = Metrics()
    assert "healstream_kill_switch_engaged" not in page(metrics)
    for value in (0, 1):
        metrics.apply(Gauge("healstream_kill_switch_engaged", value))
    assert "\nhealstream_kill_switch_engaged 1.0\n" in page(metrics)


def test_the_disk_of_the_state_is_shown_while_it_can_be_read(tmp_path: Path) -> None:
    rows = dict(line.rsplit(" ", 1) for line in page(Metrics(tmp_path)).splitlines() if line.startswith("healstream_state_disk"))
    size, free = float(rows["healstream_state_disk_size_bytes"]), float(rows["healstream_state_disk_free_bytes"])
    assert 0 <= free <= size
    assert size > 0
    assert "healstream_state_disk" not in page(Metrics(tmp_path / "gone"))
