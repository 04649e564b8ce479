"""Rules on metrics, queries that are polled, and probes by alert and command, as ``services.yaml`` spells them: read, or refused."""

from __future__ import annotations

import json

import pytest

from schemas.avro_shape import record_from_plain
from schemas.configuration import Configuration, services_body
from schemas.metric_queries import MetricQuery
from schemas.metric_rules import Measure, MetricRule
from schemas.probes import AlertTest, Comparison, ProbeKind, ProbeSpec
from schemas.services import Services
from schemas.vocabulary import Kind
from tests.console.test_target_shapes import DISK, told

SERVER = "prometheus:\n  - {name: main, url: 'http://127.0.0.1:9090'}\n"
RULE = "  - {name: fills, metric: disk_used_ratio, measure: forecast, bound: 0.95, for_s: 60, kind: disk_full, targets: ['disk:*']}\n"
BURN = "  - {name: burns, metric: error_ratio, measure: burn, objective: 0.995, kind: slo_burn, severity: critical}\n"
QUERY = "  - {name: lag, server: main, query: 'sum by (job) (lag)', metric: lag_messages, target: 'service:{job}', unit: messages}\n"
ALERT = "{name: hot, kind: alert, address: main, alert: {name: WebHot, labels: {job: web}}}"
COMMAND = "{name: own, kind: command, argv: [/usr/bin/check, --deep]}"


def web(probe: str) -> str:
    return f"services:\n  - {{name: web, group: shop, argv: [web], cwd: /srv, pid_file: /run/web.pid, probes: [{probe}]}}\n"


def test_rules_queries_and_probes_become_their_records_and_cross_the_catalogue() -> None:
    found = told(f"{SERVER}metric_rules:\n{RULE}{BURN}metric_queries:\n{QUERY}{web(f'{ALERT}, {COMMAND}')}")
    assert isinstance(found, Configuration)
    services = found.services
    assert services.metric_rules == (
        MetricRule("fills", "disk_used_ratio", 0.95, 60.0, Measure.FORECAST, kind=Kind.DISK_FULL, targets=("disk:*",)),
        MetricRule("burns", "error_ratio", 1.0, 0.0, Measure.BURN, Comparison.ABOVE, Kind.SLO_BURN, "critical", objective=0.995),
    )
    assert services.metric_queries == (MetricQuery("lag", "main", "sum by (job) (lag)", "lag_messages", "service:{job}", "messages"),)
    assert services.services[0].probes == (
        ProbeSpec("hot", ProbeKind.ALERT, "main", alert=AlertTest("WebHot", (("job", "web"),))),
        ProbeSpec("own", ProbeKind.COMMAND, "", argv=("/usr/bin/check", "--deep")),
    )
    assert record_from_plain(Services)(json.loads(services_body(services))) == services


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        (f"metric_rules:\n{RULE}{RULE}", "services.yaml:3:5", "twice"),
        (f"metric_rules:\n{RULE.replace('disk_full', 'test_failure')}", "services.yaml:2:", "a metric cannot tell of test_failure"),
        (
            f"metric_rules:\n{RULE.replace('forecast', 'value, horizon_s: 60')}",
            "services.yaml:2:",
            "says nothing of the measure value",
        ),
        (f"metric_rules:\n{RULE.replace('bound: 0.95, ', '')}", "services.yaml:2:", "needs a bound"),
        (f"metric_rules:\n{RULE.replace('0.95', '.nan')}", "services.yaml:2:", "finite"),
        (f"metric_rules:\n{RULE.replace('for_s: 60', 'window_s: 60, horizon_s: 86400')}", "services.yaml:2:", "24 times its window"),
        (f"metric_rules:\n{BURN.replace('0.995', '1')}", "services.yaml:2:", "less than 1"),
        (f"metric_rules:\n{BURN.replace('measure: burn', 'measure: guess')}", "services.yaml:2:", "'value', 'rate'"),
        (f"{SERVER}metric_queries:\n{QUERY}{QUERY}", "services.yaml:5:5", "twice"),
        (f"metric_queries:\n{QUERY}", "services.yaml:2:", "there is no Prometheus 'main'"),
        (f"{SERVER}metric_queries:\n{QUERY.replace('{job}', '{job!r}')}", "services.yaml:4:", "its braces hold no label"),
        (f"{SERVER}metric_queries:\n{QUERY.replace('{job}', '{job:>99999999}')}", "services.yaml:4:", "its braces hold no label"),
        (web(ALERT), "services.yaml:2:", "there is no Prometheus 'main'"),
        (f"{SERVER}{web(ALERT.replace('kind: alert', 'kind: http'))}", "services.yaml:4:", "kind alert and alert together"),
        (web(COMMAND.replace("/usr/bin/check", "check")), "services.yaml:2:", "without its folder"),
        (web(COMMAND.replace("kind: command", "kind: tcp")), "services.yaml:2:", "kind command and argv together"),
        (web(COMMAND.replace("[/usr/bin/check, --deep]", "'/usr/bin/check --deep'")), "services.yaml:2:", "valid tuple"),
        (
            f"disks:\n{DISK.replace('path: /srv/db', 'path: /srv/db, early_percent: 70')}",
            "services.yaml:2:",
            "< early_percent",
        ),
    ],
)
def test_a_mistake_is_named_at_its_place(text: str, place: str, word: str) -> None:
    found = told(text)
    assert isinstance(found, list)
    assert place in found[0]
    assert word in found[0]
