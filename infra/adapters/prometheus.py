"""What a Prometheus of the catalogue says of a metric or an alert: one bounded question, and an answer that never takes silence for a yes.

Called by ``probes.py`` for the prober, which polls its metrics here too, and by ``surroundings.py`` and ``checks.py`` for the executor.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from infra.adapters.allowed_hosts import may_ask
from infra.adapters.authorities import trusted
from schemas.attempts import Sight
from schemas.metric_queries import MetricQuery, Polled
from schemas.probes import AlertTest, MetricTest, ProbeKind, ProbeSpec
from schemas.recoveries import Condition
from schemas.services import PrometheusServer

MAX_ANSWER_BYTES = 256 * 1024
# Of all series at once, and of every alerting rule of a server.
MAX_LONG_ANSWER_BYTES = 4 * 1024 * 1024
MOST_SERIES = 5_000
MOST_SHOWN = 3
# Notes on how a query is written, which older servers put among the warnings; a true warning says that the answer may lack a part.
_NOTE = "PromQL info:"


class UnusableError(Exception):
    """The answer cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of an answer, and the moment that the server gave it (seconds since 1970)."""

    value: float
    at: float


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The servers of the catalogue; ``allowed`` are the hosts beside loopback that may be asked."""

    servers: tuple[PrometheusServer, ...] = ()
    allowed: frozenset[str] = frozenset()
    now_s: Callable[[], float] = time.time

    def ask(self, probe: ProbeSpec) -> Sight:
        """Return whether metric or alert is as the probe wants it: ill when it is not, unreadable when that cannot be told."""
        try:
            return self._judge_alert(probe) if probe.kind is ProbeKind.ALERT else self._judge(probe)
        except UnusableError as why:
            return Sight(probe.name, Condition.UNREADABLE, str(why))

    def poll(self, query: MetricQuery) -> list[Polled]:
        """Return every series of the query's answer; raises UnusableError."""
        asked = {"query": query.query, "timeout": f"{query.timeout_s:g}s"}
        url = f"{self._base_of(query.server)}/api/v1/query"
        rows = series_in(_fetch(url, asked, query.timeout_s, MAX_LONG_ANSWER_BYTES))
        if len(rows) > MOST_SERIES:
            raise UnusableError(f"the answer has {len(rows)} series, at most {MOST_SERIES} are taken; let the query add up")
        late_s = max((abs(self.now_s() - row.at) for row in rows), default=0.0)
        # Samples from far away in time would be late, or hold back what is not.
        if not late_s <= query.every_s + query.timeout_s:
            raise UnusableError(f"stale: the answer is of a time {late_s:.0f} s from now; something keeps answers, or a clock is wrong")
        return rows

    def _judge_alert(self, probe: ProbeSpec) -> Sight:
        alert = probe.alert
        if alert is None:
            raise UnusableError("the probe has no alert")
        # Servers that do not know how to name a rule give all of them.
        asked = {"type": "alert", "rule_name[]": alert.name}
        body = _fetch(f"{self._base_of(probe.address)}/api/v1/rules", asked, probe.timeout_s, MAX_LONG_ANSWER_BYTES)
        rules = alerts_in(body, alert)
        if not rules:
            raise UnusableError(f"there is no alerting rule {alert.name}")
        unwell = next((rule for rule in rules if rule.fault), None)
        if unwell:
            raise UnusableError(f"the rule {alert.name} cannot be judged: {unwell.fault}"[:300])
        age_s = max(self.now_s() - rule.judged_at for rule in rules)
        if not abs(age_s) <= alert.max_age_s:
            raise UnusableError(f"stale: the rule was judged {age_s:.0f} s ago, at most {alert.max_age_s:g} s are allowed")
        states = [state for rule in rules for state in rule.states]
        # What is pending fires soon: its condition holds already.
        return Sight(probe.name, Condition.ILL if states else Condition.WELL, f"{states[0] if states else 'inactive'}, {age_s:.0f} s old")

    def _judge(self, probe: ProbeSpec) -> Sight:
        metric, base = probe.metric, self._base_of(probe.address)
        if metric is None:
            raise UnusableError("the probe has no metric")
        # The server's own clock tells the age, so a clock of ours that is wrong does not make old samples young.
        ages = self._samples(base, f"time() - min(timestamp({metric.series}))", probe, metric)
        if not ages:
            raise UnusableError(f"there is no sample of {metric.series}")
        age_s = max(sample.value for sample in ages)
        # Written so that no number, which stands in no relation, is no young sample either.
        if not abs(age_s) <= metric.max_age_s:
            raise UnusableError(f"stale: the oldest sample is {age_s:.0f} s old, at most {metric.max_age_s:g} s are allowed")
        samples = self._samples(base, metric.query, probe, metric)
        if not samples:
            raise UnusableError("the query has no result")
        if not all(math.isfinite(sample.value) for sample in samples):
            raise UnusableError(f"no number: {_shown(samples)}")
        wrong = [sample for sample in samples if not metric.compare.holds(sample.value, metric.threshold)]
        wanted = f"{metric.compare} {metric.threshold:g} {metric.unit}".rstrip()
        condition = Condition.ILL if wrong else Condition.WELL
        return Sight(probe.name, condition, f"{_shown(wrong or samples)}, wanted {wanted}, {age_s:.0f} s old")

    def _base_of(self, name: str) -> str:
        server = next((row for row in self.servers if row.name == name), None)
        if server is None:
            raise UnusableError(f"the catalogue has no Prometheus {name!r}")
        parts = urlsplit(server.url)
        if parts.scheme not in {"http", "https"} or not may_ask(parts.hostname or "", self.allowed):
            raise UnusableError("not a server of loopback or of an allowed host")
        return server.url.rstrip("/")

    def _samples(self, base: str, query: str, probe: ProbeSpec, metric: MetricTest) -> list[Sample]:
        samples = samples_in(_fetch(f"{base}/api/v1/query", {"query": query, "timeout": f"{probe.timeout_s:g}s"}, probe.timeout_s))
        late_s = max((abs(self.now_s() - sample.at) for sample in samples), default=0.0)
        if not late_s <= metric.max_age_s:
            raise UnusableError(f"stale: the answer is of a time {late_s:.0f} s from now; something keeps answers, or a clock is wrong")
        return samples


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """An alerting rule as the server judges it: when it last did, why it could not, and the states of those alerts that count."""

    judged_at: float
    fault: str
    states: tuple[str, ...]


def samples_in(body: bytes) -> list[Sample]:
    """Return the values of a vector or a scalar; raises UnusableError for errors, warnings, and what is neither."""
    return [Sample(row.value, row.at) for row in series_in(body)]


def series_in(body: bytes) -> list[Polled]:
    """Return the values of a vector or a scalar with their labels; raises UnusableError as ``samples_in``."""
    try:
        data = _data_in(body)
        kind, result = data["resultType"], data["result"]
        if kind not in {"vector", "scalar"}:
            raise UnusableError(f"a {kind} is no value; write a query with an instant vector or a scalar")
        rows = [(row.get("metric", {}), row["value"]) for row in result] if kind == "vector" else [({}, result)]
        return [
            Polled(tuple(sorted((str(key), str(text)) for key, text in labels.items())), float(pair[1]), float(pair[0]))
            for labels, pair in rows
        ]
    except _NO_ANSWER as error:
        raise _no_answer(error) from error


def alerts_in(body: bytes, alert: AlertTest) -> list[RuleSeen]:
    """Return what the answer says of the alerting rule, whichever groups it stands in; raises UnusableError."""
    try:
        rules = [rule for group in _data_in(body)["groups"] for rule in group["rules"]]
        return [_rule_seen(rule, alert) for rule in rules if rule["type"] == "alerting" and rule["name"] == alert.name]
    except _NO_ANSWER as error:
        raise _no_answer(error) from error


def _rule_seen(rule: Any, alert: AlertTest) -> RuleSeen:
    counted = [row for row in rule["alerts"] if all(row["labels"].get(key) == text for key, text in alert.labels)]
    fault = "" if rule["health"] == "ok" else str(rule.get("lastError") or f"its health is {rule['health']}")
    judged_at = datetime.fromisoformat(rule["lastEvaluation"]).timestamp()
    return RuleSeen(judged_at, fault, tuple(sorted(str(row["state"]) for row in counted if row["state"] != "inactive")))


_NO_ANSWER = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)


def _no_answer(error: Exception) -> UnusableError:
    return UnusableError(f"no answer of a Prometheus: {type(error).__name__} {error}"[:300])


def _data_in(body: bytes) -> Any:
    answer = json.loads(body)
    if answer["status"] != "success":
        raise UnusableError(f"the server says {answer.get('errorType', answer['status'])}: {answer.get('error', '')}"[:300])
    warnings = [str(text) for text in answer.get("warnings") or () if not str(text).startswith(_NOTE)]
    if warnings:
        raise UnusableError(f"the answer may be incomplete: {'; '.join(warnings)}"[:300])
    return answer["data"]


def _fetch(url: str, params: dict[str, str], timeout_s: float, most_bytes: int = MAX_ANSWER_BYTES) -> bytes:
    """Return the answer's body; a server that sends drop by drop is left when the time is over."""
    until = time.monotonic() + timeout_s
    content = bytearray()
    try:
        # An error's body says what was wrong with the query, so it is read as well.
        client = httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False, verify=trusted())
        with client, client.stream("GET", url, params=params, headers={"Accept": "application/json"}) as answer:
            if answer.is_redirect:
                raise UnusableError(f"answered {answer.status_code}, and no redirect is followed")
            for part in answer.iter_bytes():
                content += part
                if len(content) > most_bytes:
                    raise UnusableError(f"the answer is larger than {most_bytes} bytes; let the query add up")
                if time.monotonic() > until:
                    raise UnusableError(f"no whole answer within {timeout_s:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnusableError(f"{type(error).__name__}: {error}"[:300]) from error
    return bytes(content)


def _shown(samples: list[Sample]) -> str:
    more = f" and {len(samples) - MOST_SHOWN} more" if len(samples) > MOST_SHOWN else ""
    return ", ".join(f"{sample.value:g}" for sample in samples[:MOST_SHOWN]) + more
