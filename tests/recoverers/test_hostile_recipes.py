"""Recipes that raise, hang, ignore cancellation, print secrets or flood output: contained, journaled, and never the executor's end."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from io import StringIO

import pytest
from typing_extensions import override

from recoverers.checked import LONGEST_DELAY_S, MAX_LETTERS, checked_result
from recoverers.crew import Threads
from recoverers.execute import drive
from recoverers.hushed import Hushed
from recoverers.journal import RunState, fold
from recoverers.perform import accept
from recoverers.ports import Call, Facts
from recoverers.terms import Terms
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand, plan_hash_of
from schemas.oversight import AuditEntry
from schemas.recoveries import JournalKind, OutcomeStatus, RecoveryOutcome
from schemas.workflows import Chain, Fork, Retry
from tests.support.fakes import FakeHands
from tests.support.toys import TOY, Gate, ThreadHands, Toy, counts, order, play, use, workflow

FLOW = workflow(use("a"), use("b"))
SECRET = "ghp_" + "a1" * 18
NONSENSE: tuple[object, ...] = (
    None,
    "done",
    StepResult("ok"),  # type: ignore[arg-type]
    StepResult(StepStatus.PENDING, delay_s=float("inf")),
    StepResult(StepStatus.OK, outputs=(("x", object()),)),  # type: ignore[arg-type]
    StepResult(StepStatus.OK, outputs=(("x", float("nan")),)),
    StepResult(StepStatus.OK, outputs=tuple((str(number), 1) for number in range(1000))),
)


@pytest.mark.parametrize("method", ["gather", "plan", "pre_image", "act", "probe", "check", "undo"])
def test_a_recipe_that_raises_ends_its_run_and_not_the_executor(method: str) -> None:
    toy = Toy(broken={method: RuntimeError(f"token={SECRET}")}, wrong={"toy:b"} if method == "undo" else set())
    hands = FakeHands()
    outcome = play(FLOW, toy, hands)
    wanted = {"undo": OutcomeStatus.ROLLBACK_FAILED, "probe": OutcomeStatus.HEALED}
    assert outcome.status is wanted.get(method, OutcomeStatus.ROLLED_BACK)
    assert method in {"probe", "check"} or "RuntimeError" in str(outcome)
    assert SECRET not in str(hands.journal) + str(hands.others)
    assert any(isinstance(entry, AuditEntry) and entry.action == f"recovery.{outcome.status.value}" for entry in hands.others)


@pytest.mark.parametrize("method", ["gather", "plan"])
def test_a_recipe_of_its_own_that_raises_before_anything_is_done_is_escalated(method: str) -> None:
    card = TOY
    order_ = replace(order(FLOW), strategy="toy", bounds=card.bounds, plan_hash=plan_hash_of("toy", 1, "toy:all", (), card.bounds))
    hands, terms = FakeHands(), Terms(Toy(broken={method: KeyError("x")}), card, 1.0)
    drive(fold(RunState(order_), accept(RunState(order_), terms, hands)), terms, hands)
    (outcome,) = (one for one in hands.others if isinstance(one, RecoveryOutcome))
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ESCALATED, "nothing was done, the recipe broke: KeyError: 'x'")


def test_an_act_that_raises_before_its_effect_has_failed_and_one_that_raises_after_it_is_found_done() -> None:
    def after(call: Call) -> StepResult:
        toy.do(call)
        raise ValueError("too late")

    def before(call: Call) -> StepResult:
        raise ValueError(f"{call.step} broke")

    toy = Toy(acts={"one:a": after})
    assert play(FLOW, toy, FakeHands()).status is OutcomeStatus.HEALED
    assert set(counts(toy.ledger).values()) == {1}
    toy = Toy(acts={"one:b": before})
    outcome = play(FLOW, toy, FakeHands())
    assert (outcome.status, set(toy.counters.values())) == (OutcomeStatus.ROLLED_BACK, {0})
    assert "one:b broke" in outcome.reason


def test_an_act_that_asks_the_process_to_end_ends_only_itself() -> None:
    outcome = play(FLOW, Toy(broken={"act": SystemExit(1)}), ThreadHands(crew=Threads()))
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert "SystemExit" in outcome.reason


def test_an_act_that_raises_and_that_no_probe_tells_about_is_escalated() -> None:
    toy = Toy(broken={"act": OSError("gone")}, unsure={"one:a"})
    outcome = play(FLOW, toy, FakeHands())
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ESCALATED, "in doubt about step a/one:a")


def test_an_act_that_raises_is_made_again_as_often_as_its_step_says() -> None:
    seen: list[str] = []

    def shaky(call: Call) -> StepResult:
        seen.append(call.step)
        if len(seen) < 3:
            raise ConnectionResetError("once more")
        return toy.do(call)

    toy = Toy(acts={"one:a": shaky})
    assert play(workflow(use("a", retry=Retry(3))), toy, FakeHands()).status is OutcomeStatus.HEALED
    assert len(seen) == 3


def test_an_act_that_stays_uncertain_is_not_made_for_ever() -> None:
    seen: list[str] = []

    def uncertain(call: Call) -> StepResult:
        seen.append(call.step)
        return StepResult(StepStatus.UNCERTAIN)

    outcome = play(FLOW, Toy(acts={"one:a": uncertain}), FakeHands())
    assert (outcome.status, len(seen)) == (OutcomeStatus.ROLLED_BACK, 5)


def _say(nonsense: object, _: Call) -> StepResult:
    return nonsense  # type: ignore[return-value]


def test_an_act_that_answers_with_nonsense_is_in_doubt_and_looked_into() -> None:
    for nonsense in NONSENSE:
        toy = Toy(acts={"one:a": partial(_say, nonsense)})
        outcome = play(FLOW, toy, FakeHands())
        assert outcome.status is OutcomeStatus.ROLLED_BACK
        assert "the recipe broke" in outcome.reason


def test_a_delay_that_is_out_of_all_bounds_is_brought_into_them() -> None:
    assert checked_result(StepResult(StepStatus.PENDING, delay_s=-1.0)).delay_s > 0
    assert checked_result(StepResult(StepStatus.PENDING, delay_s=1e99)).delay_s == LONGEST_DELAY_S


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("gather", Facts(values=(("x", "y" * (MAX_LETTERS + 1)),))),
        ("gather", Facts(values=(("x", 1),))),  # type: ignore[arg-type]
        ("gather", "healthy"),
        ("plan", "start"),
        ("plan", tuple(str(number) for number in range(1000))),
        ("plan", ("twice", "twice")),
        ("pre_image", {"count": 1}),
        ("pre_image", "{"),
        ("check", True),
        ("probe", "done"),
        ("undo", "ok"),
    ],
)
def test_answers_of_another_shape_or_size_are_the_recipe_s_failure_and_not_the_executor_s(method: str, said: object) -> None:
    toy = Toy(wrong={"toy:b"} if method == "undo" else set())
    if method == "probe":
        toy.broken["act"] = OSError("gone")
    setattr(toy, method, lambda *_: said)
    hands = FakeHands()
    outcome = play(FLOW, toy, hands)
    wanted = {"probe": OutcomeStatus.ESCALATED, "undo": OutcomeStatus.ROLLBACK_FAILED}
    assert outcome.status is wanted.get(method, OutcomeStatus.ROLLED_BACK)
    assert len(str(hands.journal)) < MAX_LETTERS


def test_what_a_recipe_prints_is_masked_and_cut_and_what_others_print_is_not() -> None:
    below = StringIO()
    stream = Hushed(below)

    def chatter() -> None:
        for _ in range(100):
            stream.write(f"password={SECRET} " + "x" * 1000)

    attempt = Threads().start(chatter)
    while attempt.outcome() is None and "printed more" not in below.getvalue():
        continue
    stream.write("the executor says this\n")
    stream.flush()
    printed = below.getvalue()
    assert SECRET not in printed
    assert len(printed) < 6000
    assert "[redacted]" in printed
    assert "the executor says this" in printed


def test_an_act_that_hangs_and_heeds_its_cancel_signal_ends_with_its_time_out() -> None:
    gate = Gate()
    toy = Toy(acts={"one:b": gate.heed})
    outcome = play(workflow(use("a"), use("b", timeout_s=3.0)), toy, ThreadHands(crew=Threads(), moment_s=0.1))
    assert (outcome.status, gate.told) == (OutcomeStatus.ROLLED_BACK, ["one:b"])
    assert "ended as told" in outcome.reason
    assert set(toy.counters.values()) == {0}


def test_an_act_that_ignores_its_cancel_signal_is_given_up_and_a_person_is_told_that_it_may_act_yet() -> None:
    gate = Gate()
    toy, hands = Toy(acts={"one:b": gate.hang}), ThreadHands(crew=Threads())
    outcome = play(FLOW, toy, hands)
    gate.opened.set()
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ESCALATED, "in doubt about step b/one:b")
    assert outcome.steps[-1].status == "unclear"
    assert outcome.steps[-1].detail == "told to end, and did not end: it may act yet"
    assert outcome.recommendations
    assert [record.kind for record in hands.journal[-3:]] == [JournalKind.IN_DOUBT, JournalKind.PROBED, JournalKind.CONCLUDED]


def test_an_act_that_hangs_after_its_effect_is_found_done_and_taken_back() -> None:
    gate = Gate()

    def late(call: Call) -> StepResult:
        toy.do(call)
        return gate.hang(call)

    toy = Toy(acts={"one:b": late})
    outcome = play(FLOW, toy, ThreadHands(crew=Threads()))
    gate.opened.set()
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ROLLED_BACK, "deadline")
    assert set(toy.counters.values()) == {0}


def test_a_person_who_cancels_stops_a_running_act_and_what_was_done_is_taken_back() -> None:
    gate = Gate()
    toy = Toy(acts={"one:b": gate.heed})

    class Cancelling(ThreadHands):
        @override
        def is_cancelled(self, command: HealingCommand) -> bool:
            return gate.inside.is_set()

    outcome = play(FLOW, toy, Cancelling(crew=Threads(), moment_s=0.1))
    assert gate.told == ["one:b"]
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ROLLED_BACK, "step b/one:b failed: told to end; ended as told")
    assert set(toy.counters.values()) == {0}


def test_a_branch_that_hangs_does_not_keep_its_sibling_from_its_work() -> None:
    gate = Gate()
    toy = Toy(acts={"one:a": gate.hang})
    flow = workflow(Fork((use("a", timeout_s=5.0), Chain((use("b"), use("c"))))))
    outcome = play(flow, toy, ThreadHands(crew=Threads(), moment_s=0.05))
    gate.opened.set()
    assert outcome.status is OutcomeStatus.ESCALATED
    assert counts(toy.ledger) == {"one:b": 1, "two:b": 1, "one:c": 1, "two:c": 1}


@pytest.mark.parametrize("method", ["gather", "check", "probe", "undo"])
def test_a_look_or_an_undo_that_hangs_is_given_up_in_time(method: str) -> None:
    gate = Gate()

    def hang(*_: object) -> object:
        return gate.opened.wait(20.0)

    toy = Toy(wrong={"toy:b"} if method == "undo" else set())
    if method == "probe":
        toy.broken["act"] = OSError("gone")
    setattr(toy, method, hang)
    outcome = play(FLOW, toy, ThreadHands(crew=Threads()))
    gate.opened.set()
    wanted = {"probe": OutcomeStatus.ESCALATED, "undo": OutcomeStatus.ROLLBACK_FAILED}
    assert outcome.status is wanted.get(method, OutcomeStatus.ROLLED_BACK)
    assert outcome.rollback_s is None or outcome.rollback_s < 62


@pytest.mark.parametrize("status", [StepStatus.OK, StepStatus.FAILED, StepStatus.PENDING])
def test_secrets_and_floods_in_what_a_recipe_says_are_masked_and_short(status: StepStatus) -> None:
    said = f"password={SECRET} {SECRET} " + "x" * 10_000_000
    result = StepResult(status, said, outputs=(("colour", said),))

    def act(call: Call) -> StepResult:
        toy.do(call)
        return result

    toy, hands = Toy(acts={"one:a": act}), FakeHands()
    play(workflow(use("a", timeout_s=1.0)), toy, hands)
    kept = str(hands.journal) + str(hands.others)
    assert SECRET not in kept
    assert "[redacted]" in kept or status is StepStatus.PENDING
    assert len(kept) < 60_000


def test_a_pre_image_that_no_journal_can_hold_keeps_its_step_from_being_made() -> None:
    class Flooding(Toy):
        @override
        def pre_image(self, call: Call) -> str:
            return '"' + "x" * MAX_LETTERS + '"'

    toy = Flooding()
    outcome = play(FLOW, toy, FakeHands())
    assert (outcome.status, toy.ledger) == (OutcomeStatus.ROLLED_BACK, [])
    assert "a journal keeps" in outcome.reason
