"""await_upstream: it only asks, later and later, believes a row of good answers, and gives up to a person."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from recoverers.ports import Call, Facts, Found
from recoverers.recipes.await_upstream import AwaitUpstream
from schemas.attempts import StepStatus
from schemas.catalogue import CARDS, card_named
from schemas.recoveries import JournalKind, OutcomeStatus
from schemas.services import Services
from tests.support.fakes import FakeHands, FakeHealth, FakeProcesses
from tests.support.runs import INDEX, SERVICES, Sandbox, command

ORDER = command("await_upstream", INDEX)


def recipe(services: Services = SERVICES, **script: list[bool]) -> AwaitUpstream:
    named = {f"index-{name}": looks for name, looks in script.items()}
    return AwaitUpstream(services, FakeHealth(FakeProcesses(), script=named))


def looks(made: AwaitUpstream, count: int, key: str = "k") -> list[tuple[StepStatus, float]]:
    """Return what so many askings in a row say and how long each wants to wait."""
    call, found = Call(ORDER, Facts(), "await:index", key), []
    for _ in range(count):
        result = made.act(call)
        found.append((result.status, result.delay_s))
        call = replace(call, said=result.detail)
    return found


def test_only_a_row_of_good_answers_is_believed() -> None:
    page = [False, True, True, False, True, True, True]
    said = looks(recipe(page=page, port=[True] * 7), 7)
    assert [status for status, _ in said] == [StepStatus.PENDING] * 6 + [StepStatus.OK]


def test_a_port_that_is_closed_is_as_bad_as_a_page_that_says_no() -> None:
    assert looks(recipe(page=[True] * 3, port=[True, True, False]), 3)[-1][0] is StepStatus.PENDING


@given(key=st.text(max_size=8))
def test_the_waits_double_up_to_the_longest_and_differ_from_command_to_command(key: str) -> None:
    waits = [wait for _, wait in looks(recipe(), 20, key)]
    whole = [min(30.0, 2.0**number) for number in range(20)]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, whole, strict=True))
    assert waits == [wait for _, wait in looks(recipe(), 20, key)], "a replay waits as the run did"
    assert waits != [wait for _, wait in looks(recipe(), 20, key + "x")]


def test_whoever_says_when_its_budget_is_full_again_is_not_asked_before() -> None:
    made = recipe(page=[False, False, True, True, True], port=[True] * 5)
    told = iter([90.0, 0.0])
    made.health.resets_in["index-page"] = lambda: next(told)  # type: ignore[attr-defined] # the fake's own
    waits = [wait for _, wait in looks(made, 4)]
    assert waits[0] == 90.0
    assert all(wait <= 2.0 for wait in waits[1:]), "and by its own doubling where nothing is said"


def test_it_begins_no_step_that_acts_and_has_nothing_to_take_back() -> None:
    hands = FakeHands()
    sandbox = Sandbox.for_recipe("await_upstream")
    before = sandbox.state()
    outcome = sandbox.run(ORDER, hands)
    assert outcome.status is OutcomeStatus.HEALED
    assert (sandbox.effects(), sandbox.state()) == (Sandbox().effects(), before)
    assert {row.source for row in outcome.verification} == {"http", "tcp"}
    assert outcome.rollback == ()


def test_an_upstream_that_never_comes_back_is_given_to_a_person_when_the_budget_is_used_up() -> None:
    hands, sandbox = FakeHands(), Sandbox.for_recipe("await_upstream")
    sandbox.silent = {"index-port"}
    began = hands.clock
    outcome = sandbox.run(ORDER, hands)
    card = card_named(CARDS, "await_upstream")
    assert card is not None
    assert (outcome.status, outcome.final, outcome.rollback) == (OutcomeStatus.ESCALATED, True, ())
    assert card.deadline_s <= (hands.clock - began).total_seconds() < card.deadline_s + 31
    assert "no answer: index-port" in outcome.reason
    assert "healstream incident mark-healed" in outcome.recommendations[0].what
    assert JournalKind.UNDO_INTENT not in hands.kinds()


def test_one_that_falls_again_while_it_is_verified_is_given_to_a_person_too() -> None:
    sandbox = Sandbox.for_recipe("await_upstream")
    sandbox.script = {"index-page": [True] * 3 + [False] * 1000}
    outcome = sandbox.run(ORDER, FakeHands())
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ESCALATED, "verification failed")


def test_a_person_who_cancels_is_heard_between_two_looks() -> None:
    hands, sandbox = FakeHands(), Sandbox.for_recipe("await_upstream")
    sandbox.silent = {"index-port"}
    waited: list[float] = []

    class Cancelling(FakeHands):
        @override
        def wait(self, seconds: float) -> None:
            waited.append(seconds)
            self.cancelled = len(waited) == 3
            super().wait(seconds)

    outcome = sandbox.run(ORDER, Cancelling(clock=hands.clock))
    assert (outcome.status, len(waited)) == (OutcomeStatus.ROLLED_BACK, 3)
    # However far off the next look is, a person need not wait for it.
    assert all(seconds <= 1 for seconds in waited)


@pytest.mark.parametrize(("services", "refusal"), [(Services(), "target_unknown"), (None, "healing_off")])
def test_an_upstream_that_left_the_catalogue_or_is_off_limits_is_left_alone(services: Services | None, refusal: str) -> None:
    off = replace(SERVICES, upstreams=tuple(replace(row, healing=False) for row in SERVICES.upstreams))
    assert recipe(services or off).gather(ORDER).refusal == refusal


def test_what_left_the_catalogue_meanwhile_fails_and_proves_nothing() -> None:
    gone, call = recipe(Services()), Call(ORDER, Facts(), "await:index", "k")
    assert gone.act(call).status is StepStatus.FAILED
    assert gone.plan(ORDER, Facts()) is None
    assert gone.probe(call) is Found.UNCLEAR
    assert gone.check(ORDER, Facts(), "page_answers").settled
    assert recipe().probe(call) is Found.MISSING
    assert gone.undo(call).status is StepStatus.OK


def test_without_a_probe_of_its_kind_a_factor_does_not_pass() -> None:
    bare = replace(SERVICES, upstreams=tuple(replace(row, probes=row.probes[:1]) for row in SERVICES.upstreams))
    made = recipe(bare, page=[True] * 9)
    assert made.check(ORDER, Facts(), "page_answers").passed
    assert not made.check(ORDER, Facts(), "port_answers").passed
