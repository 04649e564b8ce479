"""Row 1, many at once: one outage of a package index is one incident; re-runs wait for it, and go when it is over."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from schemas.decisions import Admission, AdmissionState, HealingCommand
from schemas.ids import id_of
from schemas.incidents import FLEET, Incident
from schemas.oversight import Control, Override, RolloutLevel
from schemas.policy import Policy, StrategyPolicy
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.services import Services
from schemas.signing import sign
from tests.support.invariants import violations
from tests.support.memory_flow import MemoryFlow
from tests.support.storm_world import POLICY, StormWorld, begin_storm, history_of, storms_of
from tests.support.story import KEYS, steps_done, told_of

MANY = 8


def outage(flow: MemoryFlow, world: StormWorld, count: int = MANY) -> list[str]:
    """Let the index fall and a job of so many repositories fail at once; return the jobs."""
    world.take_down()
    del flow
    return [world.push(f"r{number}") for number in range(count)]


def ends(flow: MemoryFlow, jobs: list[str]) -> Counter[OutcomeStatus]:
    return Counter(told_of(flow, job).final.status for job in jobs)


def stormy_words(flow: MemoryFlow) -> Counter[str]:
    rows = [row for row in flow.of(Admission, "heal.admissions") if row.state is AdmissionState.QUEUED]
    return Counter(row.target for row in rows if row.reason.startswith("storm"))


def assert_sound(flow: MemoryFlow, world: StormWorld) -> None:
    assert {name: found for name, found in violations(history_of(flow, world)).items() if found} == {}


def test_n_repositories_at_once_are_one_upstream_incident_and_all_are_healed_when_it_is_back() -> None:
    flow, world = begin_storm()
    jobs = outage(flow, world)
    world.after(40, world.bring_back)
    flow.pass_time(200)

    [parent] = storms_of(flow)
    assert (parent.target, parent.kind) == ("upstream:index", "network_connectivity")
    told = told_of(flow, parent.target)
    assert (told.final.status, told.final.strategy) == (OutcomeStatus.HEALED, "await_upstream")
    assert {row.source for row in told.final.verification} == {"http", "tcp", "stream"}
    assert steps_done(told) == ["await:index"]
    assert ends(flow, jobs) == {OutcomeStatus.HEALED: MANY}
    assert sorted(world.jobs.asked) == sorted(jobs), "each is run again exactly once"
    assert stormy_words(flow) == dict.fromkeys(jobs, 1), "each waited, and was told so once"
    assert set(world.health.asked) == {"index"}, "only what the catalogue names is asked"
    back = told.final.finished_at
    sent = [row for row in flow.of(HealingCommand, "recovery.commands") if row.strategy == "rerun_job"]
    assert all(row.issued_at >= back for row in sent), "nothing is run again while the index is down"
    assert all(sum(0 <= (other.issued_at - one.issued_at).total_seconds() < 10 for other in sent) <= 2 for one in sent)
    assert_sound(flow, world)


def test_members_that_waited_before_the_storm_was_seen_are_held_too() -> None:
    flow, world = begin_storm(replace(POLICY, fleet_budget=replace(POLICY.fleet_budget, limit=1, window_s=60.0)))
    world.take_down()
    early = [world.push(f"early{number}") for number in range(3)]
    flow.pass_time(5)
    assert len(world.jobs.asked) == 1, "two wait for the budget"
    late = [world.push(f"late{number}") for number in range(3)]
    world.after(60, world.bring_back)
    flow.pass_time(700)

    assert len(storms_of(flow)) == 1
    assert set(stormy_words(flow)) == {*early, *late}
    assert set(ends(flow, [*early, *late])) == {OutcomeStatus.HEALED}
    assert_sound(flow, world)


def test_an_upstream_that_never_comes_back_is_one_page_and_its_members_expire_untouched() -> None:
    flow, world = begin_storm(replace(POLICY, decision_valid_s=300.0, storm_hold_s=300.0), wait_s=120.0)
    jobs = outage(flow, world)
    flow.pass_time(400)

    [parent] = storms_of(flow)
    told = told_of(flow, parent.target)
    assert told.final.status is OutcomeStatus.ESCALATED
    assert "no answer: index-page, index-port" in told.final.reason
    assert ends(flow, jobs) == {OutcomeStatus.EXPIRED: MANY}
    assert world.jobs.asked == []
    assert_sound(flow, world)


@pytest.mark.parametrize("stage", ["admit", "classify", "decide"])
def test_a_restart_in_the_middle_of_a_storm_loses_nothing_and_repeats_nothing(stage: str) -> None:
    flow, world = begin_storm()
    jobs = outage(flow, world)
    for seconds in (5, 20, 43, 47, 60):
        world.after(seconds, lambda: flow.restart(stage))
    world.after(40, world.bring_back)
    flow.pass_time(200)

    assert len(storms_of(flow)) == 1
    assert ends(flow, jobs) == {OutcomeStatus.HEALED: MANY}
    assert sorted(world.jobs.asked) == sorted(jobs)
    assert stormy_words(flow) == dict.fromkeys(jobs, 1)
    assert_sound(flow, world)


def test_a_member_that_turns_green_by_itself_while_it_waits_is_not_run_again() -> None:
    flow, world = begin_storm()
    jobs = outage(flow, world)

    def other_run_of_the_same_commit_is_green() -> None:
        world.bring_back()
        world.push("r3", run="2")
        world.take_down()

    world.after(20, other_run_of_the_same_commit_is_green)
    world.after(60, world.bring_back)
    flow.pass_time(250)

    assert told_of(flow, jobs[3]).final.status is OutcomeStatus.SELF_HEALED
    assert ends(flow, jobs) == {OutcomeStatus.HEALED: MANY - 1, OutcomeStatus.SELF_HEALED: 1}
    assert jobs[3] not in world.jobs.asked
    assert_sound(flow, world)


def test_an_upstream_that_falls_again_while_its_members_go_is_a_second_storm_that_holds_the_rest() -> None:
    flow, world = begin_storm()
    jobs = outage(flow, world)
    world.after(40, world.bring_back)

    def fall_when_two_have_gone() -> None:
        if len(world.jobs.asked) < 2:
            world.after(1, fall_when_two_have_gone)
            return
        world.take_down()
        world.after(100, world.bring_back)

    world.after(41, fall_when_two_have_gone)
    flow.pass_time(400)

    assert [row.target for row in storms_of(flow)] == ["upstream:index"] * 2
    # Until the second storm is seen, re-runs fail, and some use their last attempt up.
    spent = ends(flow, jobs)[OutcomeStatus.ROLLED_BACK]
    assert ends(flow, jobs)[OutcomeStatus.HEALED] == MANY - spent
    assert spent < POLICY.storm_repositories
    seen, over = storms_of(flow)[1].detected_at, told_of(flow, "upstream:index").outcomes[1].finished_at
    sent = [row for row in flow.of(HealingCommand, "recovery.commands") if row.strategy == "rerun_job"]
    assert [row.target for row in sent if seen < row.issued_at < over] == []
    assert sum(row.issued_at >= over for row in sent) >= POLICY.storm_repositories
    assert_sound(flow, world)


def test_an_index_that_nobody_knows_is_one_page_and_its_members_wait_for_a_person() -> None:
    flow, world = begin_storm(services=Services())
    jobs = outage(flow, world)
    flow.pass_time(60)
    [parent] = storms_of(flow)
    final = [row for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.incident_id == id_of(parent)]
    assert (parent.target, [row.status for row in final]) == (FLEET, [OutcomeStatus.ESCALATED])
    assert world.jobs.asked == []

    world.bring_back()
    marked = Control(f"override/{id_of(parent)}/n1", "olga", flow.now, override=Override("n1", mark_healed=True))
    flow.send(sign(marked, KEYS["olga"]))
    flow.pass_time(100)

    assert ends(flow, jobs) == {OutcomeStatus.HEALED: MANY}
    assert_sound(flow, world)


@pytest.mark.parametrize("host", ["evil.example", "169.254.0.1", "index.example/../admin", "localhost"])
def test_a_host_that_the_catalogue_does_not_know_is_never_asked(host: str) -> None:
    flow, world = begin_storm()
    world.host = host
    outage(flow, world)
    flow.pass_time(10)

    assert [row.target for row in storms_of(flow)] == [FLEET]
    assert world.health.asked == []


def test_where_waiting_is_only_observed_a_storm_is_shown_and_holds_nobody() -> None:
    seen = tuple(replace(row, level=RolloutLevel.OBSERVE) if row.strategy == "await_upstream" else row for row in POLICY.strategies)
    flow, world = begin_storm(replace(POLICY, strategies=seen))
    jobs = outage(flow, world)
    world.bring_back()
    flow.pass_time(60)

    [parent] = storms_of(flow)
    assert told_of(flow, parent.target).final.status is OutcomeStatus.OBSERVED
    assert ends(flow, jobs) == {OutcomeStatus.HEALED: MANY}


def test_by_default_nothing_but_observation_happens() -> None:
    flow, world = begin_storm(Policy(storm_repositories=4, strategies=(StrategyPolicy("rerun_job"),)))
    jobs = outage(flow, world)
    flow.pass_time(20)

    assert len(storms_of(flow)) == 1
    assert ends(flow, jobs) == {OutcomeStatus.OBSERVED: MANY}
    assert flow.of(HealingCommand, "recovery.commands") == []
    assert all(row.parent in {None, id_of(storms_of(flow)[0])} for row in flow.of(Incident, "heal.incidents"))
