"""classify: one incident a failure, updates for what belongs to it, new incidents for what outlives a recovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Trust
from schemas.ids import id_of, micros
from schemas.incidents import Detection, DetectionStatus, Incident, IncidentUpdate, UpdateCause
from schemas.outputs import Emit, Output
from schemas.oversight import AuditEntry
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from schemas.services import Services
from schemas.vocabulary import Kind, Result
from streams.classified import Classified, fingerprint_of
from streams.classify import Classify, ClassifyEvent, ClassifyRules
from streams.depth import deepest, dependents
from streams.runtime_kinds import classify_runtime
from tests.support.failures import (
    PLACE,
    SHOP,
    T0,
    admitted,
    at,
    classify_hits,
    configuration,
    failed_job,
    outcome,
    override,
    passed_job,
    probe,
    records,
    run_of,
    service,
)

RULES = ClassifyRules(configuration(), classify_hits, "m1", "c1")


def stage(bound: int = 50_000) -> Classify:
    return Classify.from_state({}, replace(RULES, bound=bound))


def say(classify: Classify, event: ClassifyEvent, seconds: float = 0) -> Sequence[Output]:
    return classify.on_event(event, PLACE, at(seconds))


def opened(outputs: Sequence[Output]) -> Incident:
    [found] = records(outputs, Incident)
    return cast("Incident", found)


def updated(outputs: Sequence[Output]) -> IncidentUpdate:
    [found] = records(outputs, IncidentUpdate)
    assert not records(outputs, Incident)
    return cast("IncidentUpdate", found)


def test_a_failed_job_opens_one_incident_with_its_kind_and_an_audit_entry() -> None:
    outputs = say(stage(), failed_job(), 5)
    found = opened(outputs)
    assert found.origin_key == ("github", "acme/api", "77", "build", "1")
    assert (found.kind, found.confidence, found.model, found.catalogue) == (Kind.NETWORK_CONNECTIVITY, 0.97, "m1", "c1")
    assert found.hits[0].pattern == "pip-timeout", "the hit that decided comes first"
    assert (found.opened_at, found.detected_at) == (T0, at(5))
    [audit] = records(outputs, AuditEntry)
    assert cast("AuditEntry", audit).action == "incident.opened"


def test_an_abstention_is_unknown_and_an_incomplete_log_is_a_reason() -> None:
    rules = replace(RULES, classify_hits=lambda _: Classified(Kind.TIMEOUT, 0.3, abstained=True))
    found = opened(Classify.from_state({}, rules).on_event(replace(failed_job(), complete=False), PLACE, T0))
    assert (found.kind, found.abstained, found.complete) == (Kind.UNKNOWN, True, False)
    assert "incomplete_log" in found.reasons


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (Classified(Kind.TIMEOUT, 0.3, abstained=True), ("error: the moon is low",)),
        (Classified(Kind.TIMEOUT, 0.5, is_hint=True), ("error: the moon is low",)),
        (Classified(Kind.TIMEOUT, 0.9), ()),
    ],
)
def test_only_what_nothing_explains_keeps_its_lines_for_a_proposal(said: Classified, kept: tuple[str, ...]) -> None:
    rules = replace(RULES, classify_hits=lambda _: said)
    found = opened(Classify.from_state({}, rules).on_event(replace(failed_job(), unexplained=("error: the moon is low",)), PLACE, T0))
    assert found.unexplained == kept


def test_the_fingerprint_leaves_the_run_and_its_numbers_out() -> None:
    one, other = failed_job(), failed_job(attempt=2)
    moved = replace(other.hits[1], captures=(("port", "9999"),))
    assert fingerprint_of(classify_hits(one), one.hits) == fingerprint_of(classify_hits(other), (moved,))
    assert fingerprint_of(classify_hits(one), one.hits) != fingerprint_of(classify_hits(one), ())


def test_more_of_the_same_attempt_is_an_update_and_nothing_after_the_end() -> None:
    classify = stage()
    found = opened(say(classify, failed_job()))
    again = replace(failed_job(), detector="workflow")
    assert updated(say(classify, again)).incident_id == id_of(found)
    say(classify, outcome(found, OutcomeStatus.ESCALATED, 9))
    assert say(classify, replace(again, detector="third")) == ()


def test_what_our_rerun_caused_is_an_update_with_its_attempt_and_kind() -> None:
    classify = stage()
    found = opened(say(classify, failed_job()))
    say(classify, admitted(id_of(found), 1))
    update = updated(say(classify, failed_job(2, 5, Kind.TEST_FAILURE)))
    assert (update.run_attempt, update.kind, update.cause) == (2, Kind.TEST_FAILURE, UpdateCause.EVIDENCE)
    other_job = updated(say(classify, failed_job(2, 5, job="lint")))
    assert (other_job.run_attempt, other_job.kind) == (None, None)


def test_an_attempt_that_nobody_of_ours_caused_opens_a_new_incident() -> None:
    classify = stage()
    first = opened(say(classify, failed_job()))
    # As long as the first is open, a command of ours may have been given that is not read yet.
    assert [*say(classify, failed_job(2)), *classify.on_tick(at(9_999))] == []
    second = opened(say(classify, outcome(first, OutcomeStatus.REFUSED, 5), 10_000))
    assert (second.run, second.detected_at) == (run_of(2), at(10_000))


def test_a_passed_attempt_resolves_unless_our_rerun_made_it() -> None:
    classify = stage()
    found = opened(say(classify, failed_job()))
    assert updated(say(classify, passed_job(2))).cause is UpdateCause.RESOLVED
    say(classify, admitted(id_of(found), 1))
    caused = updated(say(classify, replace(passed_job(2), detector="again")))
    assert (caused.cause, caused.result) == (UpdateCause.EVIDENCE, Result.SUCCESS)
    assert say(stage(), passed_job(1)) == []


def test_a_command_that_never_acted_caused_no_attempt() -> None:
    classify = stage()
    found = opened(say(classify, failed_job()))
    say(classify, admitted(id_of(found), 1))
    say(classify, outcome(found, OutcomeStatus.REFUSED, 2))
    assert opened(say(classify, failed_job(2, 3))).run == failed_job(2).run


def test_a_target_without_dependencies_opens_at_once_named_by_scope_and_first_sample() -> None:
    found = opened(say(stage(), probe("service:store", 10), 10))
    assert found.origin_key == ("group:shop", str(micros(at(9))))
    assert (found.kind, found.confidence) == (Kind.SERVICE_DOWN, 0.95)


def test_failing_targets_are_gathered_and_the_deepest_is_the_target() -> None:
    """Web 0s ---- api 1s ---- due 2s: api lies beneath web."""
    classify = stage()
    assert say(classify, probe("service:web", 0), 0) == ()
    assert say(classify, probe("service:api", 1), 1) == ()
    assert say(classify, probe("service:api", 1, name="tcp"), 1) == ()
    assert classify.on_tick(at(1.9)) == []
    outputs = classify.on_tick(at(2))
    [found] = records(outputs, Incident)
    assert isinstance(found, Incident)
    assert (found.target, found.confidence) == ("service:api", 0.99)
    assert "2 probes agree" in found.reasons
    assert [cast("IncidentUpdate", row).incident_id for row in records(outputs, IncidentUpdate)] == [id_of(found)]


def test_a_bottom_target_ends_the_gathering_early() -> None:
    classify = stage()
    say(classify, probe("service:web", 0), 0)
    assert records(say(classify, probe("service:store", 1), 1), Incident)
    assert classify.on_tick(at(9)) == []


def test_what_recovers_while_gathered_opens_nothing() -> None:
    classify = stage()
    say(classify, probe("service:web", 0), 0)
    say(classify, probe("service:api", 0), 0)
    assert say(classify, probe("service:web", 1, "pass"), 1) == ()
    assert say(classify, probe("service:api", 1, "pass"), 1) == ()
    assert classify.on_tick(at(5)) == []


def test_a_failure_that_is_heard_of_only_when_it_is_over_is_an_incident_that_ended_by_itself() -> None:
    """Web fails at 0s and passes at 11s, and both words come at 20s: while the network was gone nobody could tell."""
    classify = stage()
    assert say(classify, probe("service:web", 0), 20) == ()
    outputs = say(classify, probe("service:web", 11, "pass"), 20)
    [found] = records(outputs, Incident)
    [update] = records(outputs, IncidentUpdate)
    assert (cast("IncidentUpdate", update).incident_id, cast("IncidentUpdate", update).cause) == (id_of(found), UpdateCause.RESOLVED)


def test_what_was_explained_before_and_ends_late_is_no_incident_of_its_own() -> None:
    """Web fires since 0s and is beneath what was healed at 6s; it is expected to end, and does at 17s."""
    classify = stage()
    found = opened(say(classify, probe("service:store", 0)))
    say(classify, admitted(id_of(found), 1))
    updated(say(classify, probe("service:web", 2)))
    updated(say(classify, probe("service:store", 5, "pass")))
    assert records(say(classify, outcome(found, OutcomeStatus.HEALED, 6), 6), Incident) == []
    assert records(say(classify, probe("service:web", 17, "pass"), 17), Incident) == []


def test_an_open_incident_is_resolved_when_its_target_fires_no_more() -> None:
    classify = stage()
    say(classify, probe("service:store", 0))
    assert updated(say(classify, probe("service:store", 1, name="tcp"))).cause is UpdateCause.EVIDENCE
    assert updated(say(classify, probe("service:store", 2, "pass"))).cause is UpdateCause.EVIDENCE
    assert updated(say(classify, probe("service:store", 3, "pass", name="tcp"))).cause is UpdateCause.RESOLVED


def test_what_fires_after_the_verified_time_opens_a_new_incident_when_the_outcome_arrives() -> None:
    classify = stage()
    found = opened(say(classify, probe("service:store", 0)))
    say(classify, admitted(id_of(found), 1))
    updated(say(classify, probe("service:store", 4, name="tcp")))
    updated(say(classify, probe("service:store", 8, name="http")))
    outputs = say(classify, outcome(found, OutcomeStatus.HEALED, 6), 9)
    assert opened(outputs).origin_key == ("group:shop", str(micros(at(7))))


def test_a_healed_target_that_no_probe_sees_well_again_is_the_next_incident_and_one_that_is_seen_well_is_none() -> None:
    fallen, well = stage(), stage()
    for classify in (fallen, well):
        found = opened(say(classify, probe("service:store", 0)))
        say(classify, admitted(id_of(found), 1))
        say(classify, outcome(found, OutcomeStatus.HEALED, 6), 6)
    say(well, probe("service:store", 8, "pass"))
    assert not emitted(fallen.on_tick(at(20)))
    again = opened(fallen.on_tick(at(22)))
    assert (again.target, again.kind, again.opened_at) == ("service:store", Kind.SERVICE_DOWN, at(6))
    assert not emitted(well.on_tick(at(22)))


def test_a_clock_that_is_set_back_and_put_right_ends_no_wait_for_what_was_healed_to_be_seen_well() -> None:
    #   healed 6 s ---- set back 7 s ---- put right 12 s ---- 22 s: not seen well again, the next incident
    fallen, well = stage(), stage()
    for classify in (fallen, well):
        found = opened(say(classify, probe("service:store", 0)))
        say(classify, admitted(id_of(found), 1))
        say(classify, outcome(found, OutcomeStatus.HEALED, 6), 6)
        assert not emitted(classify.on_tick(at(6)))
        assert not emitted(classify.on_tick(at(7 - 3600)))
        assert not emitted(classify.on_tick(at(11 - 3600)))
    say(well, probe("service:store", 11, "pass"), 11 - 3600)
    assert not emitted(fallen.on_tick(at(12)))
    assert opened(fallen.on_tick(at(22))).target == "service:store"
    assert not emitted(well.on_tick(at(22)))


def test_what_comes_late_but_happened_before_the_end_is_an_update_of_the_closed_incident() -> None:
    classify = stage()
    found = opened(say(classify, probe("service:store", 0)))
    say(classify, admitted(id_of(found), 1))
    say(classify, outcome(found, OutcomeStatus.HEALED, 6))
    assert updated(say(classify, probe("service:store", 5, name="tcp"))).incident_id == id_of(found)
    assert opened(say(classify, probe("service:store", 7, name="tcp")))


def test_a_drifted_file_waits_for_its_turn_behind_a_service() -> None:
    classify = stage()
    found = opened(say(classify, probe("service:store", 0)))
    updated(say(classify, probe("config:web.yaml", 1, name="hash", detector="config_hash")))
    say(classify, admitted(id_of(found), 2))
    after = opened(say(classify, outcome(found, OutcomeStatus.HEALED, 6), 6))
    assert (after.kind, after.target) == (Kind.CONFIG_DRIFT, "config:web.yaml")


def test_a_signed_override_opens_a_closed_incident_again_and_only_then() -> None:
    classify = stage()
    found = opened(say(classify, failed_job()))
    control = override(id_of(found), "olga")
    assert say(classify, control) == ()
    say(classify, outcome(found, OutcomeStatus.ESCALATED, 9))
    again = opened(say(classify, control, 60))
    assert (again.origin_key, again.reopens, again.opened_by, again.kind) == (("n1",), id_of(found), "olga", found.kind)
    assert say(classify, control, 61) == ()


@pytest.mark.parametrize("by", ["vera", "anton"])
def test_an_override_without_the_right_is_refused_and_audited(by: str) -> None:
    classify = stage()
    found = opened(say(classify, failed_job()))
    say(classify, outcome(found, OutcomeStatus.ESCALATED, 9))
    outputs = say(classify, override(id_of(found), by))
    assert [cast("AuditEntry", row).action for row in records(outputs, AuditEntry)] == ["override.refused"]
    assert not records(outputs, Incident)


@pytest.mark.parametrize(
    ("detection", "kind"),
    [
        (probe("service:api", 0, "degraded"), Kind.SERVICE_DEGRADED),
        (replace(probe("host:a", 0), detector="metric:cpu", signals=()), Kind.METRIC_ANOMALY),
        (replace(probe("service:api", 0), detector="absence", signals=()), Kind.HEARTBEAT_MISSING),
        (replace(probe("host:a", 0), detector="alert", signals=(("alert", "ErrorBudgetBurn"),)), Kind.SLO_BURN),
        (replace(probe("host:a", 0), detector="alert", signals=(("alert", "NodeFilesystemFilesFillingUp"),)), Kind.DISK_FULL),
        (replace(probe("host:a", 0), detector="alert", signals=(("alert", "Host filesystem read-only"),)), Kind.SERVICE_DEGRADED),
        (replace(probe("host:a", 0), detector="alert", signals=(("alert", "Odd"),)), Kind.UNKNOWN),
        (replace(probe("host:a", 0), detector="odd", signals=()), Kind.UNKNOWN),
    ],
)
def test_a_signal_has_its_kind_by_table(detection: Detection, kind: Kind) -> None:
    found = classify_runtime([detection], SHOP)
    assert found.kind is kind
    assert found.abstained == (kind is Kind.UNKNOWN)


def test_a_ring_of_dependencies_still_has_a_first() -> None:
    ring = Services(services=(service("a", "b"), service("b", "a")))
    assert deepest(["service:b", "service:a"], ring) == "service:b"
    assert dependents("service:store", SHOP) == ("api", "web")


def green_elsewhere(seconds: float = 9, trust: Trust = Trust.SAME_REPOSITORY, commit: str = "abc") -> Detection:
    passed = passed_job(1, seconds)
    assert passed.run is not None
    other = replace(passed, target="job:github/acme/api/78/build", run=replace(passed.run, run_id="78", commit=commit))
    return replace(other, provenance=replace(passed.provenance, trust=trust))


def test_a_later_green_run_of_the_same_job_on_the_same_commit_resolves_what_still_waits() -> None:
    classify = stage()
    say(classify, failed_job())
    told = updated(say(classify, green_elsewhere()))
    assert (told.cause, told.run_attempt, told.result) == (UpdateCause.RESOLVED, None, Result.SUCCESS)


def test_a_green_run_of_a_fork_of_another_commit_of_before_or_under_a_command_resolves_nothing() -> None:
    classify = stage()
    name = id_of(opened(say(classify, failed_job(seconds=5))))
    for other in (green_elsewhere(trust=Trust.FORK), green_elsewhere(commit="abd"), green_elsewhere(commit=""), green_elsewhere(4)):
        assert say(classify, replace(other, detector=repr(other))) == []
    say(classify, admitted(name, 6))
    assert say(classify, green_elsewhere()) == []


def test_the_oldest_incident_goes_when_the_book_is_full() -> None:
    classify = stage(bound=2)
    for number in range(4):
        say(classify, failed_job(1, number, job=f"j{number}"))
    assert sum(name.startswith("incident/") for name in classify.snapshot()) == 2
    assert sum(name.startswith("seen/") for name in classify.snapshot()) == 2
    assert len(classify.snapshot()) == 5, "and one row that counts the failures of one fingerprint"


def _story() -> list[ClassifyEvent]:
    first = opened(say(stage(), probe("service:store", 0)))
    job = opened(say(stage(), failed_job()))
    summary = replace(probe("service:web", 2), status=DetectionStatus.SUMMARY)
    return [
        *(probe(f"service:{name}", when) for name in ("store", "api", "web") for when in (0, 9)),
        *(probe(f"service:{name}", 3, "pass") for name in ("store", "api", "web")),
        failed_job(), failed_job(2, 4), passed_job(3, 8), summary, admitted(id_of(first), 1), admitted(id_of(job), 1, "c2"),
        outcome(first, OutcomeStatus.HEALED, 5), outcome(job, OutcomeStatus.ROLLED_BACK, 6, command="c2"), override(id_of(first), "ada"),
    ]  # fmt: skip


def emitted(outputs: Sequence[Output]) -> set[str]:
    return {id_of(output.record) for output in outputs if isinstance(output, Emit) and not isinstance(output.record, AuditEntry)}


@given(order=st.permutations(range(len(_story()))), cut=st.integers(0, 18))
@settings(max_examples=60, deadline=None)
def test_a_restart_at_any_point_and_every_event_twice_change_no_output(order: list[int], cut: int) -> None:
    events = [_story()[index] for index in order]
    plain, broken, doubled = stage(), stage(), stage()
    kept: dict[str, str] = {}
    for number, event in enumerate(events):
        now = at(10 + number)
        if number == cut:
            broken = Classify.from_state(kept, RULES)
        expected = [*plain.on_event(event, PLACE, now), *plain.on_tick(now)]
        assert [*broken.on_event(event, PLACE, now), *broken.on_tick(now)] == expected
        twice = [*doubled.on_event(event, PLACE, now), *doubled.on_event(event, PLACE, now), *doubled.on_tick(now)]
        assert emitted(twice) == emitted(expected)
        for name, text in broken.take_changes().items():
            kept.pop(name, None) if text is None else kept.update({name: text})
        assert kept == broken.snapshot()


def test_the_policy_says_how_long_targets_are_gathered() -> None:
    rules = replace(RULES, configuration=configuration(policy=Policy(gather_s=7.0)))
    classify = Classify.from_state({}, rules)
    classify.on_event(probe("service:web", 0), PLACE, T0)
    assert classify.on_tick(at(6.9)) == []
    assert records(classify.on_tick(at(7)), Incident)
