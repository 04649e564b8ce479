"""Rules on metrics through the detect stage: burn, forecasts and their near misses, changes, absence, and health that flaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from schemas.configuration import Configuration
from schemas.events import HealthCheck, HealthStatus
from schemas.incidents import Detection, DetectionStatus
from schemas.metric_rules import HOUR_S, METRIC_RULES, Measure, MetricRule, rules_in_force
from schemas.outputs import Output
from schemas.probes import Comparison
from schemas.services import Services
from schemas.targets.disk import DiskSpec
from schemas.vocabulary import Kind
from streams.detect import Detect, DetectRules
from streams.runtime_kinds import RULE, classify_runtime
from tests.support.metric_stage import PLACE, NoPatterns, detections_in, feed, firing, silent, stage_with

BEGIN = 1_767_312_000.0
DISK = DiskSpec("db-1", "/srv/db", "shop", early_percent=85.0)
FILLS = MetricRule("fills", "m", bound=0.95, for_s=60.0, measure=Measure.FORECAST, kind=Kind.DISK_FULL, severity="critical")


def series(value_at: Callable[[float], float], hours: float = 3.0, step_s: float = 60.0) -> list[tuple[float, float]]:
    return [(BEGIN + number * step_s, value_at(number * step_s / HOUR_S)) for number in range(int(hours * HOUR_S / step_s))]


def words(detections: Sequence[Detection]) -> list[str]:
    return [one.status.value for one in detections]


def test_a_disk_that_fills_is_foretold_long_before_it_is_full_and_a_clean_up_ends_it() -> None:
    #  h   0     1      2 | cleaned     0.70 + 0.08 an hour: 0.95 at 3 h 8 min
    stage = stage_with(FILLS, services=Services(disks=(DISK,)))
    found = feed(stage, series(lambda hour: 0.70 + 0.08 * hour if hour < 2 else 0.60), DISK.target)
    assert words(found) == ["firing", "resolved"]
    assert found[0].last_at.timestamp() < BEGIN + HOUR_S
    signals = dict(found[0].signals)
    assert (signals["kind"], signals["bound"], found[0].severity, found[0].scope) == ("disk_full", "> 0.95", "critical", "group:shop")
    assert signals["why"].startswith("reaches 0.95 in 1")


def test_what_a_forecast_foretells_is_a_kind_that_a_strategy_heals_and_no_more_sure_than_a_rule() -> None:
    services = Services(disks=(DISK,))
    [found] = feed(stage_with(FILLS, services=services), series(lambda hour: 0.70 + 0.08 * hour, 1.5), DISK.target)
    classified = classify_runtime([found], services)
    assert (classified.kind, classified.confidence) == (Kind.DISK_FULL, RULE)


@pytest.mark.parametrize(
    "value_at",
    [
        lambda hour: 0.70 + 0.01 * hour,
        lambda hour: 0.70 + 0.20 * (hour % 0.5),
        lambda hour: 0.93 if hour > 1 else 0.60,
        lambda hour: min(0.60 + hour, 0.90),
        lambda hour: 0.90 + 0.03 * ((hour * 7919) % 1 - 0.5),
        lambda hour: 0.94 - 0.05 * hour,
    ],
    ids=["beyond the horizon", "a log that is rotated", "a step", "a copy that has ended", "noise below the limit", "falling"],
)
def test_what_will_not_cross_its_limit_is_not_foretold(value_at: Callable[[float], float]) -> None:
    assert feed(stage_with(FILLS), series(value_at)) == []


def test_a_falling_value_is_foretold_to_go_below_its_limit() -> None:
    free = MetricRule("free", "m", bound=10.0, for_s=300.0, measure=Measure.FORECAST, compare=Comparison.BELOW)
    assert len(firing(feed(stage_with(free), series(lambda hour: 100 - 20 * hour, 2.0)))) == 1
    assert feed(stage_with(free), series(lambda hour: 100 - 2 * hour, 2.0)) == []


def test_a_certificate_is_told_of_two_weeks_before_it_expires() -> None:
    day = 86400.0
    found = feed(
        stage_with(*METRIC_RULES), series(lambda hour: 15 * day - hour * HOUR_S, 30, HOUR_S), metric="probe_certificate_left_seconds"
    )
    assert (words(found), dict(found[0].signals)["kind"]) == (["firing"], "tls_certificate")
    assert found[0].last_at.timestamp() == pytest.approx(BEGIN + 25 * HOUR_S)


def test_a_budget_that_burns_fast_is_critical_and_a_short_burst_is_not_told() -> None:
    burns = MetricRule("burns", "m", bound=1.0, for_s=0.0, measure=Measure.BURN, kind=Kind.SLO_BURN, objective=0.99)
    [found] = feed(stage_with(burns), series(lambda hour: 0.0 if hour < 1 else 0.5))
    assert (found.severity, dict(found.signals)["kind"], dict(found.signals)["why"]) == ("critical", "slo_burn", "14.4x over 1h and 5m")
    assert feed(stage_with(burns), series(lambda hour: 0.5 if 1 < hour < 1.05 else 0.0)) == []


def test_a_switch_that_changes_too_often_is_told_and_one_that_changed_once_is_not() -> None:
    flaps = MetricRule("flaps", "m", bound=4.0, for_s=0.0, measure=Measure.CHANGES, window_s=1800.0)
    assert len(firing(feed(stage_with(flaps), series(lambda hour: float(hour * 12 % 2 < 1))))) == 1
    assert feed(stage_with(flaps), series(lambda hour: float(hour > 1))) == []


def test_a_series_that_stops_is_told_and_its_next_sample_ends_it() -> None:
    stops = MetricRule("stops", "m", bound=300.0, for_s=0.0, measure=Measure.ABSENCE, kind=Kind.HEARTBEAT_MISSING)
    stage = stage_with(stops)
    points = series(lambda hour: hour, 1.0)
    assert feed(stage, points[:10]) == []
    last = points[9][0]
    assert silent(stage, last, last + 331) == []
    again = Detect.from_state(stage.snapshot(), DetectRules(Configuration(), NoPatterns(), lambda _h, _s, _r: (), (stops,)))
    for one in (stage, again):
        # The one that was started anew looks for half a minute first: what comes late from before must not be taken for silence.
        [missing] = silent(one, last + 332, last + (333 if one is stage else 363))
        assert (missing.status, dict(missing.signals)["kind"]) == (DetectionStatus.FIRING, "heartbeat_missing")
        assert words(feed(one, points[20:22])) == ["resolved"]


@pytest.mark.parametrize(
    "rule", [rule for rule in (FILLS, *METRIC_RULES) if rule.measure is not Measure.VALUE], ids=lambda rule: str(rule.measure)
)
def test_a_restart_midway_changes_nothing_whatever_is_measured(rule: MetricRule) -> None:
    points = series(lambda hour: 0.7 + 0.08 * hour)
    straight = feed(stage_with(rule), points, metric=rule.metric)
    stage = stage_with(rule)
    before = feed(stage, points[:100], metric=rule.metric)
    again = Detect.from_state(stage.snapshot(), DetectRules(Configuration(), NoPatterns(), lambda _h, _s, _r: (), (rule,)))
    assert before + feed(again, points[100:], metric=rule.metric) == straight


def test_a_rule_speaks_of_its_targets_only_and_ones_own_stands_in_place_of_a_shipped_one() -> None:
    rule = MetricRule("errors_high", "m", bound=0.5, for_s=0.0, targets=("disk:*",))
    assert feed(stage_with(rule), series(lambda _hour: 1.0, 0.2)) == []
    assert len(feed(stage_with(rule), series(lambda _hour: 1.0, 0.2), DISK.target)) == 1
    assert [one.metric for one in rules_in_force(METRIC_RULES, (rule,)) if one.name == "errors_high"] == ["m"]


def look(stage: Detect, letters: str) -> list[Detection]:
    statuses = {"p": HealthStatus.PASS, "d": HealthStatus.DEGRADED, "f": HealthStatus.FAIL}
    found: list[Output] = []
    for number, letter in enumerate(letters):
        at = datetime.fromtimestamp(BEGIN + 10 * number, UTC)
        found += stage.on_event(HealthCheck("service:web", "tcp", statuses[letter], at), PLACE, at)
    return [one for one in detections_in(found) if one.detector.startswith("flapping")]


def test_a_target_that_does_not_settle_flaps_until_it_has_settled() -> None:
    stage = stage_with()
    begun, ended = look(stage, "p" * 21 + "fp" * 6 + "p" * 21)
    assert (begun.status, ended.status, dict(begun.signals)["kind"]) == (
        DetectionStatus.FIRING,
        DetectionStatus.RESOLVED,
        "service_degraded",
    )
    assert begun.first_at.timestamp() == BEGIN + 210
    assert classify_runtime([begun], Services()).kind is Kind.SERVICE_DEGRADED
    assert not [name for name in stage.snapshot() if name.startswith("flap/")]


@pytest.mark.parametrize("letters", ["p" * 40, "pppppfffffppppp", "ppfppppppppppfppppppppfpp", "ffffffffffffffffffffffff"])
def test_a_target_that_fails_once_or_goes_down_for_good_does_not_flap(letters: str) -> None:
    assert look(stage_with(), letters) == []
