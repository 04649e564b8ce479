"""storms: the same failure in many repositories is one incident above theirs, whatever the order, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decisions import Decision, Verdict
from schemas.events import Origin, Trust
from schemas.ids import Record, id_of
from schemas.incidents import FLEET, Detection, EvidenceRef, HitSeen, Incident, IncidentUpdate, UpdateCause
from schemas.outputs import Output
from schemas.oversight import Control, Override
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.services import UpstreamSpec
from schemas.signing import sign
from schemas.vocabulary import Kind
from streams.classify import Classify, ClassifyRules
from streams.decide import Decide, DecideRules
from streams.storms import MAX_SAMPLE
from tests.support.failures import KEYS, PLACE, at, classify_hits, configuration, failed_job, outcome, records

N = 3


INDEX = UpstreamSpec("index", ("index.example", "*.files.example"), ())
POLICY = Policy(storm_repositories=N, storm_window_s=600.0, storm_per_owner=5, storm_runs=20)


def rules(policy: Policy = POLICY, host: str = "") -> ClassifyRules:
    base = configuration(policy=policy)
    known = replace(base, services=replace(base.services, upstreams=(INDEX,)))
    return ClassifyRules(known, lambda detection: replace(classify_hits(detection), host=host), "m1", "c1")


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
    return [found for found in incidents(outputs) if found.is_storm()]


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


def test_the_default_policy_wants_ten_repositories_and_nought_knows_no_storm() -> None:
    many = [failed_in(f"acme/r{number}") for number in range(50)]
    default = stage(rules(Policy()))
    assert not parents(feed(default, many[:9]))
    assert len(parents(feed(default, many[9:]))) == 1
    off = feed(stage(rules(Policy(storm_repositories=0))), many)
    assert len(incidents(off)) == 50
    assert not parents(off)


def test_many_runs_of_one_repository_are_a_storm_only_where_a_known_upstream_can_be_asked() -> None:
    runs = [failed_in("acme/api", run) for run in range(50)]
    assert not parents(feed(stage(), runs))
    assert not parents(feed(stage(rules(host="nobody.example")), runs))
    [parent] = parents(feed(stage(rules(host="index.example")), runs))
    assert (parent.target, parent.member_count) == ("upstream:index", 20)
    assert not parents(feed(stage(rules(replace(POLICY, storm_runs=0), host="index.example")), runs))
    one_run = [replace(one, run=replace(one.run, run_id="7", job=f"j{number}")) for number, one in enumerate(runs) if one.run]
    assert not parents(feed(stage(rules(host="index.example")), one_run)), "fifty jobs of one run are one run"


@pytest.mark.parametrize("host", ["index.example", "INDEX.example.", "a.b.files.example"])
def test_a_host_in_a_log_looks_a_known_upstream_up(host: str) -> None:
    [parent] = parents(feed(stage(rules(host=host)), [failed_in(f"acme/r{number}") for number in range(N)]))
    assert (parent.target, parent.scope, parent.may_act) == ("upstream:index", "upstream:index", True)


@pytest.mark.parametrize(
    "host",
    ["files.example", "evil-index.example", "index.example.evil", "http://index.example/", "index.example:80", "../index", "x" * 300],
)
def test_any_other_text_makes_the_fleet_the_target_and_stands_nowhere(host: str) -> None:
    [parent] = parents(feed(stage(rules(host=host)), [failed_in(f"acme/r{number}") for number in range(N)]))
    assert (parent.target, parent.may_act) == (FLEET, False)
    assert host not in repr(parent)


def test_one_outage_of_a_known_upstream_is_one_storm_in_whatever_way_it_shows() -> None:
    kinds = (Kind.NETWORK_CONNECTIVITY, Kind.REMOTE_SERVICE_ERROR, Kind.DNS_RESOLUTION)
    mixed = [failed_in(f"acme/r{number}", kind=kinds[number % 3]) for number in range(9)]
    outputs = feed(stage(rules(host="index.example")), mixed)
    [parent] = parents(outputs)
    assert len({found.fingerprint for found in incidents(outputs)}) == 1
    own = feed(stage(rules(host="index.example")), [failed_in(f"acme/r{number}", kind=Kind.TEST_FAILURE) for number in range(9)])
    assert {found.fingerprint for found in incidents(own)}.isdisjoint({parent.fingerprint})


def ended(parent: Incident, status: OutcomeStatus, seconds: float) -> RecoveryOutcome:
    return replace(outcome(parent, status, seconds), final=True)


def test_a_long_storm_stays_one_incident_window_after_window() -> None:
    classify = stage()
    outputs = feed(classify, [failed_in(f"acme/r{number}", number, seconds=100 * number) for number in range(30)])
    [parent] = parents(outputs)
    assert {found.parent for found in incidents(outputs)[N:]} == {id_of(parent)}
    assert sum(name.startswith("storm/") for name in classify.snapshot()) == 1


def test_a_storm_that_nobody_ended_is_told_again_after_the_time_that_its_members_wait() -> None:
    classify = stage(rules(replace(POLICY, storm_hold_s=1200.0)))
    outputs = feed(classify, [failed_in(f"acme/r{number}", number, seconds=100 * number) for number in range(30)])
    assert len(parents(outputs)) == 2


@pytest.mark.parametrize("status", [OutcomeStatus.HEALED, OutcomeStatus.SELF_HEALED, OutcomeStatus.OBSERVED])
def test_after_a_parent_that_is_over_counting_begins_anew_in_the_same_window(status: OutcomeStatus) -> None:
    classify = stage()
    [first] = parents(feed(classify, [failed_in(f"acme/r{number}") for number in range(N)]))
    classify.on_event(ended(first, status, 60), PLACE, at(60))
    alone = feed(classify, [failed_in("acme/r8", 8, seconds=70)], 70)
    assert [found.parent for found in incidents(alone)] == [None]
    [second] = parents(feed(classify, [failed_in(f"acme/r{number}", 9, seconds=80) for number in range(N)], 80))
    assert id_of(second) != id_of(first)


def test_a_parent_in_a_persons_hands_stays_the_parent_until_that_person_marks_it_healed() -> None:
    classify = stage()
    [parent] = parents(feed(classify, [failed_in(f"acme/r{number}") for number in range(N)]))
    classify.on_event(ended(parent, OutcomeStatus.ESCALATED, 60), PLACE, at(60))
    assert incidents(feed(classify, [failed_in("acme/r8", 8, seconds=70)]))[0].parent == id_of(parent)
    marked = Control(f"override/{id_of(parent)}/n9", "olga", at(80), override=Override("n9", mark_healed=True))
    classify.on_event(sign(replace(marked, by="vera"), KEYS["vera"]), PLACE, at(80))
    assert incidents(feed(classify, [failed_in("acme/r9", 9, seconds=81)]))[0].parent == id_of(parent), "vera may only look"
    classify.on_event(sign(marked, KEYS["olga"]), PLACE, at(82))
    assert incidents(feed(classify, [failed_in("acme/r10", 10, seconds=83)]))[0].parent is None


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
    classify = stage(rules(replace(POLICY, storm_per_owner=N - 1)))
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
    outputs = feed(classify, [failed_in(f"acme/r{number}", number) for number in range(10_000)])
    [parent] = parents(outputs)
    said = [update for second in range(31, 91) for update in updates(classify.on_tick(at(second)))]
    [row] = [text for name, text in classify.snapshot().items() if name.startswith("storm/")]
    assert [update.member_count for update in said] == [10_000]
    assert len(row) < 1_000
    assert len(parent.sample) <= MAX_SAMPLE


def test_a_storm_of_ten_thousand_runs_keeps_a_bounded_number_of_keys_and_bytes() -> None:
    bound = 1_000
    classify = Classify.from_state({}, replace(rules(host="index.example"), bound=bound))
    long_log = tuple(HitSeen("pip-timeout", Kind.NETWORK_CONNECTIVITY, line, "x" * 500) for line in range(20))
    sizes = []
    for number in range(10_000):
        feed(classify, [replace(failed_in(f"acme/r{number % 300}", number), hits=long_log)])
        if number in {5_000, 9_999}:
            sizes.append((len(classify.snapshot()), sum(map(len, classify.snapshot().values()))))
    [(keys, size), (later_keys, later_size)] = sizes
    assert keys == later_keys == 2 * bound + 1
    assert later_size == pytest.approx(size, rel=0.01)
    assert later_size / bound < 2_000, "of a member's log one hit is kept, its parent shows the cause"


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


# All in one window of ten minutes.
EVENTS = [failed_in(f"acme/r{number % 4}", number, seconds=number * 20) for number in range(24)]


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
