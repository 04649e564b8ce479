"""Budgets: never more than the limit in any window, whatever the clock and the restarts; the share of the fleet that may be changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.policy import Budget, Policy
from schemas.services import ConfigSpec, Services, ServiceSpec
from streams import budgets as module
from streams.budgets import Budgets
from streams.owners import Owners
from streams.steady_time import LONGEST_GAP, ClockSteps
from tests.streams.test_admit import at, decision

TEAMS = {"s1": "blue", "s2": "blue", "s3": "red"}


def service(name: str, group: str = "", team: str = "") -> ServiceSpec:
    return ServiceSpec(name, group or f"g-{name}", ("true",), "/", "/p", team=team)


CATALOGUE = Services(tuple(service(name, team=team) for name, team in TEAMS.items()))
TIGHT = Policy(
    target_budget=Budget(2, 50.0),
    strategy_budget=Budget(4, 80.0),
    team_budget=Budget(3, 60.0),
    fleet_budget=Budget(5, 100.0),
    change_least=2,
)


def book(policy: Policy, services: Services, before: Budgets | None = None) -> Budgets:
    return Budgets(before.rows.snapshot() if before else {}, policy, services)


# In milliseconds: what a clock does not tell apart is two moments to a float.
STRIDES = st.integers(-60_000, 60_000)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(STRIDES, st.sampled_from(sorted(TEAMS)), st.sampled_from(("restart", "restore")), st.booleans()), max_size=40))
def test_no_window_ever_holds_more_than_its_limit(asks: list[tuple[int, str, str, bool]]) -> None:
    """Clocks go forwards and backwards between owners, and any of them may begin anew from the stored rows."""
    budgets, now, went = book(TIGHT, CATALOGUE), 0, []
    for number, (step, name, strategy, is_restarted) in enumerate(asks):
        now += step
        budgets = book(TIGHT, CATALOGUE, budgets) if is_restarted else budgets
        wanted = decision(number, target=f"service:{name}", strategy=strategy)
        if budgets.spent_out(wanted, at(now / 1000)) is None:
            budgets.spend(str(number), wanted, at(now / 1000))
            went.append((now, name, strategy))
    for end, _, _ in went:
        for limit, window, key in (
            (2, 50_000, lambda row: row[1]),
            (4, 80_000, lambda row: row[2]),
            (3, 60_000, lambda row: TEAMS[row[1]]),
            (5, 100_000, lambda _: "fleet"),
        ):
            inside = [key(row) for row in went if end - window < row[0] <= end]
            assert all(inside.count(name) <= limit for name in set(inside))
        assert len({row[1] for row in went if end - 1000 * TIGHT.change_window_s < row[0] <= end}) <= 2


STEPS = st.sampled_from((0.4, 0.4, 3.0, 20.0, 3600.0, -3600.0, 90.0, -5.0))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(STEPS, st.sampled_from(sorted(TEAMS))), max_size=40))
def test_whatever_the_clock_is_set_to_windows_are_as_long_as_the_time_that_passes(asks: list[tuple[float, str]]) -> None:
    """Given an owner that looks at its clock all the time: a step is a clock that was set, and 0.4 s have passed."""
    budgets, steps = book(TIGHT, CATALOGUE), ClockSteps()
    shown, passed, went = 0.0, 0.0, list[tuple[float, str]]()
    for number, (step, name) in enumerate(asks):
        is_set = step < 0 or step > LONGEST_GAP.total_seconds()
        shown += step
        passed += 0.0 if is_set else step
        found = steps.since(at(shown))
        assert found == (timedelta(seconds=step) if is_set and number else timedelta(0))
        if found:
            budgets.shift(found, at(shown))
        wanted = decision(number, target=f"service:{name}", strategy=f"s{number}")
        before = sum(target == name and passed - earlier < 49.9 for earlier, target in went)
        if budgets.spent_out(wanted, at(shown)) is None:
            budgets.spend(str(number), wanted, at(shown))
            went.append((passed, name))
            assert before < 2
        elif not went or passed - went[-1][0] > 3600.1:
            pytest.fail("nothing was spent within any window, and yet nothing may go")


def test_a_limit_is_used_up_to_the_last_unit_and_given_back_at_the_windows_end() -> None:
    budgets = book(TIGHT, CATALOGUE)
    for number in range(2):
        budgets.spend(str(number), decision(number, target="service:s1"), at(number))
    wanted = decision(3, target="service:s1")
    assert budgets.spent_out(wanted, at(49)) == "target/service:s1: 2 in 50 s"
    assert budgets.spent_out(wanted, at(50)) is None


def test_a_team_has_a_budget_over_all_of_its_targets_and_their_configurations() -> None:
    budgets = book(TIGHT, CATALOGUE)
    for number, name in enumerate(("s1", "s2", "s1")):
        budgets.spend(str(number), decision(number, target=f"service:{name}"), at(number))
    assert budgets.spent_out(decision(9, target="service:s2"), at(3)) == "team/blue: 3 in 60 s"
    assert budgets.spent_out(decision(9, target="job:github/acme/api/77/build"), at(3)) is None


@pytest.mark.parametrize(("share", "most", "least", "may"), [(0.5, 9, 1, 4), (0.5, 3, 1, 3), (0.1, 9, 2, 2), (0.1, 9, 1, 1)])
def test_only_a_share_of_the_groups_and_a_number_is_changed_within_the_window(share: float, most: int, least: int, may: int) -> None:
    fleet = Services(tuple(service(f"n{number}") for number in range(8)))
    policy = Policy(change_share=share, change_most=most, change_least=least, change_window_s=100.0)
    budgets = book(policy, fleet)
    went = 0
    for number in range(8):
        wanted = decision(number, target=f"service:n{number}")
        if budgets.spent_out(wanted, at(number)) is None:
            budgets.spend(str(number), wanted, at(number))
            went += 1
        budgets = book(policy, fleet, budgets)
    assert went == may
    last = decision(99, target="service:n7")
    assert budgets.spent_out(last, at(8)) == f"share of the fleet: {may} service groups changed in 100 s, {may} may be"
    assert budgets.spent_out(decision(98, target="service:n0"), at(8)) is None
    assert budgets.spent_out(decision(97, target="service:n7", dry_run=True), at(8)) is None
    assert budgets.spent_out(last, at(100 + may)) is None


def test_a_full_book_lets_nothing_go_rather_than_forget_what_a_window_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    budgets = book(Policy(), CATALOGUE)
    for number in range(2):
        budgets.spend(str(number), decision(number, target=f"job:{number}"), at(number))
    assert budgets.spent_out(decision(3, target="job:3"), at(9)) == "the book of budgets is full: 2 commands"
    days = timedelta(days=2).total_seconds()
    assert budgets.spent_out(decision(3, target="job:3"), at(days)) is None
    budgets.spend("3", decision(3, target="job:3"), at(days))
    assert len(budgets.rows) == 1


@pytest.mark.parametrize(
    "target",
    [
        "service:s1",
        "service:s9",
        "config:c1",
        "config:c1:/etc/x",
        "config:c9",
        "config:lost",
        "job:github/a/b/1/x",
        "upstream:s1",
        "s1",
        "",
    ],
)
def test_the_doors_index_finds_the_owner_that_the_catalogue_names(target: str) -> None:
    configs = tuple(ConfigSpec(name, of, "/x", "/r", "f", "c" * 40) for name, of in (("c1", "s1"), ("lost", "s9")))
    services = replace(CATALOGUE, configs=configs)
    assert Owners(services).of(target) == services.owner_of(target)
