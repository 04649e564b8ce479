"""Health, metrics, silence and alerts through the detect stage, on event time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from learning.patterns.matcher import Reading
from schemas.configuration import Configuration
from schemas.events import Alert, AlertStatus, Event, HealthCheck, HealthStatus, MetricBatch, Sample
from schemas.incidents import Detection, DetectionStatus
from schemas.metric_rules import Measure, MetricRule
from schemas.outputs import Emit, Late, Observe, Output, Place
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import ConfigSpec, Services, ServiceSpec
from schemas.targets.disk import DiskSpec
from streams.detect import Detect, DetectRules
from tests.support.metric_stage import silent

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLACE = Place("infra.health", 0, 5)
SLOW = ProbeSpec("slow", ProbeKind.HTTP, "http://127.0.0.1:1/", every_s=60.0)
SERVICES = Services(
    (ServiceSpec("web", "shop", ("x",), "/", "/p", configs=("cfg",)), ServiceSpec("slow", "shop", ("x",), "/", "/p", probes=(SLOW,))),
    (ConfigSpec("cfg", "web", "/etc/web.yaml", "/r", "web.yaml", "0" * 40),),
)
STEADY = MetricRule("steady", "used", bound=0.9, for_s=4.0)
RATE = MetricRule("fast", "total", bound=10.0, for_s=0.0, measure=Measure.RATE)
ODD = MetricRule("odd", "level", bound=6.0, for_s=0.0, measure=Measure.Z_SCORE)


class NoPatterns:
    """Matches nothing."""

    hints: frozenset[str] = frozenset()

    def read(self, text: bytes) -> Reading:
        assert isinstance(text, bytes)
        return Reading()


RULES = DetectRules(Configuration(services=SERVICES), NoPatterns(), lambda _hits, _structure, _result: (), (STEADY, RATE, ODD))


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def check(seconds: float, status: HealthStatus, target: str = "service:web") -> HealthCheck:
    return HealthCheck(target, "tcp", status, at(seconds), detail="why")


def feed(stage: Detect, events: Sequence[Event]) -> list[Output]:
    return [output for event in events for output in stage.on_event(event, PLACE, NOW, "00-trace")]


def detections(outputs: Sequence[Output]) -> list[Detection]:
    return [output.record for output in outputs if isinstance(output, Emit) and isinstance(output.record, Detection)]


def batch(name: str, *points: tuple[float, float]) -> MetricBatch:
    samples = tuple(Sample(name, "1", value, at(seconds), (("disk", "a"),)) for seconds, value in points)
    return MetricBatch("host:a", "scraper", samples[0].at, samples[-1].at, samples, repr(points))


def fired(stage: Detect, *batches: MetricBatch) -> list[tuple[str, str, float, float]]:
    found = detections(feed(stage, batches))
    return [(one.detector, one.status.value, (one.first_at - NOW).total_seconds(), (one.last_at - NOW).total_seconds()) for one in found]


def test_a_target_that_fails_twice_is_told_with_its_first_failing_sample_and_its_group() -> None:
    #  0 pass   1 fail   2 fail   3 pass   4 pass
    #           ^first_at ^told            ^resolved
    words = [HealthStatus.PASS, HealthStatus.FAIL, HealthStatus.FAIL, HealthStatus.PASS, HealthStatus.PASS]
    firing, resolved = detections(feed(Detect(RULES), [check(second, word) for second, word in enumerate(words)]))
    assert (firing.status, firing.detector, firing.first_at, firing.last_at) == (DetectionStatus.FIRING, "health", at(1), at(2))
    assert (firing.scope, firing.severity, firing.traceparent, len(firing.evidence)) == ("group:shop", "critical", "00-trace", 2)
    assert dict(firing.signals) == {"probe": "tcp", "detail": "why", "status": "fail", "kind": "service_down"}
    assert (resolved.status, resolved.first_at) == (DetectionStatus.RESOLVED, at(3))


def test_a_drifted_file_and_a_degraded_service_have_their_own_kinds() -> None:
    target = "config:cfg:/etc/web.yaml"
    drift, slow = detections(
        feed(
            Detect(RULES),
            [check(second, HealthStatus.FAIL, target) for second in (0, 1)] + [check(second, HealthStatus.DEGRADED) for second in (0, 1)],
        )
    )
    assert (drift.detector, dict(drift.signals)["kind"], drift.scope) == ("config_hash", "config_drift", "group:shop")
    assert dict(slow.signals)["kind"] == "service_degraded"


def test_a_full_disk_is_named_by_its_probe_and_belongs_to_the_group_that_rests_on_it() -> None:
    rules = replace(RULES, configuration=Configuration(services=Services(disks=(DiskSpec("db-1", "/srv/db", "shop"),))))
    target = "disk:db-1:/srv/db"
    looks = [HealthCheck(target, "disk-usage", HealthStatus.FAIL, at(second)) for second in (0, 1)]
    [full] = detections(feed(Detect(rules), looks))
    assert (full.detector, full.scope, dict(full.signals)["kind"]) == ("health", "group:shop", "disk_full")


def test_a_repeated_sample_does_not_count_twice_and_an_older_one_is_late() -> None:
    stage, failing = Detect(RULES), check(5, HealthStatus.FAIL)
    assert feed(stage, [failing, failing, failing]) == []
    assert isinstance(feed(stage, [check(4, HealthStatus.FAIL)])[0], Late)


@given(st.lists(st.sampled_from(list(HealthStatus)), max_size=20), st.integers(0, 20))
def test_a_restart_midway_changes_nothing(words: list[HealthStatus], cut: int) -> None:
    events: list[Event] = [check(second, word) for second, word in enumerate(words)]
    events += [batch("used", (second, 0.95 if word is HealthStatus.FAIL else 0.1)) for second, word in enumerate(words)]
    events += [Alert("host:a", "Burn", AlertStatus.FIRING, "critical", at(second), "f") for second in range(len(words) // 5)]
    straight = feed(Detect(RULES), events)
    stage = Detect(RULES)
    before = feed(stage, events[:cut])
    assert before + feed(Detect.from_state(stage.snapshot(), RULES), events[cut:]) == straight


def test_silence_is_told_by_a_watermark_that_goes_on_when_all_is_silent() -> None:
    #  0 beat ........ 62: watermark 30, silent 30 | 63: watermark 31, told ...... 70 beat: resolved
    stage = Detect(RULES)
    feed(stage, [check(0, HealthStatus.PASS)])
    assert silent(stage, at(0).timestamp(), at(62).timestamp()) == []
    (missing,) = detections(stage.on_tick(at(63)))
    assert (missing.detector, missing.status, missing.first_at) == ("absence", DetectionStatus.FIRING, at(0))
    assert stage.on_tick(at(64)) == []
    (back,) = detections(feed(stage, [check(70, HealthStatus.PASS)]))
    assert back.status is DetectionStatus.RESOLVED


def test_one_silent_target_is_told_while_others_speak_and_a_slow_probe_has_more_time() -> None:
    #  web:  0 .................. 33 (watermark 31 by the other's beats)
    stage = Detect(RULES)
    feed(stage, [check(0, HealthStatus.PASS), check(0, HealthStatus.PASS, "service:slow"), check(33, HealthStatus.PASS, "service:db")])
    assert [one.target for one in detections(stage.on_tick(at(33)))] == ["service:web"]
    silent(stage, at(7 * 3600).timestamp(), at(7 * 3600 + 30).timestamp())
    assert not [name for name in stage.snapshot() if name.startswith("absence/")]


def test_a_value_beyond_its_bound_for_long_enough_fires_and_ends_likewise() -> None:
    #  s   0   1   2   3   4   5   6   7   8 ...      bound 0.9 for 4 s, grace 2 s
    #      .1  .95 .95 .95 .95 .95 .1  .1  .1
    #          ^since          ^5: fires   ^6 .. 10: ends
    values = [0.1, *[0.95] * 5, *[0.1] * 8]
    batches = [batch("used", (float(second), value)) for second, value in enumerate(values)]
    assert fired(Detect(RULES), *batches) == [("metric:steady", "firing", 1.0, 5.0), ("metric:steady", "resolved", 6.0, 10.0)]


def test_samples_out_of_order_within_the_grace_are_sorted_and_repeated_ones_ignored() -> None:
    values = [(second, 0.95) for second in (1.0, 0.0, 2.0, 4.0, 3.0, 5.0, 7.0)]
    batches = [batch("used", point) for point in values]
    assert fired(Detect(RULES), *batches, *batches) == [("metric:steady", "firing", 0.0, 4.0)]


def test_a_sample_behind_the_watermark_is_late_and_an_idle_series_is_read_to_its_end() -> None:
    stage = Detect(RULES)
    feed(stage, [batch("used", (0.0, 0.95), (5.0, 0.95))])
    assert isinstance(feed(stage, [batch("used", (-1.0, 0.1))])[0], Late)
    assert silent(stage, at(1).timestamp(), at(36).timestamp()) == []
    again = Detect.from_state(stage.snapshot(), RULES)
    assert len(silent(stage, at(37).timestamp(), at(37).timestamp())) == 1
    # Who has just begun to look cannot tell yet what is idle.
    assert silent(again, at(37).timestamp(), at(66).timestamp()) == []
    assert len(silent(again, at(67).timestamp(), at(67).timestamp())) == 1


def test_a_late_reader_does_not_take_what_it_reads_for_the_end_of_a_series() -> None:
    stage = Detect(RULES)
    assert silent(stage, at(60).timestamp(), at(99).timestamp()) == []
    assert [
        output for output in stage.on_event(batch("used", (0.0, 0.95), (5.0, 0.95)), PLACE, at(100), "") if isinstance(output, Emit)
    ] == []
    assert silent(stage, at(100).timestamp(), at(131).timestamp()) == []
    assert len(silent(stage, at(132).timestamp(), at(132).timestamp())) == 1


def test_a_rate_is_known_between_two_samples_and_not_over_a_restart() -> None:
    points = [batch("total", (float(second), value)) for second, value in enumerate([0, 5, 100, 3, 4, 5, 6])]
    assert fired(Detect(RULES), *points) == [("metric:fast", "firing", 2.0, 2.0), ("metric:fast", "resolved", 3.0, 3.0)]


def test_a_value_far_from_its_baseline_fires_once_the_baseline_is_warm() -> None:
    usual = [batch("level", (float(second), 10.0 + second % 3)) for second in range(40)]
    odd = [batch("level", (float(second), 90.0 if second == 40 else 11.0)) for second in range(40, 45)]
    assert [row[:2] for row in fired(Detect(RULES), *usual, *odd)] == [("metric:odd", "firing"), ("metric:odd", "resolved")]
    assert fired(Detect(RULES), batch("level", (0.0, 10.0)), batch("level", (1.0, 999.0)), batch("level", (9.0, 1.0))) == []


def test_metrics_without_a_rule_keep_no_state() -> None:
    stage = Detect(RULES)
    assert feed(stage, [batch("other", (0.0, 1.0))]) == []
    assert not stage.snapshot()


def test_an_alert_is_told_once_at_its_start_and_once_at_its_end() -> None:
    alert = Alert("host:a", "ErrorBudgetBurn", AlertStatus.FIRING, "critical", at(0), "f")
    ended = replace(alert, status=AlertStatus.RESOLVED, ends_at=at(9))
    firing, resolved = detections(feed(Detect(RULES), [alert, alert, ended, ended, alert]))
    assert (firing.severity, dict(firing.signals)["kind"], firing.last_at) == ("critical", "slo_burn", at(0))
    assert (resolved.status, resolved.last_at) == (DetectionStatus.RESOLVED, at(9))


def test_an_alerts_end_that_overtook_its_start_has_the_last_word_and_an_old_start_is_late() -> None:
    stage = Detect(RULES)
    alert = Alert("host:a", "Hot", AlertStatus.FIRING, "", at(5), "f")
    assert len(detections(feed(stage, [replace(alert, status=AlertStatus.RESOLVED), alert]))) == 1
    assert isinstance(feed(stage, [replace(alert, starts_at=at(1))])[0], Late)


def latencies(outputs: Sequence[Output]) -> list[float]:
    return [one.value for one in outputs if isinstance(one, Observe) and one.metric == "healstream_detection_latency_seconds"]


def test_an_alert_a_threshold_and_a_silence_say_how_late_they_were_seen() -> None:
    alert = Alert("host:a", "Hot", AlertStatus.FIRING, "", at(-7), "f")
    assert latencies(feed(Detect(RULES), [alert, replace(alert, status=AlertStatus.RESOLVED, ends_at=at(-1))])) == [7.0]
    over = [batch("used", (float(second), 0.95)) for second in range(-9, -1)]
    assert latencies(feed(Detect(RULES), over)) == [5.0]
    stage = Detect(RULES)
    feed(stage, [check(0, HealthStatus.PASS)])
    silent(stage, at(0).timestamp(), at(62).timestamp())
    assert latencies(stage.on_tick(at(63))) == [33.0]
