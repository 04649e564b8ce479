"""What an outcome adds to the metrics: its labels are words of a closed list, never a sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from infra.metrics import Metrics
from recoverers.measures import measures_of, never_yet
from schemas.outputs import Count, Observe
from schemas.recoveries import FactorResult, OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind
from tests.support.fakes import START

OUTCOME = RecoveryOutcome(
    incident_id="i",
    decision_id="d",
    attempt=1,
    final=True,
    target="service:web",
    kind=Kind.SERVICE_DOWN,
    status=OutcomeStatus.HEALED,
    reason="verified",
    opened_at=START,
    detected_at=START,
    finished_at=START + timedelta(seconds=9),
    strategy="service_restart",
    started_at=START + timedelta(seconds=2),
    verification=(FactorResult("port_answers", "tcp", True), FactorResult("health_answers", "http", False)),
    time_to_recover_s=7.0,
)


def test_a_healed_outcome_counts_its_factors_and_its_times() -> None:
    found = measures_of(OUTCOME)
    strategy = ("strategy", "service_restart")
    assert found == (
        Count("healstream_recoveries_total", (strategy, ("outcome", "healed"))),
        Count("healstream_verifications_total", (("factor", "port_answers"), ("outcome", "passed"))),
        Count("healstream_verifications_total", (("factor", "health_answers"), ("outcome", "failed"))),
        Observe("healstream_recovery_duration_seconds", 7.0, (strategy,)),
        Observe("healstream_time_to_recover_seconds", 7.0),
    )


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("verification failed", "verification"),
        ("step start:web failed: no such file", "step"),
        ("deadline; rollback took longer than 60 s", "deadline"),
        ("cancelled", "cancelled"),
        ("a sentence nobody thought of", "other"),
    ],
)
def test_a_rollback_is_counted_by_a_word_for_its_reason(reason: str, word: str) -> None:
    found = measures_of(replace(OUTCOME, status=OutcomeStatus.ROLLED_BACK, reason=reason, rollback_s=0.4))
    assert Count("healstream_rollbacks_total", (("reason", word), ("outcome", "rolled_back"))) in found
    assert Observe("healstream_rollback_duration_seconds", 0.4) in found


def test_what_is_counted_and_measured_of_a_recovery_names_its_trace() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    found = measures_of(replace(OUTCOME, traceparent=trace, status=OutcomeStatus.ROLLED_BACK, rollback_s=0.4))
    assert {one.metric for one in found if one.trace == trace} == {
        "healstream_recoveries_total",
        "healstream_recovery_duration_seconds",
        "healstream_time_to_recover_seconds",
        "healstream_rollback_duration_seconds",
    }


def test_a_shown_plan_counts_for_nothing() -> None:
    assert measures_of(replace(OUTCOME, status=OutcomeStatus.PLANNED)) == ()


def test_a_rollback_that_fails_adds_to_a_series_that_was_there_before() -> None:
    before = {measure.labels for measure in never_yet(["service_restart"])}
    assert sum(measure.n for measure in never_yet(["service_restart"])) == 0
    for reason in ("verification failed", "step stop:web failed", "deadline", "cancelled", "because"):
        for status in (OutcomeStatus.ROLLED_BACK, OutcomeStatus.ROLLBACK_FAILED):
            found = measures_of(replace(OUTCOME, status=status, reason=reason))
            assert {one.labels for one in found if one.metric in {"healstream_rollbacks_total", "healstream_recoveries_total"}} <= before


def test_every_measure_is_one_that_the_metrics_know() -> None:
    metrics = Metrics()
    for measure in measures_of(replace(OUTCOME, status=OutcomeStatus.ROLLBACK_FAILED, rollback_s=61.0)):
        metrics.apply(measure)
