"""A metric asked over real HTTP: what passes, what does not, and that silence, age and nonsense are never a yes."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.adapters.allowed_hosts import allowed_in
from infra.adapters.probes import Probes
from infra.adapters.prometheus import Prometheus, UnusableError, samples_in
from infra.adapters.surroundings import Surroundings
from schemas.attempts import Sight
from schemas.events import HealthStatus
from schemas.probes import Comparison, MetricTest, ProbeKind, ProbeSpec
from schemas.recoveries import Condition
from schemas.services import PrometheusServer, Services, ServiceSpec
from tests.support.prometheus_server import Shown, prometheus_server, vector

SERIES = 'errors_per_second{job="web"}'
METRIC = MetricTest(SERIES, Comparison.BELOW, 0.5, SERIES, "errors/s", 60.0)


def probe(timeout_s: float = 30.0, metric: MetricTest = METRIC) -> ProbeSpec:
    return ProbeSpec("web-errors", ProbeKind.PROMETHEUS, "main", timeout_s=timeout_s, metric=metric)


@pytest.fixture
def shown() -> Iterator[Shown]:
    with prometheus_server(Shown(series={SERIES: [("0.25", 3.0)]})) as found:
        yield found


def ask(shown: Shown, **changes: object) -> Sight:
    return Prometheus(shown.servers).ask(probe(metric=replace(METRIC, **changes)))  # type: ignore[arg-type]


def test_a_metric_that_is_as_wanted_is_well_and_says_its_value_unit_and_age(shown: Shown) -> None:
    sight = ask(shown)
    assert (sight.condition, sight.detail) == (Condition.WELL, "0.25, wanted < 0.5 errors/s, 3 s old")
    assert shown.asked == [f"time() - min(timestamp({SERIES}))", SERIES]


@pytest.mark.parametrize(
    ("compare", "holds"),
    [
        (Comparison.BELOW, [True, False, False]),
        (Comparison.AT_MOST, [True, True, False]),
        (Comparison.EQUAL, [False, True, False]),
        (Comparison.AT_LEAST, [False, True, True]),
        (Comparison.ABOVE, [False, False, True]),
    ],
)
def test_each_comparison_holds_where_it_should(shown: Shown, compare: Comparison, holds: list[bool]) -> None:
    found = []
    for value in ("0.25", "0.5", "0.75"):
        shown.series = {SERIES: [(value, 3.0)]}
        found.append(ask(shown, compare=compare).condition is Condition.WELL)
    assert found == holds


def test_every_series_of_an_answer_must_be_as_wanted(shown: Shown) -> None:
    shown.series = {SERIES: [("0.1", 1.0), ("0.9", 1.0), ("0.2", 1.0)]}
    sight = ask(shown)
    assert (sight.condition, sight.detail) == (Condition.ILL, "0.9, wanted < 0.5 errors/s, 1 s old")


def test_a_scalar_is_a_value_too(shown: Shown) -> None:
    shown.results = {"scalar(x)": {"resultType": "scalar", "result": [shown.clock(), "0.1"]}}
    assert ask(shown, query="scalar(x)").condition is Condition.WELL


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
@pytest.mark.parametrize("compare", [Comparison.BELOW, Comparison.ABOVE, Comparison.EQUAL])
def test_what_is_no_number_is_unreadable_however_it_is_compared(shown: Shown, value: str, compare: Comparison) -> None:
    shown.series = {SERIES: [(value, 1.0)]}
    sight = ask(shown, compare=compare)
    assert (sight.condition, "no number" in sight.detail) == (Condition.UNREADABLE, True)


def test_a_stale_sample_is_unreadable_though_its_value_is_as_wanted(shown: Shown) -> None:
    shown.series = {SERIES: [("0.25", 1.0), ("0.25", 61.0)]}
    sight = ask(shown)
    assert (sight.condition, sight.detail) == (
        Condition.UNREADABLE,
        "stale: the oldest sample is 61 s old, at most 60 s are allowed",
    )
    shown.series = {SERIES: [("0.25", float("nan"))]}
    assert ask(shown).condition is Condition.UNREADABLE


def test_an_expression_is_as_old_as_the_series_that_it_rests_on(shown: Shown) -> None:
    query = f"sum(rate({SERIES}[1m]))"
    shown.results = {query: vector([("0", shown.clock())])}
    assert ask(shown, query=query).condition is Condition.WELL
    shown.series = {SERIES: [("0", 3600.0)]}
    assert "stale" in ask(shown, query=query).detail


def test_an_answer_that_something_kept_since_long_ago_is_unreadable(shown: Shown) -> None:
    shown.late_s = 300.0
    sight = ask(shown)
    assert (sight.condition, "keeps answers" in sight.detail) == (Condition.UNREADABLE, True)


def test_no_series_and_no_result_are_unreadable(shown: Shown) -> None:
    assert "no sample of" in ask(shown, series="nothing").detail
    shown.results = {"nothing": vector([])}
    assert ask(shown, query="nothing").detail == "the query has no result"


def test_an_answer_with_a_warning_may_lack_a_part_and_a_mere_note_does_not(shown: Shown) -> None:
    shown.warnings = ["PromQL info: metric might not be a counter"]
    assert ask(shown).condition is Condition.WELL
    shown.warnings = ["no store matched: half of the data is missing"]
    sight = ask(shown)
    assert (sight.condition, "incomplete" in sight.detail) == (Condition.UNREADABLE, True)


def test_an_error_is_told_in_the_servers_words(shown: Shown) -> None:
    shown.status = 400
    shown.raw = lambda: iter([b'{"status":"error","errorType":"bad_data","error":"1:3: parse error"}'])
    assert ask(shown).detail == "the server says bad_data: 1:3: parse error"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"status":"success"}',
        b'{"status":"success","data":{"resultType":"matrix","result":[]}}',
        b'{"status":"success","data":{"resultType":"string","result":[1,"0"]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"many"]}]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_answer_of_a_prometheus_is_refused(body: bytes) -> None:
    with pytest.raises(UnusableError):
        samples_in(body)


def test_an_endless_answer_is_cut_by_its_size_and_a_slow_one_by_its_time(shown: Shown) -> None:
    shown.raw = lambda: itertools.repeat(b"x" * 65536)
    assert "larger than 262144 bytes" in ask(shown).detail

    def drops() -> Iterator[bytes]:
        while not threading.Event().wait(0.05):
            yield b" "

    shown.raw = drops
    assert "no whole answer within 0.3 s" in Prometheus(shown.servers).ask(probe(timeout_s=0.3)).detail


def test_no_redirect_is_followed(shown: Shown) -> None:
    shown.status = 302
    assert "no redirect" in ask(shown).detail


def test_a_server_that_is_silent_or_gone_is_unreadable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        servers = (PrometheusServer("main", f"http://127.0.0.1:{silent.getsockname()[1]}"),)
        assert "Timeout" in Prometheus(servers).ask(probe(timeout_s=0.2)).detail
    assert Prometheus(servers).ask(probe()).condition is Condition.UNREADABLE


@pytest.mark.parametrize("url", ["http://192.0.2.7:9090", "http://prometheus.example", "file:///etc/hosts", "http://169.254.169.254/"])
def test_only_loopback_and_allowed_hosts_are_asked(url: str) -> None:
    assert Prometheus((PrometheusServer("main", url),)).ask(probe()).detail == "not a server of loopback or of an allowed host"


def test_the_allowed_hosts_are_those_that_the_operator_lists() -> None:
    assert allowed_in({"HEALSTREAM_PROBE_HOSTS": " Prometheus.example, ,a.example"}) == {"prometheus.example", "a.example"}
    servers = (PrometheusServer("main", "http://prometheus.invalid"),)
    assert "allowed" not in Prometheus(servers, frozenset({"prometheus.invalid"})).ask(probe()).detail


def test_only_the_catalogues_servers_can_be_named() -> None:
    assert Prometheus().ask(probe()).detail == "the catalogue has no Prometheus 'main'"


def test_the_prober_never_calls_a_service_down_for_a_figure(shown: Shown) -> None:
    def status() -> HealthStatus:
        return asyncio.run(Probes(Services(prometheus=shown.servers)).look(probe())).status

    assert status() is HealthStatus.PASS
    shown.series = {SERIES: [("7", 1.0)]}
    assert status() is HealthStatus.DEGRADED
    shown.raw = lambda: iter([json.dumps({"status": "error"}).encode()])
    assert status() is HealthStatus.DEGRADED


def test_a_neighbour_is_ill_by_its_figure_and_unreadable_without_one(shown: Shown) -> None:
    web = ServiceSpec("web", "shop", ("x",), "/", "/run/none.pid", probes=(probe(),))
    around = Surroundings(Services((web,), prometheus=shown.servers))
    assert around.look(["service:web", "service:other"]) == (Sight("service:web", Condition.WELL),)
    shown.series = {SERIES: [("7", 1.0)]}
    [sight] = around.look(["service:web"])
    assert (sight.condition, "web-errors: 7, wanted" in sight.detail) == (Condition.ILL, True)
    shown.series = {}
    assert [sight.condition for sight in around.look(["service:web"])] == [Condition.UNREADABLE]
    assert around.ask(probe()).condition is Condition.UNREADABLE
