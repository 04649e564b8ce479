"""storms: the same failure in many repositories is one incident above theirs, whatever the order, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decisions import Decision, Verdict
from schemas.events import Origin, Trust
from schemas.ids import Record, id_of
from schemas.incidents import Detection, EvidenceRef, Incident, IncidentUpdate, UpdateCause
from schemas.outputs import Output
from schemas.policy import Policy
from schemas.vocabulary import Kind
from streams.classify import Classify, ClassifyRules
from streams.decide import Decide, DecideRules
from streams.storms import FLEET, MAX_SAMPLE
from tests.support.failures import PLACE, at, classify_hits, configuration, failed_job, records

N = 3


def rules(repositories: int = N, per_owner: int = 5) -> ClassifyRules:
    policy = Policy(storm_repositories=repositories, storm_window_s=600.0, storm_per_owner=per_owner)
    return ClassifyRules(configuration(policy=policy), classify_hits, "m1", "c1")


def failed_in(project: str, run: int = 1, seconds: float = 0, kind: Kind = Kind.NETWORK_CONNECTIVITY) -> Detection:
    detection = failed_job(1, seconds, kind)
    assert detection.run is not None
    target = f"job:github/{project}/{run}/build"
    ref = replace(detection.run, project=project, run_id=str(run))
    evidence = (EvidenceRef("ci.events", 0, run, f"{project}{run}"),)
    return replace(detection, target=target, scope=f"run:github/{project}/{run}", run=ref, evidence=evidence)


def feed(classify: Classify, detections: Sequence[Detection], seconds: float = 30) -> list[Output]:
    return [output for detection in detections for output in classify.on_event(detection, PLACE, at(seconds))]


def incidents(outputs: Sequence[Output]) -> list[Incident]:
    return cast("list[Incident]", list(records(outputs, Incident)))


def parents(outputs: Sequence[Output]) -> list[Incident]:
    return [found for found in incidents(outputs) if found.target == FLEET]


def updates(outputs: Sequence[Output]) -> list[IncidentUpdate]:
    return cast("list[IncidentUpdate]", list(records(outputs, IncidentUpdate)))


def stage(given_rules: ClassifyRules | None = None) -> Classify:
    return Classify.from_state({}, given_rules or rules())


def test_enough_repositories_make_one_parent_that_knows_those_before_it() -> None:
    outputs = feed(stage(), [failed_in(f"acme/r{number}", seconds=number) for number in range(5)])
    [parent] = parents(outputs)
    members = [found for found in incidents(outputs) if found.target != FLEET]
    assert len(members) == 5, "every member is an incident of its own"
    assert [member.parent for member in members] == [None, None, *[id_of(parent)] * 3]
    assert parent.sample == tuple(id_of(member) for member in members[:N])
    assert (parent.member_count, parent.kind, parent.may_act) == (N, Kind.NETWORK_CONNECTIVITY, False)


def test_the_default_policy_knows_no_storm() -> None:
    outputs = feed(stage(rules(Policy().storm_repositories)), [failed_in(f"acme/r{number}") for number in range(50)])
    assert len(incidents(outputs)) == 50
    assert not parents(outputs)


def test_fifty_runs_of_one_repository_are_no_storm() -> None:
    assert not parents(feed(stage(), [failed_in("acme/api", run) for run in range(50)]))


def test_forks_unsigned_sources_and_what_a_repository_causes_itself_do_not_count() -> None:
    many = [failed_in(f"acme/r{number}") for number in range(20)]
    forks = [replace(one, provenance=replace(one.provenance, trust=Trust.FORK)) for one in many]
    unsigned = [replace(one, provenance=replace(one.provenance, origin=Origin.UNSIGNED)) for one in many]
    own = [failed_in(f"acme/r{number}", kind=Kind.TEST_FAILURE) for number in range(20)]
    for detections in (forks, unsigned, own):
        outputs = feed(stage(), detections)
        assert len(incidents(outputs)) == 20
        assert not parents(outputs)
        assert all(found.parent is None for found in incidents(outputs))


def test_one_owner_alone_can_be_kept_from_making_a_storm() -> None:
    alone = [failed_in(f"mallory/r{number}") for number in range(20)]
    classify = stage(rules(per_owner=N - 1))
    assert not parents(feed(classify, alone))
    assert len(parents(feed(classify, [failed_in("acme/api")]))) == 1


def test_failures_that_lie_apart_are_no_storm() -> None:
    apart = [failed_in(f"acme/r{number}", seconds=700 * number) for number in range(10)]
    assert not parents(feed(stage(), apart))


def test_a_parent_hears_of_new_members_now_and_then() -> None:
    classify = stage()
    [parent] = parents(feed(classify, [failed_in(f"acme/r{number}") for number in range(10)]))
    assert updates(classify.on_tick(at(35))) == []
    [told] = updates(classify.on_tick(at(40)))
    assert (told.incident_id, told.cause, told.member_count) == (id_of(parent), UpdateCause.MEMBERS, 10)
    assert updates(classify.on_tick(at(60))) == [], "nothing new, nothing said"


def test_ten_thousand_runs_leave_one_small_row_and_few_words() -> None:
    classify = stage()
    outputs = feed(classify, [failed_in(f"acme/r{number}") for number in range(10_000)])
    [parent] = parents(outputs)
    said = [update for second in range(31, 91) for update in updates(classify.on_tick(at(second)))]
    [row] = [text for name, text in classify.snapshot().items() if name.startswith("storm/")]
    assert [update.member_count for update in said] == [10_000]
    assert len(row) < 1_000
    assert len(parent.sample) <= MAX_SAMPLE


def test_before_the_opening_a_row_is_bounded_too() -> None:
    classify = stage()
    feed(classify, [failed_in("acme/api", run) for run in range(1_000)])
    [row] = [text for name, text in classify.snapshot().items() if name.startswith("storm/")]
    assert len(json.loads(row)[1]["sample"]) == MAX_SAMPLE


def test_a_person_is_told_of_the_storm_since_no_strategy_heals_a_fleet() -> None:
    [parent] = parents(feed(stage(), [failed_in(f"acme/r{number}") for number in range(N)]))
    [decision] = records(Decide.from_state({}, DecideRules(configuration())).on_event(parent, PLACE, at(31)), Decision)
    assert cast("Decision", decision).verdict is Verdict.ESCALATE
    assert "on fleet" in cast("Decision", decision).reason


EVENTS = [failed_in(f"acme/r{number % 4}", number, seconds=number * 40) for number in range(24)]


def ids_of(outputs: Sequence[Output]) -> list[str]:
    return sorted(id_of(cast("Record", found)) for found in incidents(outputs))


@settings(max_examples=60, deadline=None)
@given(order=st.permutations(EVENTS), again=st.lists(st.sampled_from(EVENTS), max_size=8), cut=st.integers(0, len(EVENTS)))
def test_order_repeats_and_a_restart_change_no_incident(order: list[Detection], again: list[Detection], cut: int) -> None:
    expected = ids_of(feed(stage(), EVENTS))
    first = stage()
    outputs = feed(first, order[:cut])
    second = Classify.from_state(first.snapshot(), rules())
    outputs += feed(second, [*again, *order[cut:], *again])
    assert ids_of(outputs) == expected
    straight = stage()
    assert incidents(feed(straight, [*order[:cut], *again, *order[cut:], *again])) == incidents(outputs)
