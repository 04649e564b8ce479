"""A prober, a scraper or an executor whose clock was ahead and is set right: what comes next is news, not an hour late (N7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from schemas.configuration import Configuration
from schemas.events import Event, HealthCheck, HealthStatus, MetricBatch, Sample
from schemas.ids import id_of, micros
from schemas.incidents import Detection, Incident
from schemas.metric_rules import Measure, MetricRule
from schemas.outputs import Emit, Late, Output, Place
from schemas.recoveries import OutcomeStatus
from streams.classify import Classify, ClassifyRules
from streams.detect import Detect, DetectRules
from streams.steady_time import was_set_back
from tests.support.failures import admitted, at, classify_hits, configuration, outcome, probe, records
from tests.support.metric_stage import NoPatterns, silent

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLACE = Place("infra.health", 0, 5)
AHEAD_S = 3600.0
FULL = MetricRule("full", "used", bound=0.9, for_s=4.0)
UNHEARD = MetricRule("unheard", "beat", bound=60.0, for_s=0.0, measure=Measure.ABSENCE)


def stage() -> Detect:
    return Detect(DetectRules(Configuration(), NoPatterns(), lambda _hits, _structure, _result: (), (FULL, UNHEARD)))


def feed(on: Detect, event: Event, seconds: float) -> Sequence[Output]:
    return on.on_event(event, PLACE, NOW + timedelta(seconds=seconds), "")


def check(at_s: float, status: HealthStatus = HealthStatus.PASS) -> HealthCheck:
    return HealthCheck("service:web", "tcp", status, NOW + timedelta(seconds=at_s), detail="why")


def batch(name: str, at_s: float, value: float) -> MetricBatch:
    at = NOW + timedelta(seconds=at_s)
    return MetricBatch("host:a", "scraper", at, at, (Sample(name, "1", value, at),), f"{name}{at_s}")


def told(outputs: Sequence[Output]) -> list[tuple[str, str]]:
    records = (output.record for output in outputs if isinstance(output, Emit))
    return [(record.detector, record.status.value) for record in records if isinstance(record, Detection)]


@pytest.mark.parametrize(
    ("newest_s", "at_s", "is_back"),
    [
        (3600, 0, True),
        # Reordered by half a minute, on a source that is ahead of us.
        (40, 5, False),
        # An hour late, but the newest is no newer than now.
        (0, -3600, False),
    ],
)
def test_a_clock_was_set_back_when_the_newest_is_to_come_and_this_is_far_behind_it(newest_s: float, at_s: float, is_back: bool) -> None:
    newest, at = (micros(NOW + timedelta(seconds=seconds)) for seconds in (newest_s, at_s))
    assert was_set_back(newest, at, NOW) is is_back


def test_a_service_that_dies_after_its_probers_clock_was_set_right_is_told() -> None:
    on = stage()
    assert told(feed(on, check(AHEAD_S), 0)) == []
    assert told(feed(on, check(1, HealthStatus.FAIL), 1)) == []
    assert told(feed(on, check(2, HealthStatus.FAIL), 2)) == [("health", "firing")]
    # Late is late again.
    assert isinstance(feed(on, check(1.5), 3)[0], Late)


def test_what_dies_after_it_was_healed_by_an_executor_with_a_clock_ahead_is_an_incident() -> None:
    classify = Classify.from_state({}, ClassifyRules(configuration(), classify_hits, "m1", "c1"))
    [found] = records(classify.on_event(probe("service:store", 0), PLACE, at(0)), Incident)
    assert isinstance(found, Incident)
    classify.on_event(admitted(id_of(found), 1), PLACE, at(1))
    classify.on_event(outcome(found, OutcomeStatus.HEALED, 6 + AHEAD_S), PLACE, at(6))
    classify.on_event(probe("service:store", 7, "pass"), PLACE, at(7))
    assert len(records(classify.on_event(probe("service:store", 30), PLACE, at(30)), Incident)) == 1


def test_health_that_does_not_settle_is_told_after_the_clock_was_set_right() -> None:
    on = stage()
    feed(on, check(AHEAD_S, HealthStatus.FAIL), 0)
    words = [HealthStatus.PASS, HealthStatus.FAIL] * 11
    found = [word for number, status in enumerate(words) for word in told(feed(on, check(number, status), number))]
    assert ("flapping:tcp", "firing") in found


def test_a_target_is_silent_by_the_right_time_only() -> None:
    on = stage()
    feed(on, check(AHEAD_S), 0)
    feed(on, check(1), 1)
    assert silent(on, NOW.timestamp() + 1, NOW.timestamp() + 60) == []
    assert [one.detector for one in silent(on, NOW.timestamp() + 61, NOW.timestamp() + 70)] == ["absence"]


def test_a_metric_is_unheard_by_the_right_time_only() -> None:
    on = stage()
    feed(on, batch("beat", AHEAD_S, 1.0), 0)
    feed(on, batch("beat", 1, 1.0), 1)
    assert silent(on, NOW.timestamp() + 1, NOW.timestamp() + 90) == []
    assert [one.detector for one in silent(on, NOW.timestamp() + 91, NOW.timestamp() + 100)] == ["metric:unheard"]


def test_a_value_beyond_its_bound_fires_and_ends_after_the_clock_was_set_right() -> None:
    on = stage()
    feed(on, batch("used", AHEAD_S, 0.5), 0)
    first = feed(on, batch("used", 1, 0.95), 1)
    assert [output.why for output in first if isinstance(output, Late)] == ["1 samples behind the watermark"]
    high = [word for second in range(2, 10) for word in told(feed(on, batch("used", second, 0.95), second))]
    assert high == [("metric:full", "firing")]
    feed(on, batch("used", AHEAD_S, 0.95), 10)
    low = [word for second in range(11, 20) for word in told(feed(on, batch("used", second, 0.5), second))]
    assert low == [("metric:full", "resolved")]


def test_a_reader_that_is_late_or_slept_takes_nobody_for_silent() -> None:
    late = stage()
    for second in range(120):
        # Each second's check is read a minute and more after it, and later each time.
        feed(late, check(second), 60 + 2 * second)
        assert told(late.on_tick(NOW + timedelta(seconds=60 + 2 * second + 1))) == []
    slept = stage()
    feed(slept, check(0), 0)
    assert told(slept.on_tick(NOW + timedelta(seconds=1))) == []
    assert silent(slept, NOW.timestamp() + 3600, NOW.timestamp() + 3605) == []
    feed(slept, check(3500), 3606)
    assert silent(slept, NOW.timestamp() + 3607, NOW.timestamp() + 3650) == []


def test_a_clock_of_our_own_that_is_set_takes_nobody_for_silent() -> None:
    on = stage()
    for second in range(200):
        ours = second + (3600 if 50 <= second < 100 else 0)
        feed(on, check(second), ours)
        assert told(on.on_tick(NOW + timedelta(seconds=ours))) == []
