"""The adapter against a real Prometheus that scrapes: metrics, polled series, and an alert that fires and resolves."""

from __future__ import annotations

from pathlib import Path

from infra.adapters.prometheus import Prometheus, UnusableError
from schemas.events import Provenance
from schemas.metric_queries import MetricQuery
from schemas.probes import AlertTest, Comparison, MetricTest, ProbeKind, ProbeSpec
from schemas.recoveries import Condition
from schemas.services import Services, ServiceSpec
from streams.polling import batches_of
from tests.support.hot_exporter import ALERT, eventually, scraped_exporter

HOT = ProbeSpec("hot", ProbeKind.ALERT, "main", timeout_s=30.0, alert=AlertTest(ALERT, (("app", "web"),)))
HEAT = ProbeSpec("heat", ProbeKind.PROMETHEUS, "main", timeout_s=30.0, metric=MetricTest("web_heat", Comparison.BELOW, 90.0, "web_heat"))
QUERY = MetricQuery("heat", "main", "web_heat", "heat", "service:{app}", timeout_s=30.0)
SERVICES = Services((ServiceSpec("web", "shop", ("x",), "/", "/p"),))


def test_a_metric_an_alert_and_a_polled_series_follow_what_is_scraped(tmp_path: Path) -> None:
    with scraped_exporter(tmp_path, {'web_heat{app="web"}': 95.0, 'web_heat{app="stranger"}': 1.0}) as running:
        server = Prometheus(running.servers)
        assert eventually(lambda: server.ask(HOT).detail.startswith("firing")), server.ask(HOT)
        assert (server.ask(HOT).condition, server.ask(HEAT).condition) == (Condition.ILL, Condition.ILL)

        rows = server.poll(QUERY)
        [batch], left_out = batches_of(QUERY, rows, SERVICES, Provenance())
        assert (batch.target, batch.samples[0].name, batch.samples[0].value, left_out) == ("service:web", "heat", 95.0, 1)
        assert dict(batch.samples[0].labels)["job"] == "web"

        running.shown['web_heat{app="web"}'] = 20.0
        assert eventually(lambda: server.ask(HOT).condition is Condition.WELL), server.ask(HOT)
        assert eventually(lambda: server.ask(HEAT).condition is Condition.WELL), server.ask(HEAT)


def test_a_real_servers_own_words_say_what_is_wrong_with_a_query(tmp_path: Path) -> None:
    with scraped_exporter(tmp_path, {}) as running:
        server = Prometheus(running.servers)

        def refusal() -> str:
            try:
                return str(server.poll(MetricQuery("x", "main", "sum(", "m", "service:web", timeout_s=30.0)))
            except UnusableError as why:
                return str(why)

        assert eventually(lambda: "the server says bad_data" in refusal()), refusal()
        nobody = ProbeSpec("x", ProbeKind.ALERT, "main", timeout_s=30.0, alert=AlertTest("Nobody"))
        assert server.ask(nobody).detail == "there is no alerting rule Nobody"
