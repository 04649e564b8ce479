"""Runs over fake targets: crashes at every journal boundary, lies, halts, cancelling, and every early end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from recoverers.execute import drive
from recoverers.journal import replay
from recoverers.transitions import State, draw
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import ApprovalGiven, HealingCommand, Mode
from schemas.ids import id_of
from schemas.recoveries import Direction, JournalKind, OutcomeStatus
from schemas.services import ServiceSpec
from tests.support.fakes import START, FakeHands, FakeProcesses
from tests.support.runs import JOB, RECIPES, Sandbox, command, outcomes


@pytest.mark.parametrize(("strategy", "target"), RECIPES)
def test_each_recipe_heals_and_says_by_which_two_sources(strategy: str, target: str) -> None:
    hands = FakeHands()
    outcome = Sandbox.for_recipe(strategy).run(command(strategy, target), hands)
    assert outcome.status is OutcomeStatus.HEALED
    assert outcome.final
    assert len({factor.source for factor in outcome.verification if factor.passed}) >= 2
    assert outcome.recovered_at is not None
    assert outcome.verified_at is not None
    assert outcome.verified_at - outcome.recovered_at >= timedelta(seconds=1)
    assert hands.kinds()[-1] is JournalKind.CONCLUDED


def _boundaries(strategy: str, target: str, sandbox: Sandbox) -> int:
    hands = FakeHands()
    sandbox.run(command(strategy, target), hands)
    return hands.boundary


@pytest.mark.parametrize("lying", [False, True])
@pytest.mark.parametrize(("strategy", "target"), RECIPES)
def test_a_crash_at_any_journal_boundary_changes_neither_outcome_nor_effects(strategy: str, target: str, lying: bool) -> None:
    def fresh() -> Sandbox:
        made = Sandbox.for_recipe(strategy)
        made.silent = {"web-http", "box-tcp", "deployed-tcp"} if lying else set()
        made.ci.next_conclusion = "failure" if lying else "success"
        made.disks.read_only = lying
        made.caches.reads_fail = lying
        made.packages.install_fails = lying
        made.limits.leaks = lying
        made.pushes.drops = "theirs" if lying else ""
        return made

    calm = fresh()
    before = calm.state()
    expected = calm.run(command(strategy, target), FakeHands())
    total = _boundaries(strategy, target, fresh())
    for crash_at in range(total):
        sandbox, hands = fresh(), FakeHands(crash_at=crash_at)
        outcome = sandbox.run(command(strategy, target), hands)
        assert outcome.status is expected.status, crash_at
        assert sandbox.effects() == calm.effects(), crash_at
        assert [step.name for step in outcome.rollback] == [step.name for step in expected.rollback]
        assert {id_of(found) for found in outcomes(hands)} == {id_of(expected)}
        assert sandbox.state() == calm.state()
        # A job's attempt that has run stays in the history; the setting that it ran by does not stay.
        # A pod that was removed stays removed, and no lie here is told of a node.
        stays = target == JOB or strategy in {"pod_delete", "node_cordon_drain"}
        assert not lying or stays or sandbox.state() == before
        assert not lying or sandbox.indexes.files == fresh().indexes.files


def test_the_intent_is_durable_before_each_effect() -> None:
    sandbox = Sandbox.for_recipe("service_restart")
    hands = FakeHands(crash_at=4)
    sandbox.run(command("service_restart", "service:web"), hands)
    intents = [record.idempotency_key for record in hands.journal if record.kind is JournalKind.INTENT]
    assert {key for _, _, key in sandbox.processes.ledger} <= set(intents)
    assert len(sandbox.processes.ledger) == 3


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(RECIPES), st.integers(0, 40), st.booleans())
def test_replay_of_any_prefix_continues_to_the_same_outcome(recipe: tuple[str, str], length: int, lying: bool) -> None:
    strategy, target = recipe
    sandbox, hands = Sandbox.for_recipe(strategy), FakeHands()
    sandbox.silent = {"web-http"} if lying else set()
    sandbox.ci.log_text = b"network unreachable" if lying else b"fine"
    order = command(strategy, target)
    expected = sandbox.run(order, hands)
    prefix = hands.journal[: max(1, min(length, len(hands.journal) - 1))]
    again = FakeHands(clock=hands.clock, journal=list(prefix))
    # The world stands where the whole run left it: later than the prefix says, as after a crash that lost only the answer. No effect
    # precedes its intent, so before the first one the world is as it was.
    has_begun = any(record.kind is JournalKind.INTENT for record in prefix)
    if lying and has_begun:
        return
    other = sandbox if has_begun else Sandbox.for_recipe(strategy)
    other.silent, other.ci.log_text = sandbox.silent, sandbox.ci.log_text
    outcome = other.run(order, again)
    same = {expected.status, OutcomeStatus.SELF_HEALED}
    assert outcome.status in same


def test_a_failed_rerun_is_rolled_back_with_nothing_to_take_back_and_not_final() -> None:
    sandbox = Sandbox.for_recipe("rerun_job")
    sandbox.ci.next_conclusion = "failure"
    outcome = sandbox.run(command("rerun_job", JOB), FakeHands())
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert outcome.rollback == ()
    assert not outcome.final


def test_rollback_takes_back_exactly_the_done_steps_in_reverse_within_a_minute() -> None:
    sandbox, hands = Sandbox.for_recipe("service_restart"), FakeHands()
    sandbox.silent = {"web-http"}
    outcome = sandbox.run(command("service_restart", "service:web"), hands)
    done = [step.name for step in outcome.steps if step.status == "done"]
    assert [step.name for step in outcome.rollback] == done[::-1]
    assert outcome.rollback_s is not None
    assert outcome.rollback_s < 60
    assert sandbox.processes.alive == set()


def test_a_halt_mid_run_is_left_out_of_the_budget_and_recorded() -> None:
    hands = FakeHands(halts={Direction.DO: 500.0})
    outcome = Sandbox.for_recipe("service_restart").run(command("service_restart", "service:web"), hands)
    assert outcome.status is OutcomeStatus.HEALED
    assert outcome.paused_s == pytest.approx(500.0)


@dataclass
class SetBetween(FakeHands):
    """Hands whose wall clock is set before each step."""

    by_s: float = 0.0

    @override
    def permit(self, command: HealingCommand, direction: Direction) -> float:
        self.set_s += self.by_s
        return super().permit(command, direction)


@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
def test_a_clock_that_is_set_mid_run_ends_no_run_and_prolongs_no_verification(by_s: float) -> None:
    calm, hands = FakeHands(), SetBetween(by_s=by_s)
    order = command("service_restart", "service:web")
    expected = Sandbox.for_recipe("service_restart").run(order, calm)
    outcome = Sandbox.for_recipe("service_restart").run(order, hands)
    assert outcome.status is expected.status is OutcomeStatus.HEALED
    assert hands.clock - calm.clock < timedelta(seconds=1)
    assert outcome.verified_at
    assert outcome.recovered_at
    assert timedelta(seconds=1) <= outcome.verified_at - outcome.recovered_at < timedelta(seconds=2)
    assert outcome.finished_at == hands.clock + timedelta(seconds=hands.set_s), "stamped by the wall clock"


def test_a_halt_mid_rollback_is_left_out_of_the_minute() -> None:
    sandbox, hands = Sandbox.for_recipe("service_restart"), FakeHands(halts={Direction.UNDO: 300.0})
    sandbox.silent = {"web-http"}
    outcome = sandbox.run(command("service_restart", "service:web"), hands)
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert outcome.rollback_s is not None
    assert outcome.rollback_s < 60
    assert outcome.paused_s >= 300


def test_a_cancelled_run_begins_no_step_and_is_rolled_back() -> None:
    sandbox, hands = Sandbox.for_recipe("service_restart"), FakeHands(cancelled=True)
    outcome = sandbox.run(command("service_restart", "service:web"), hands)
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ROLLED_BACK, "cancelled")
    assert sandbox.processes.ledger == []


def test_a_step_that_never_ends_uses_up_the_budget_and_is_taken_back() -> None:
    sandbox = Sandbox.for_recipe("service_restart")
    sandbox.silent = {"db-http"}
    outcome = sandbox.run(command("service_restart", "service:web"), FakeHands())
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert sandbox.processes.alive == set()


def test_an_undo_that_fails_ends_as_rollback_failed_with_advice() -> None:
    class Stubborn(FakeProcesses):
        @override
        def stop_started(self, service: object, key: str) -> StepResult:
            return StepResult(StepStatus.FAILED, f"{service} {key} stays")

    sandbox = Sandbox(processes=Stubborn(), silent={"web-http"})
    outcome = sandbox.run(command("service_restart", "service:web"), FakeHands())
    assert outcome.status is OutcomeStatus.ROLLBACK_FAILED
    assert outcome.recommendations


def test_a_doubt_that_no_probe_settles_is_escalated() -> None:
    sandbox = Sandbox.for_recipe("config_restore")

    def meddled(*_: object) -> StepResult:
        sandbox.files.live["web-conf"] = b"somebody else"
        return StepResult(StepStatus.UNCERTAIN)

    sandbox.files.restore = meddled  # type: ignore[method-assign,assignment]
    outcome = sandbox.run(command("config_restore", "config:web-conf"), FakeHands())
    assert outcome.status is OutcomeStatus.ESCALATED


EARLY = [
    ({"recipe_version": 2}, "recipe_changed"),
    ({"plan_hash": "other"}, "plan_changed"),
    ({"approvals": (ApprovalGiven("ann", "other", "n", START),)}, "plan_changed"),
    ({"bounds": (("max_services", 99),)}, "plan_out_of_bounds"),
    ({"bounds": (("unknown", 1),)}, "plan_out_of_bounds"),
    ({"deadline_s": 999.0}, "plan_out_of_bounds"),
]


@pytest.mark.parametrize(("changes", "reason"), EARLY)
def test_a_command_that_this_code_may_not_carry_out_is_refused(changes: dict[str, object], reason: str) -> None:
    sandbox = Sandbox.for_recipe("service_restart")
    outcome = sandbox.run(command("service_restart", "service:web", **changes), FakeHands())
    assert (outcome.status, outcome.reason) == (OutcomeStatus.REFUSED, reason)
    assert sandbox.processes.ledger == []


@pytest.mark.parametrize(
    ("mode", "status", "final"), [(Mode.PLAN, OutcomeStatus.PLANNED, False), (Mode.DRY_RUN, OutcomeStatus.OBSERVED, True)]
)
def test_a_plan_and_a_dry_run_show_the_steps_and_touch_nothing(mode: Mode, status: OutcomeStatus, final: bool) -> None:
    sandbox = Sandbox.for_recipe("service_restart")
    outcome = sandbox.run(command("service_restart", "service:web", mode=mode), FakeHands())
    assert (outcome.status, outcome.final, outcome.dry_run) == (status, final, mode is Mode.DRY_RUN)
    assert outcome.plan is not None
    assert outcome.plan.steps[0] == "start:db"
    assert sandbox.processes.ledger == []


def test_a_refusal_to_plan_is_not_the_last_word_which_is_the_doors() -> None:
    sandbox = Sandbox.for_recipe("service_restart")
    outcome = sandbox.run(command("service_restart", "service:web", mode=Mode.PLAN, plan_hash="other"), FakeHands())
    assert (outcome.status, outcome.final) == (OutcomeStatus.REFUSED, False)


def test_a_target_that_is_healthy_again_is_self_healed() -> None:
    sandbox = Sandbox(processes=FakeProcesses(alive={"db", "api", "web"}))
    outcome = sandbox.run(command("service_restart", "service:web"), FakeHands())
    assert outcome.status is OutcomeStatus.SELF_HEALED


def test_a_target_outside_the_catalogue_is_refused() -> None:
    for strategy, target in (("service_restart", "service:nope"), ("config_restore", "config:nope"), ("rerun_job", "nope")):
        outcome = Sandbox().run(command(strategy, target), FakeHands())
        assert outcome.status is OutcomeStatus.REFUSED


def test_a_concluded_run_replays_to_its_end_and_a_repeated_record_changes_nothing() -> None:
    sandbox, hands = Sandbox.for_recipe("service_restart"), FakeHands()
    order = command("service_restart", "service:web")
    sandbox.run(order, hands)
    doubled = [record for record in hands.journal for _ in range(2)]
    run = replay(doubled)[id_of(order)]
    assert run == replay(hands.journal)[id_of(order)]
    assert drive(run, sandbox.terms(order), hands).state is State.CONCLUDED


def test_the_drawing_names_every_state() -> None:
    assert all(state.value in draw() for state in State)


def test_a_record_of_an_unknown_run_is_skipped() -> None:
    hands = FakeHands()
    Sandbox.for_recipe("rerun_job").run(command("rerun_job", JOB), hands)
    assert replay([replace(hands.journal[1], command_id="other")]) == {}


def test_an_undo_that_takes_a_while_is_asked_again_until_it_is_done() -> None:
    asked: list[str] = []

    class Slow(FakeProcesses):
        @override
        def stop_started(self, service: ServiceSpec, key: str) -> StepResult:
            asked.append(key)
            return super().stop_started(service, key) if asked.count(key) > 2 else StepResult(StepStatus.PENDING)

    sandbox = Sandbox(processes=Slow(), silent={"web-http"})
    outcome = sandbox.run(command("service_restart", "service:web"), FakeHands())
    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert len(asked) == 9


def test_a_run_that_is_cancelled_while_it_is_verified_is_taken_back() -> None:
    class Hasty(FakeHands):
        @override
        def is_cancelled(self, command: HealingCommand) -> bool:
            return self.kinds().count(JournalKind.DONE) == 6 or self.cancelled

    sandbox = Sandbox.for_recipe("service_restart")
    outcome = sandbox.run(command("service_restart", "service:web"), Hasty())
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ROLLED_BACK, "cancelled")
    assert sandbox.processes.alive == set()
