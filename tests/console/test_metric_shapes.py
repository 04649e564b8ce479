"""Prometheus servers and the probes that ask them, as ``services.yaml`` spells them: into records, or refused at their line."""

from __future__ import annotations

import pytest

from schemas.configuration import Configuration, services_body
from schemas.probes import Comparison, MetricTest, ProbeKind, ProbeSpec
from schemas.services import PrometheusServer
from tests.console.test_target_shapes import told

SERVER = "prometheus:\n  - {name: main, url: 'http://127.0.0.1:9090/metrics-store'}\n"
METRIC = "{query: 'errors{job=\"web\"}', compare: '<=', threshold: 0.5, unit: errors/s, max_age_s: 30}"
PROBE = f"{{name: errors, kind: prometheus, address: main, metric: {METRIC}}}"
WEB = f"services:\n  - {{name: web, group: shop, argv: [web], cwd: /srv, pid_file: /run/web.pid, probes: [{PROBE}]}}\n"
RANGE = "series: 'errors[5m]'"
BOX = f"containers:\n  - {{name: box, probes: [{PROBE}]}}\n"


def test_a_server_and_a_probe_become_their_records_and_a_plain_selector_is_its_own_series() -> None:
    found = told(f"{SERVER}{WEB}{BOX}")
    assert isinstance(found, Configuration)
    services = found.services
    metric = MetricTest('errors{job="web"}', Comparison.AT_MOST, 0.5, 'errors{job="web"}', "errors/s", 30.0)
    probe = ProbeSpec("errors", ProbeKind.PROMETHEUS, "main", metric=metric)
    assert services.prometheus == (PrometheusServer("main", "http://127.0.0.1:9090/metrics-store"),)
    assert (services.services[0].probes, services.containers[0].answers) == ((probe,), (probe,))
    assert '"series"' in services_body(services)


def test_an_expression_names_the_series_that_it_rests_on() -> None:
    query = METRIC.replace('errors{job="web"}\'', "sum(rate(errors[1m]))', series: 'errors'")
    found = told(f"{SERVER}{WEB.replace(METRIC, query)}")
    assert isinstance(found, Configuration)
    [probe] = found.services.services[0].probes
    assert probe.metric
    assert (probe.metric.query, probe.metric.series) == ("sum(rate(errors[1m]))", "errors")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (WEB, "there is no Prometheus 'main'"),
        (BOX, "there is no Prometheus 'main'"),
        (f"{SERVER}{SERVER.splitlines()[1]}\n", "twice"),
        (SERVER.replace("127.0.0.1", "user:secret@127.0.0.1"), "without a login"),
        (SERVER.replace("127.0.0.1", "169.254.169.254"), "link-local"),
        (SERVER.replace("http:", "file:"), "http(s)"),
        (SERVER.replace("metrics-store", "?x=1"), "without a login or a query"),
        (f"{SERVER}{WEB.replace(f', metric: {METRIC}', '')}", "together"),
        (f"{SERVER}{WEB.replace('kind: prometheus', 'kind: http')}", "together"),
        (f"{SERVER}{WEB.replace('<=', '!=')}", "'<', '<='"),
        (f"{SERVER}{WEB.replace('0.5', '.inf')}", "finite"),
        (f"{SERVER}{WEB.replace('errors{job', 'rate(errors{job')}", "series must be a plain selector"),
        (f"{SERVER}{WEB.replace('unit: errors/s', RANGE)}", "series is a plain selector"),
        (f"{SERVER}{WEB.replace('max_age_s: 30', 'max_age_s: 0')}", "greater than 0"),
        (f"{SERVER}{BOX.replace('kind: prometheus', 'kind: process').replace(f', metric: {METRIC}', '')}", "write tcp, http or prometheus"),
    ],
)
def test_a_mistake_is_named_at_its_line(text: str, word: str) -> None:
    found = told(text)
    assert isinstance(found, list)
    assert word in found[0]
