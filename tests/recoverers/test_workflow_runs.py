"""Workflows carried out: order, branches, conditions, retries, time-outs, crashes at every journal boundary, and rollback in reverse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recoverers.crew import Threads
from recoverers.journal import replay
from recoverers.ports import Call
from recoverers.steps import EntryStatus
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import Mode
from schemas.ids import id_of
from schemas.oversight import AuditEntry
from schemas.recoveries import JournalKind, JournalRecord, OutcomeStatus
from schemas.workflows import Chain, Fork, Given, Input, Join, Node, Output, Retry, ValueType, Workflow
from tests.support.fakes import FakeHands
from tests.support.toys import FORKED, RACE, ThreadHands, Toy, counts, order, play, use, workflow

FAILS = StepResult(StepStatus.FAILED, "no")


def test_steps_run_in_order_branches_after_what_is_before_them_and_the_join_waits_for_all() -> None:
    toy, hands = Toy(), FakeHands()
    outcome = play(FORKED, toy, hands)
    assert outcome.status is OutcomeStatus.HEALED
    made = [step for _, step in toy.ledger]
    assert made[:2] == ["one:a", "two:a"]
    assert made[-2:] == ["one:f", "two:f"]
    assert made.index("two:b") < made.index("one:c")
    assert sorted(made) == sorted(f"{verb}:{name}" for name in "abcdef" for verb in ("one", "two"))


def _spoiled(flow: Workflow) -> Toy:
    """Return toys whose last step does not help, so that all is taken back."""
    return Toy(wrong={"toy:d"}) if flow is FORKED else Toy(acts={"two:d": lambda _: FAILS})


# The forked one that is rolled back meets every boundary of one that heals.
@pytest.mark.parametrize(("flow", "spoil"), [(FORKED, True), (RACE, True), (RACE, False)], ids=["forked", "race", "race that heals"])
def test_a_crash_at_any_journal_boundary_repeats_no_act_and_ends_the_same(flow: Workflow, spoil: bool) -> None:
    def fresh() -> Toy:
        return _spoiled(flow) if spoil else Toy()

    calm, hands = fresh(), FakeHands()
    expected = play(flow, calm, hands)
    assert expected.status is (OutcomeStatus.ROLLED_BACK if spoil else OutcomeStatus.HEALED)
    in_flight = 0
    for crash_at in range(hands.boundary):
        toy, crashing = fresh(), FakeHands(crash_at=crash_at)
        outcome = play(flow, toy, crashing)
        assert outcome.status is expected.status, crash_at
        assert id_of(outcome) == id_of(expected)
        assert set(counts(toy.ledger).values()) == {1}, crash_at
        assert not spoil or set(toy.counters.values()) <= {0}, crash_at
        doubts = [record for record in crashing.journal if record.kind is JournalKind.IN_DOUBT]
        in_flight = max(in_flight, len(doubts))
    # Some of the crashes met several branches in flight.
    assert in_flight >= 2


@pytest.mark.parametrize("flow", [FORKED, RACE], ids=["forked", "race"])
def test_a_journal_replays_to_the_same_run_record_by_record_and_a_repeated_record_changes_nothing(flow: Workflow) -> None:
    hands = FakeHands()
    play(flow, _spoiled(flow), hands)
    for length in range(1, len(hands.journal) + 1):
        prefix = hands.journal[:length]
        assert replay(prefix) == replay([record for record in prefix for _ in range(2)])
    assert len({id_of(record) for record in hands.journal}) == len(hands.journal)


def test_what_was_done_is_taken_back_in_reverse_order_of_completion_also_across_branches() -> None:
    toy, hands = Toy(wrong={"toy:e"}), FakeHands()
    outcome = play(FORKED, toy, hands)
    done = [record.step for record in hands.journal if record.kind is JournalKind.DONE]
    assert [step.name for step in outcome.rollback] == done[::-1]
    assert set(toy.counters.values()) == {0}


def test_branches_really_run_at_the_same_time() -> None:
    # Each branch waits until all three are inside: one after the other none would ever pass.
    barrier = threading.Barrier(3)

    def meet(call: Call) -> StepResult:
        barrier.wait(20.0)
        return toy.do(call)

    toy = Toy(acts={f"one:{name}": meet for name in "bde"})
    outcome = play(FORKED, toy, ThreadHands(crew=Threads()))
    assert outcome.status is OutcomeStatus.HEALED


def test_a_branch_that_fails_lets_its_siblings_begin_nothing_more_and_takes_all_back() -> None:
    flow = workflow(Fork((use("a"), Chain((use("b"), use("c"))))))
    toy = Toy(acts={"one:a": lambda _: FAILS})
    outcome = play(flow, toy, FakeHands())
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ROLLED_BACK, "step a/one:a failed: no")
    assert "one:c" not in counts(toy.ledger)
    assert set(toy.counters.values()) <= {0}


def test_a_join_of_any_goes_on_with_the_first_branch_and_tells_the_others_to_end() -> None:
    told: list[str] = []

    def slow(call: Call) -> StepResult:
        assert call.cancel.wait(20.0)
        told.append(call.step)
        return StepResult(StepStatus.FAILED, "ended as told")

    toy = Toy(acts={"one:b": slow})
    outcome = play(RACE, toy, ThreadHands(crew=Threads(), moment_s=0.1))
    assert outcome.status is OutcomeStatus.HEALED
    assert told == ["one:b"]
    assert counts(toy.ledger) == {"one:a": 1, "two:a": 1, "one:d": 1, "two:d": 1}


def test_a_join_of_any_survives_a_branch_that_fails_and_fails_when_all_do() -> None:
    one = Toy(acts={"one:a": lambda _: FAILS})
    assert play(RACE, one, FakeHands()).status is OutcomeStatus.HEALED
    both = Toy(acts={"one:a": lambda _: FAILS, "two:c": lambda _: FAILS})
    assert play(RACE, both, FakeHands()).status is OutcomeStatus.ROLLED_BACK
    assert set(both.counters.values()) <= {0}


def test_a_step_whose_condition_does_not_hold_or_whose_target_is_well_is_left_out() -> None:
    toy, hands = Toy(healthy={"toy:b"}), FakeHands()
    command = order(FORKED, parameters=(("deep", False),))
    outcome = play(FORKED, toy, hands, command)
    assert outcome.status is OutcomeStatus.HEALED
    (run,) = replay(hands.journal).values()
    left = {entry.name: entry.detail for entry in run.entries if entry.status is EntryStatus.SKIPPED}
    assert left == {"b": "it is well already", "f": "its condition does not hold"}


def test_a_later_step_reads_inputs_and_what_an_earlier_one_left() -> None:
    given = (Given("most", cel="steps.a.size - inputs.less"),)
    flow = workflow(
        use("a"),
        use("b", given=given, when="steps.a.colour == 'red' && steps.a.detail == 'counted'"),
        inputs=(Input("less", ValueType.INT, 2),),
    )
    hands = FakeHands()
    assert play(flow, Toy(), hands).status is OutcomeStatus.HEALED
    (run,) = replay(hands.journal).values()
    entry = run.entry("b")
    assert entry is not None
    assert dict(entry.bounds) == {"most": 5, "share": 0.5}


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (use("b", given=(Given("most", cel="inputs.less + 99"),)), "wider than the card"),
        (use("b", on="unknown"), "target_unknown"),
        (replace(use("b"), target=Given("target", "disk:root")), "lies outside of toys"),
        (use("b", when="1 / inputs.zero == 1"), "its condition has no value here"),
    ],
)
def test_a_step_that_may_not_be_made_ends_the_run_and_what_was_done_is_taken_back(step: object, why: str) -> None:
    inputs = (Input("less", ValueType.INT, 2), Input("zero", ValueType.INT, 0))
    toy = Toy()
    outcome = play(workflow(use("a"), step, inputs=inputs), toy, FakeHands())  # type: ignore[arg-type]
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert why in outcome.reason
    assert set(toy.counters.values()) == {0}


def test_parameters_that_do_not_fit_the_inputs_are_refused_before_anything_is_done() -> None:
    flow = workflow(use("a"), inputs=(Input("share", ValueType.INT, 3, 1, 5),))
    wrong = [("share", 9, "9 is more than 5"), ("share", "x", "'x' is no int"), ("other", 1, "there is no such input")]
    for name, value, why in wrong:
        toy = Toy()
        outcome = play(flow, toy, FakeHands(), order(flow, parameters=(("service", "a"), (name, value))))
        assert (outcome.status, outcome.reason, toy.ledger) == (OutcomeStatus.REFUSED, f"input {name}: {why}", [])


def test_a_command_for_another_text_of_the_same_name_is_refused() -> None:
    toy = Toy()
    outcome = play(workflow(use("a")), toy, FakeHands(), order(workflow(use("a"), use("b"))))
    assert (outcome.status, toy.ledger) == (OutcomeStatus.REFUSED, [])


def test_a_plan_and_a_dry_run_name_the_steps_and_touch_nothing() -> None:
    for mode, status in ((Mode.PLAN, OutcomeStatus.PLANNED), (Mode.DRY_RUN, OutcomeStatus.OBSERVED)):
        toy = Toy()
        outcome = play(FORKED, toy, FakeHands(), order(FORKED, mode=mode))
        assert (outcome.status, toy.ledger) == (status, [])
        assert outcome.plan is not None
        assert outcome.plan.steps[:2] == ("a: toy", "b: toy")


def test_a_step_that_is_not_to_be_taken_back_stays_done() -> None:
    flow = workflow(use("a", undo=False, why_no_undo="it only looks"), use("b"))
    toy = Toy(wrong={"toy:b"})
    outcome = play(flow, toy, FakeHands())
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert toy.counters == {"one:a": 1, "two:a": 1, "one:b": 0, "two:b": 0}


def _failing(times: int, toy: Toy, seen: list[str]) -> None:
    def act(call: Call) -> StepResult:
        seen.append(call.key)
        return FAILS if len(seen) <= times else toy.do(call)

    toy.acts["one:a"] = act


def test_a_failed_step_is_made_again_after_longer_and_longer_waits_the_same_in_every_replay() -> None:
    flow = workflow(use("a", retry=Retry(4, 1.0, 2.0, 3.0)))
    waits: list[list[float]] = []
    for crash_at in (-1, 11, 14):
        toy, seen, hands = Toy(), list[str](), FakeHands(crash_at=crash_at)
        _failing(3, toy, seen)
        assert play(flow, toy, hands).status is OutcomeStatus.HEALED
        assert len(set(seen)) == 1
        intents = [record.at for record in hands.journal if record.kind is JournalKind.INTENT and record.step == "a/one:a"]
        ends = [record.at for record in hands.journal if record.kind is JournalKind.DONE and '"again"' in record.result]
        waits.append([round((after - before).total_seconds(), 1) for before, after in zip(ends, intents[1:], strict=True)])
    assert waits[0] == waits[1] == waits[2]
    assert all(least <= wait <= most for wait, least, most in zip(waits[0], (0.5, 1.0, 1.5), (1.1, 2.1, 3.1), strict=True))


def test_a_step_that_fails_more_often_than_it_may_be_made_has_failed() -> None:
    flow = workflow(use("a", retry=Retry(3, 1.0, 2.0, 3.0)))
    toy, seen = Toy(), list[str]()
    _failing(9, toy, seen)
    outcome = play(flow, toy, FakeHands())
    assert (outcome.status, len(seen)) == (OutcomeStatus.ROLLED_BACK, 3)
    assert outcome.steps[0].tries == 3


def test_no_retry_outlives_the_deadline_that_all_steps_share() -> None:
    flow = workflow(use("a", retry=Retry(10, 25.0, 1.0, 30.0)))
    toy, seen = Toy(), list[str]()
    _failing(99, toy, seen)
    outcome = play(flow, toy, FakeHands())
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ROLLED_BACK, "deadline")
    assert outcome.started_at is not None
    assert (outcome.finished_at - outcome.started_at).total_seconds() < 63


def test_a_pending_step_that_takes_longer_than_its_time_out_is_looked_into_and_has_failed() -> None:
    flow = workflow(use("a", timeout_s=5.0))
    toy = Toy(acts={"one:a": lambda _: StepResult(StepStatus.PENDING, "still at it")})
    outcome = play(flow, toy, FakeHands())
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert "not done after 5" in outcome.reason


def test_what_a_workflow_leaves_stands_in_its_journal_and_in_the_audit() -> None:
    outputs = (Output("size", ValueType.INT, "steps.a.size"), Output("twice", ValueType.STRING, "steps.b.colour + target"))
    hands = FakeHands()
    play(workflow(use("a"), use("b"), outputs=outputs), Toy(), hands)
    left = json.loads(hands.journal[-1].result)["outputs"]
    assert left == {"size": 7, "twice": "redtoy:all"}
    (entry,) = (one for one in hands.others if isinstance(one, AuditEntry) and one.action == "recovery.healed")
    assert ("output.twice", "redtoy:all") in entry.details


def _named(shape: object, names: Iterator[str]) -> Node:
    """Return the drawn shape as a node, every step with a name of its own."""
    if not isinstance(shape, tuple):
        return use(next(names))
    word, rows = shape
    nodes = tuple(_named(row, names) for row in rows)
    return Chain(nodes) if word == "chain" else Fork(nodes, Join(word))


_BLOCK = st.sampled_from(["chain", "all", "any"])
_SHAPES = st.recursive(st.just("step"), lambda below: st.tuples(_BLOCK, st.lists(below, min_size=2, max_size=3)), max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(_SHAPES, st.sets(st.sampled_from("abcdef"), max_size=2), st.integers(0, 80), st.booleans())
def test_no_workflow_does_anything_twice_or_leaves_anything_behind_wherever_it_crashes(
    shape: object, broken: set[str], crash_at: int, helps: bool
) -> None:
    flow = workflow(_named(("chain", [shape, "step"]), iter("abcdefgh")))

    def fresh() -> Toy:
        wrong = set() if helps else {f"toy:{name}" for name in "abcdefgh"}
        return Toy(acts={f"two:{name}": lambda _: FAILS for name in broken}, wrong=wrong)

    expected = play(flow, fresh(), FakeHands())
    toy, hands = fresh(), FakeHands(crash_at=crash_at)
    outcome = play(flow, toy, hands)
    assert outcome.status is expected.status
    assert set(counts(toy.ledger).values()) <= {1}
    if outcome.status is OutcomeStatus.ROLLED_BACK:
        assert set(toy.counters.values()) <= {0}
        done = [r.step for r in hands.journal if r.kind in {JournalKind.DONE, JournalKind.PROBED} and _is_done(r)]
        assert [step.name for step in outcome.rollback] == done[::-1]


def _is_done(record: JournalRecord) -> bool:
    return json.loads(record.result)["status"] in {"ok", "done"}


def test_joins_are_named_in_the_test_data() -> None:
    assert {Join.ALL, Join.ANY} == {fork.join for flow in (FORKED, RACE) for fork in flow.body.steps if isinstance(fork, Fork)}
