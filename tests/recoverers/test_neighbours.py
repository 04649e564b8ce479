"""Runs whose neighbours are looked at before and after: what was well and is not fails them, across crashes and for workflows too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from typing_extensions import override

from console.recoveries import recoveries_of, whole_of
from recoverers.journal import replay
from recoverers.neighbours import MOST
from recoverers.terms import Around
from schemas.attempts import Sight
from schemas.decisions import HealingCommand, Mode, plan_hash_of
from schemas.ids import id_of
from schemas.probes import AlertTest, Comparison, MetricTest, ProbeKind, ProbeSpec
from schemas.recoveries import Condition, JournalKind, JournalRecord, Neighbour, OutcomeStatus, RecoveryOutcome
from schemas.services import Services, ServiceSpec
from schemas.workflows import Given, Use
from tests.support.fakes import FakeHands, FakeProcesses, FakeSurroundings
from tests.support.runs import BOX, JOB, Sandbox, command, outcomes
from tests.support.toys import Toy, order, play, workflow

WELL, ILL, UNREADABLE = Condition.WELL, Condition.ILL, Condition.UNREADABLE
WORSE = "verification failed: it made service:web worse"
ORDER = command("container_restart", BOX)


def broken_by_the_start() -> Sandbox:
    sandbox = Sandbox.for_recipe("container_restart")
    sandbox.around.sees = lambda name: name != "service:web" or not sandbox.containers.rows["box"].running
    return sandbox


def seen(outcome: RecoveryOutcome, name: str = "service:web") -> tuple[Condition, Condition]:
    [row] = [row for row in outcome.neighbours if row.target == name]
    return row.before, row.after


def test_neighbours_that_stay_well_are_named_in_the_outcome_and_count_as_no_source() -> None:
    sandbox, hands = Sandbox.for_recipe("container_restart"), FakeHands()
    outcome = sandbox.run(ORDER, hands)
    assert outcome.status is OutcomeStatus.HEALED
    assert {(row.before, row.after) for row in outcome.neighbours} == {(WELL, WELL)}
    assert {row.target for row in outcome.neighbours} == {
        "service:db",
        "service:api",
        "service:web",
        "disk:db-1:/srv/db",
        "deployment:shop/web",
    }
    [said] = [row for row in outcome.verification if row.factor == "neighbours"]
    assert said.detail == "5 looked at, none is worse"


def test_the_first_look_is_before_the_first_act_and_is_kept_with_its_intent() -> None:
    sandbox, hands = Sandbox.for_recipe("service_restart"), FakeHands()
    sandbox.run(command("service_restart", "service:web"), hands)
    intents = [record for record in hands.journal if record.kind is JournalKind.INTENT]
    assert ["neighbours_before" in record.result for record in intents] == [True, *[False] * (len(intents) - 1)]


def test_a_neighbour_that_was_well_and_is_not_fails_the_recovery_which_is_taken_back() -> None:
    sandbox, hands = broken_by_the_start(), FakeHands()
    before = sandbox.state()
    outcome = sandbox.run(ORDER, hands)
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ROLLED_BACK, WORSE)
    assert seen(outcome) == (WELL, ILL)
    assert sandbox.state() == before
    assert outcome.rollback_s is not None
    assert outcome.rollback_s < 60
    assert outcome.recommendations[0].what.startswith("The recovery made service:web worse")
    whole = whole_of(recoveries_of([*hands.journal, *hands.others])[0])
    assert {"target": "service:web", "before": "well", "after": "ill", "worse": True, "detail": "service:web is silent"} in whole[
        "neighbours"
    ]  # type: ignore[operator]


def test_a_crash_at_any_journal_boundary_compares_with_the_same_look_from_before() -> None:
    calm, hands = broken_by_the_start(), FakeHands()
    expected = calm.run(ORDER, hands)
    assert hands.boundary > 8
    for crash_at in range(hands.boundary):
        sandbox, again = broken_by_the_start(), FakeHands(crash_at=crash_at)
        outcome = sandbox.run(ORDER, again)
        assert (outcome.status, outcome.reason, outcome.neighbours) == (expected.status, expected.reason, expected.neighbours), crash_at
        assert sandbox.effects() == calm.effects(), crash_at
        assert {id_of(found) for found in outcomes(again)} == {id_of(expected)}


def test_a_neighbour_that_was_ill_before_or_could_not_be_read_fails_nothing_and_is_said() -> None:
    sandbox = Sandbox.for_recipe("container_restart")
    sandbox.around.sees = lambda name: name != "service:web"
    sandbox.around.unreadable = {"service:db"}
    outcome = sandbox.run(ORDER, FakeHands())
    assert outcome.status is OutcomeStatus.HEALED
    assert (seen(outcome), seen(outcome, "service:db")) == ((ILL, ILL), (UNREADABLE, UNREADABLE))
    assert [row.detail for row in outcome.verification if row.factor == "neighbours"] == [
        "5 looked at, none is worse; unreadable: service:db"
    ]


def test_a_neighbour_that_was_well_and_cannot_be_read_any_more_fails_it() -> None:
    class Deaf(FakeSurroundings):
        @override
        def look(self, targets: Sequence[str]) -> Sequence[Sight]:
            self.unreadable = {"service:web"} if self.looked else set()
            return super().look(targets)

    sandbox = Sandbox.for_recipe("container_restart")
    sandbox.around = Deaf()
    outcome = sandbox.run(ORDER, FakeHands())
    assert (outcome.status, outcome.reason, seen(outcome)) == (OutcomeStatus.ROLLED_BACK, WORSE, (WELL, UNREADABLE))


def test_a_neighbour_that_needs_a_moment_is_waited_for_and_then_stays_well_for_the_whole_stabilisation() -> None:
    sandbox = Sandbox.for_recipe("container_restart")
    sandbox.around.sees = lambda name: name != "service:web" or len(sandbox.around.looked) not in {2, 3, 4}
    outcome = sandbox.run(ORDER, FakeHands())
    assert outcome.status is OutcomeStatus.HEALED
    assert outcome.recovered_at
    assert outcome.verified_at
    assert (outcome.verified_at - outcome.recovered_at).total_seconds() >= 1.0
    assert seen(outcome) == (WELL, WELL)


def test_a_neighbour_that_falls_at_the_very_end_of_the_stabilisation_is_seen() -> None:
    sandbox, hands = Sandbox.for_recipe("container_restart"), FakeHands()
    steady = Sandbox.for_recipe("container_restart")
    steady.run(ORDER, FakeHands())
    last = len(steady.around.looked)
    sandbox.around.sees = lambda name: name != "service:web" or len(sandbox.around.looked) < last
    assert sandbox.run(ORDER, hands).reason == WORSE


@pytest.mark.parametrize("broken", [KeyError("x"), None])
def test_a_look_that_breaks_or_leaves_somebody_out_says_nothing_of_them(broken: BaseException | None) -> None:
    class Broken(FakeSurroundings):
        @override
        def look(self, targets: Sequence[str]) -> Sequence[Sight]:
            if broken:
                raise broken
            return [sight for sight in super().look(targets) if sight.name != "service:web"]

    sandbox = Sandbox.for_recipe("container_restart")
    sandbox.around = Broken()
    outcome = sandbox.run(ORDER, FakeHands())
    assert outcome.status is OutcomeStatus.HEALED
    assert seen(outcome) == (UNREADABLE, UNREADABLE)
    [web] = [row for row in outcome.neighbours if row.target == "service:web"]
    assert web.detail == ("the look broke: KeyError: 'x'" if broken else "it was not looked at")


def test_no_more_than_the_nearest_are_looked_at_and_the_number_of_the_others_is_said() -> None:
    many = tuple(ServiceSpec(f"s{number}", "far", ("x",), "/", "/pid", ("web",)) for number in range(30))
    sandbox = Sandbox.for_recipe("container_restart")
    sandbox.services = replace(sandbox.services, services=(*sandbox.services.services, *many))
    outcome = sandbox.run(ORDER, FakeHands())
    assert {len(names) for names in sandbox.around.looked} == {MOST}
    assert [row.detail for row in outcome.verification if row.factor == "neighbours"] == [
        "16 looked at, none is worse; 19 further away not looked at"
    ]


def test_nothing_is_looked_at_where_nothing_is_done_and_where_there_is_no_neighbour() -> None:
    sandbox = Sandbox.for_recipe("container_restart")
    sandbox.run(command("container_restart", BOX, mode=Mode.DRY_RUN), FakeHands())
    sandbox.run(command("rerun_job", JOB), FakeHands())
    assert sandbox.around.looked == []


def test_a_journal_from_before_neighbours_were_looked_at_resumes_without_them() -> None:
    sandbox, hands = broken_by_the_start(), FakeHands()
    sandbox.run(ORDER, hands)
    cut = next(number for number, record in enumerate(hands.journal) if record.kind is JournalKind.DONE)
    old = [_without_neighbours(record) for record in hands.journal[: cut + 1]]
    assert replay(old)[id_of(ORDER)].neighbours == ()
    resumed = broken_by_the_start()
    resumed.containers.start("box")
    outcome = resumed.run(ORDER, FakeHands(clock=hands.clock, journal=old))
    assert (outcome.status, outcome.neighbours) == (OutcomeStatus.HEALED, ())


def _without_neighbours(record: JournalRecord) -> JournalRecord:
    return replace(record, result='{"paused_s": 0.0}') if record.kind is JournalKind.INTENT else record


FLOW = workflow(*(Use(name, "toy", Given("target", f"service:{name}")) for name in ("a", "b")))
GROUP = tuple(ServiceSpec(name, "g", ("x",), "/", "/pid") for name in ("a", "b"))
ON_B = ServiceSpec("on-b", "other", ("x",), "/", "/pid", ("b",))


def flow_order() -> HealingCommand:
    plain = order(FLOW)
    return replace(plain, target="service:a", plan_hash=plan_hash_of(FLOW.name, FLOW.version, "service:a", (), plain.bounds))


def test_a_workflow_is_failed_by_a_neighbour_of_any_step_and_takes_all_of_them_back() -> None:
    toy, around = Toy(), FakeSurroundings()
    around.sees = lambda name: name != "service:on-b" or not toy.counters.get("two:b")
    outcome = play(FLOW, toy, FakeHands(), flow_order(), Around(Services((*GROUP, ON_B)), around))
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ROLLED_BACK, "verification failed: it made service:on-b worse")
    assert [step.name for step in outcome.rollback] == ["b/two:b", "b/one:b", "a/two:a", "a/one:a"]
    assert Neighbour("service:on-b", WELL, ILL, "service:on-b is silent") in outcome.neighbours


def test_the_metrics_of_a_workflows_steps_are_named_after_them() -> None:
    around = FakeSurroundings(metrics={"errors": Sight("errors", WELL, "0, wanted < 1")})
    services = Services(tuple(replace(row, probes=(METRIC,)) for row in GROUP))
    outcome = play(FLOW, Toy(), FakeHands(), flow_order(), Around(services, around))
    assert outcome.status is OutcomeStatus.HEALED
    names = {row.factor for row in outcome.verification if row.source == "prometheus"}
    assert names == {"a.prometheus.errors", "b.prometheus.errors"}


METRIC = ProbeSpec("errors", ProbeKind.PROMETHEUS, "main", metric=MetricTest("errors", Comparison.BELOW, 1.0, "errors"))


def measured(sight: Sight) -> Sandbox:
    sandbox = Sandbox(processes=FakeProcesses())
    rows = tuple(replace(row, probes=(*row.probes, METRIC)) if row.name == "web" else row for row in sandbox.services.services)
    sandbox.services, sandbox.around.metrics = replace(sandbox.services, services=rows), {"errors": sight}
    return sandbox


@pytest.mark.parametrize(
    ("sight", "status", "detail"),
    [
        (Sight("errors", WELL, "0, wanted < 1"), OutcomeStatus.HEALED, "0, wanted < 1"),
        (Sight("errors", ILL, "7, wanted < 1"), OutcomeStatus.ROLLED_BACK, "7, wanted < 1"),
        (Sight("errors", UNREADABLE, "stale"), OutcomeStatus.ROLLED_BACK, "unreadable: stale"),
    ],
)
def test_a_metric_of_the_target_is_a_factor_of_its_own_source(sight: Sight, status: OutcomeStatus, detail: str) -> None:
    outcome = measured(sight).run(command("service_restart", "service:web"), FakeHands())
    assert outcome.status is status
    [said] = [row for row in outcome.verification if row.factor == "prometheus.errors"]
    assert (said.source, said.passed, said.detail) == ("prometheus", sight.condition is WELL, detail)


@pytest.mark.parametrize(("sight", "status"), [(Sight("hot", WELL), OutcomeStatus.HEALED), (Sight("hot", ILL), OutcomeStatus.ROLLED_BACK)])
def test_an_alert_of_the_target_that_has_resolved_is_a_factor_and_one_that_fires_is_not_passed(sight: Sight, status: OutcomeStatus) -> None:
    sandbox = Sandbox(processes=FakeProcesses())
    alert = ProbeSpec("hot", ProbeKind.ALERT, "main", alert=AlertTest("WebHot"))
    rows = tuple(replace(row, probes=(*row.probes, alert)) if row.name == "web" else row for row in sandbox.services.services)
    sandbox.services, sandbox.around.metrics = replace(sandbox.services, services=rows), {"hot": sight}
    outcome = sandbox.run(command("service_restart", "service:web"), FakeHands())
    assert outcome.status is status
    assert {(row.source, row.passed) for row in outcome.verification if row.factor == "prometheus.hot"} == {
        ("prometheus", sight.condition is WELL)
    }


def test_the_metrics_of_a_service_also_verify_its_configuration_file() -> None:
    sandbox = measured(Sight("errors", UNREADABLE, "stale"))
    sandbox.processes.alive = {"db", "api", "web"}
    outcome = sandbox.run(command("config_restore", "config:web-conf"), FakeHands())
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert sandbox.files.live["web-conf"] == b"drifted"
