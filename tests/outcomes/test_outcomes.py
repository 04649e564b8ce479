"""The pure parts of ``make outcomes``: the drawn plan, what became of each failure, the statistics, and the page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from schemas.incidents import Incident
from schemas.recoveries import FactorResult, OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind
from tests.outcomes.__main__ import words_of
from tests.outcomes.figures import figures_of, share_of
from tests.outcomes.plan import APART_S, LAST_S, WAYS, Failure, Plan, Way, counts_of, draw_plan
from tests.outcomes.records import HEALED, NOBODY, PERSON, Begun, Played, Watched
from tests.outcomes.report import curves, page_of, strips, way_rows
from tests.outcomes.seen import Ended, ends_of
from tests.support import failures as samples

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TARGET = "service:api"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def failure(number: int = 0, way: Way = Way.KILLED, service: str = "api") -> Failure:
    return Failure(number, way, 1.0, service)


def begun(second: float, number: int = 0, way: Way = Way.KILLED) -> Begun:
    return Begun(failure(number, way), TARGET, at(second))


def incident(second: float, target: str = TARGET) -> Incident:
    return replace(samples.incident(target, Kind.SERVICE_DOWN), origin_key=(str(second),), detected_at=at(second))


def outcome(of: Incident, status: OutcomeStatus = OutcomeStatus.HEALED, took_s: float = 5.0, **fields: object) -> RecoveryOutcome:
    plain = samples.outcome(of, status, 0)
    verified = tuple(FactorResult(name, f"source of {name}", passed=True) for name in ("process", "page"))
    whole = replace(
        plain, final=True, recovered_at=of.detected_at + timedelta(seconds=took_s), detected_at=of.detected_at, verification=verified
    )
    return replace(whole, **fields)  # type: ignore[arg-type]


def played(*ends: tuple[Begun, Incident, RecoveryOutcome], **fields: object) -> Played:
    seen = [Watched(name, [row[0] for row in ends]) for name in (HEALED, NOBODY, PERSON)]
    for one, share in zip(seen, (99, 10, 50), strict=True):
        one.answered = {name: [True] * share + [False] * (100 - share) for name in one.answered}
    plan = Plan(7, 2.0, tuple(row[0].failure for row in ends), draw_plan(7, 10, 20, 3).faults)
    whole = Played(plan, 60.0, tuple(seen), tuple(row[1] for row in ends), tuple(row[2] for row in ends), {"I1": []}, 5.0)
    return replace(whole, **fields)  # type: ignore[arg-type]


def judged(run: Played) -> list[Ended]:
    return ends_of(run.shops[0].begun, {}, run.incidents, run.outcomes)


def value_of(run: Played, name: str) -> tuple[float, bool]:
    [found] = [row for row in figures_of(run, judged(run), "how") if row.name == name]
    return found.value, found.ok


def one_case(status: OutcomeStatus = OutcomeStatus.HEALED, number: int = 0, **fields: object) -> tuple[Begun, Incident, RecoveryOutcome]:
    start = number * 100.0
    opened = incident(start + 2.0)
    return begun(start, number), opened, outcome(opened, status, **fields)  # type: ignore[arg-type]


def test_a_seed_is_one_plan_and_another_seed_another() -> None:
    assert draw_plan(1, 60, 200, 5) == draw_plan(1, 60, 200, 5)
    assert draw_plan(1, 60, 200, 5) != draw_plan(2, 60, 200, 5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("minutes", "incidents", "fault_minutes"), [(60, 200, 5), (6, 20, 2)])
def test_what_fails_in_one_group_is_apart_and_each_fault_has_its_time(seed: int, minutes: int, incidents: int, fault_minutes: int) -> None:
    plan = draw_plan(seed, minutes, incidents, fault_minutes)
    assert len(plan.failures) == incidents
    assert {one.way for one in plan.failures} == set(Way)
    for group in {one.group for one in plan.failures}:
        times = [one.at_s for one in plan.failures if one.group == group]
        assert all(after - before >= APART_S for before, after in pairwise(times))
    assert max(one.at_s for one in plan.failures) <= minutes * 60 - LAST_S
    assert [one.at_s for one in plan.faults] == [fault_minutes * 60 * (n + 1) for n in range(minutes // fault_minutes - 1)]


def test_the_shares_of_the_ways_are_whole_and_kept() -> None:
    assert sum(row.share for row in WAYS) == pytest.approx(1.0)
    counts = counts_of(200)
    assert all(abs(counts[row.way] - 200 * row.share) < 1 for row in WAYS)


def test_what_does_not_fit_is_refused_with_what_to_do() -> None:
    with pytest.raises(ValueError, match="take fewer incidents"):
        draw_plan(1, 2, 200, 5)
    with pytest.raises(ValueError, match="take 20 or more"):
        draw_plan(1, 60, 5, 5)


def test_each_failure_of_a_target_has_its_own_incident_and_its_times_begin_with_it() -> None:
    cases = [one_case(number=number, took_s=3.0 + number) for number in (0, 1)]
    found = judged(played(*cases))
    assert [(one.detect_s, one.recover_s, one.incidents) for one in found] == [(2.0, 5.0, 1), (2.0, 6.0, 1)]
    assert all(one.is_right and one.is_avoided for one in found)


def test_an_incident_of_before_is_not_the_failures() -> None:
    [found] = ends_of([begun(50)], {}, [incident(10)], [outcome(incident(10))])
    assert (found.status, found.is_right) == (None, False)


def test_what_comes_back_before_anybody_knew_is_right_and_nobodys_credit() -> None:
    back = replace(begun(0, way=Way.RETURNS), well_at=at(3))
    [found] = ends_of([back], {}, [], [])
    assert (found.is_right, found.is_avoided) == (True, False)
    [lost] = ends_of([replace(back, well_at=None)], {}, [], [])
    assert not lost.is_right


def test_a_job_fails_when_it_ends_and_the_wait_inside_a_job_is_left_out() -> None:
    target = "job:github/acme/pay-0/5000/build"
    job = Begun(failure(0, Way.NETWORK, ""), target, at(0))
    opened = incident(12, target)
    [found] = ends_of([job], {"5000": at(10)}, [opened], [outcome(opened, took_s=8.0, external_wait_s=6.0)])
    assert (found.detect_s, found.recover_s) == (2.0, 4.0)


def test_a_refusal_for_which_something_was_sent_is_no_right_refusal() -> None:
    test = begun(0, way=Way.TEST)
    opened = incident(2)
    refused = outcome(opened, OutcomeStatus.REFUSED, command_id=None)
    assert [one.is_refused_rightly for one in ends_of([test], {}, [opened], [refused])] == [True]
    sent = replace(refused, command_id="c1", strategy="rerun_job")
    assert [one.is_refused_rightly for one in ends_of([test], {}, [opened], [sent])] == [False]


def test_a_failure_on_what_was_broken_still_counts_for_nothing() -> None:
    assert ends_of([replace(begun(0), was_broken=True)], {}, [], []) == []


def test_an_intervention_is_avoided_when_nobody_had_to_come() -> None:
    cases = [one_case(number=number) for number in range(9)]
    by_hand = one_case(number=9)
    assert value_of(played(*cases, one_case(OutcomeStatus.ESCALATED, 9)), "interventions avoided") == (90.0, True)
    run = played(*cases, (replace(by_hand[0], by_hand=True), *by_hand[1:]), one_case(OutcomeStatus.ESCALATED, 10))
    assert value_of(run, "interventions avoided")[1] is False


def test_one_source_a_violation_and_a_state_that_is_not_what_it_was_are_misses() -> None:
    one = one_case()
    weak = replace(one[2], verification=one[2].verification[:1])
    assert value_of(played(one), "verified by two sources or more") == (100.0, True)
    assert value_of(played((one[0], one[1], weak)), "verified by two sources or more") == (0.0, False)
    assert value_of(played(one, found={"I4": ["I4: x"]}), "violations of an invariant") == (1.0, False)
    back = one_case(OutcomeStatus.ROLLED_BACK)
    for put_back, value in ((True, (100.0, True)), (False, (0.0, False)), (None, (0.0, False))):
        liar = replace(begun(0, way=Way.LIED), put_back=put_back)
        assert value_of(played((liar, *back[1:])), "rolled back to the pre-image") == value


def test_uptime_is_what_was_seen_from_outside_of_each_shop() -> None:
    run = played(one_case())
    assert value_of(run, "uptime of the healed services") == (99.0, True)
    assert value_of(run, "uptime, nobody mends")[0] == 10.0
    assert value_of(run, "uptime, a person mends")[0] == 50.0
    assert share_of(0, 0) == 100.0


def test_the_page_shows_every_figure_and_its_pictures_are_well_formed() -> None:
    run = played(one_case(), one_case(OutcomeStatus.ROLLED_BACK, 1))
    figures = figures_of(run, judged(run), "python -m tests.outcomes --seed <7>")
    page = page_of(run, judged(run), figures, "python -m tests.outcomes --seed <7>")
    assert all(figure.name in page for figure in figures)
    assert "<7>" not in page
    assert [row["ends"] for row in way_rows(judged(run))] == ["healed 1, rolled_back 1"]
    for picture in (strips(run), curves(run)):
        assert ET.fromstring(picture).tag == "svg"  # noqa: S314 - our own text


def test_a_run_is_an_hour_of_two_hundred_unless_it_is_told_otherwise() -> None:
    usual = words_of([])
    assert (usual.minutes, usual.incidents, usual.fault_minutes) == (60, 200, 5)
    assert words_of(["--minutes", "6", "--seed", "4"]).seed == 4
