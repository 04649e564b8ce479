"""The lease, the switches, the hands and the executor's door: when a step may start and when a command may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recoverers.admission import early_end, wrong_with
from recoverers.deadline import Deadline
from recoverers.hands import Clock, RunHands
from recoverers.lease_guard import Heard, why_not
from schemas.authorization import DEFAULT_RULES
from schemas.configuration import Configuration
from schemas.decisions import ApprovalGiven
from schemas.errors import UnreachableError
from schemas.ids import Record
from schemas.oversight import AuditEntry, Control, Lease, Override, SwitchMode
from schemas.people import People, Person, Role
from schemas.recoveries import Direction, JournalKind, JournalRecord, OutcomeStatus
from schemas.signing import public_text, sign
from tests.support.fakes import START
from tests.support.runs import SERVICES, command

NO_PRODUCTION = 'forbid (principal, action == Action::"approve", resource) when { resource.environment == "production" };'
ORDER = command("service_restart", "service:web")
LEASE = Lease(1, 1, START)


@pytest.mark.parametrize(
    ("heard", "direction", "why"),
    [
        (Heard(LEASE, 10.0), Direction.DO, None),
        (Heard(), Direction.DO, "no_lease"),
        (Heard(LEASE, 8.0), Direction.DO, "lease_old"),
        (Heard(LEASE, 11.0), Direction.DO, "lease_old"),
        (Heard(replace(LEASE, at=START - timedelta(seconds=3)), 10.0), Direction.DO, "clock_skew"),
        (Heard(replace(LEASE, epoch=0), 10.0), Direction.DO, "epoch"),
        (Heard(replace(LEASE, halted=("group:shop",)), 10.0), Direction.DO, "halted"),
        (Heard(LEASE, 10.0, (("fleet", SwitchMode.HALT),)), Direction.UNDO, "halted"),
        (Heard(LEASE, 10.0, (("fleet", SwitchMode.DRAIN),)), Direction.DO, None),
        (Heard(LEASE, 10.0, (("group:other", SwitchMode.HALT),)), Direction.DO, None),
        (Heard(LEASE, 10.0, stop_file=True), Direction.UNDO, "stop_file"),
        (Heard(), Direction.UNDO, None),
    ],
)
def test_a_step_starts_only_with_a_fresh_lease_and_no_switch_in_its_way(heard: Heard, direction: Direction, why: str | None) -> None:
    assert why_not(heard, ORDER, direction, START, 10.5) == why


@dataclass
class FakeWatch:
    lease: tuple[Lease | None, float] = (None, 0.0)
    controls: Mapping[str, Control] = field(default_factory=dict)
    switches: tuple[tuple[str, SwitchMode], ...] = ()
    is_stopped: bool = False
    caught_up: int = 0
    silent_times: int = 0

    def catch_up(self) -> None:
        if self.silent_times:
            self.silent_times -= 1
            raise UnreachableError("heal.control", "no answer", "wait")
        self.caught_up += 1


def test_a_halted_undo_waits_for_the_release_and_pages_once() -> None:
    watch = FakeWatch(switches=(("fleet", SwitchMode.HALT),))
    written: list[Record] = []
    seconds = [0.0]

    def wait(passed: float) -> None:
        seconds[0] += passed
        if seconds[0] > 3:
            watch.switches = ()

    def write(records: Sequence[Record]) -> None:
        written.extend(records)

    hands = RunHands(watch, write, Clock(lambda: START, lambda: seconds[0], wait), lambda _: None)
    assert hands.permit(ORDER, Direction.UNDO) == pytest.approx(3.1, abs=0.2)
    assert watch.caught_up == 1
    assert [record.action for record in written if isinstance(record, AuditEntry)] == ["page.halted_mid_rollback"]
    assert hands.permit(ORDER, Direction.UNDO) == 0.0


def test_an_undo_waits_for_a_broker_that_is_silent_and_counts_the_wait() -> None:
    watch = FakeWatch(silent_times=20)
    seconds = [0.0]

    def wait(passed: float) -> None:
        seconds[0] += passed

    hands = RunHands(watch, lambda _: None, Clock(lambda: START, lambda: seconds[0], wait), lambda _: None)
    assert hands.permit(ORDER, Direction.UNDO) == pytest.approx(2.0)
    assert watch.caught_up == 1


def test_a_clock_that_is_set_moves_what_it_shows_and_not_the_time_by_which_a_run_is_measured() -> None:
    shows, seconds = [START], [100.0]
    hands = RunHands(FakeWatch(), lambda _: None, Clock(lambda: shows[0], lambda: seconds[0], lambda _: None), lambda _: None)
    shows[0], seconds[0] = START - timedelta(hours=1), 103.0
    assert (hands.now(), hands.steady()) == (START - timedelta(hours=1), START + timedelta(seconds=3))


def test_an_append_reaches_the_points_before_and_after_it() -> None:
    reached: list[str] = []
    written: list[Record] = []
    hands = RunHands(FakeWatch(), written.extend, Clock(lambda: START, lambda: 0.0, lambda _: None), reached.append)
    hands.append([JournalRecord("c", JournalKind.INTENT, hands.now())])
    hands.wait(1.0)
    assert reached == ["before-intent", "after-intent"]
    assert len(written) == 1


def test_a_person_cancels_a_run_by_its_incident() -> None:
    control = Control("override/incident/n1", "ann", START, override=Override("n1", cancel=True))
    hands = RunHands(
        FakeWatch(controls={control.key: control}), lambda _: None, Clock(lambda: START, lambda: 0.0, lambda _: None), lambda _: None
    )
    assert hands.is_cancelled(ORDER)
    assert not hands.is_cancelled(replace(ORDER, incident_id="other", decision_id="other"))


def test_only_admits_signature_makes_an_order() -> None:
    key = Ed25519PrivateKey.generate()
    signed = sign(ORDER, key)
    assert wrong_with(signed, public_text(key)) is None
    assert wrong_with(replace(signed, target="service:db"), public_text(key)) is not None
    assert wrong_with(LEASE, public_text(key)) is not None


def test_an_expired_an_unknown_and_a_moved_command_never_start() -> None:
    configuration = Configuration(services=SERVICES)
    known = frozenset({"service_restart"})
    assert early_end(ORDER, configuration, known, START) is None
    late = early_end(ORDER, configuration, known, START + timedelta(hours=1))
    assert late is not None
    assert late.status is OutcomeStatus.EXPIRED
    unknown = early_end(ORDER, configuration, frozenset(), START)
    assert unknown is not None
    assert unknown.reason == "recipe_changed"
    moved = early_end(replace(ORDER, scope="group:other"), configuration, known, START)
    assert moved is not None
    assert moved.reason == "scope_changed"


@pytest.mark.parametrize(
    ("roles", "rules", "reason"),
    [
        ({Role.APPROVER}, DEFAULT_RULES, None),
        ({Role.OPERATOR}, DEFAULT_RULES, "approval_without_right"),
        ({Role.APPROVER}, DEFAULT_RULES + NO_PRODUCTION, "approval_without_right"),
    ],
)
def test_a_yes_counts_at_the_executor_by_the_same_rules_and_on_the_target(roles: set[Role], rules: str, reason: str | None) -> None:
    configuration = Configuration(services=SERVICES, people=People((Person("ann", frozenset(roles), "k"),), rules))
    approved = replace(ORDER, approvals=(ApprovalGiven("ann", ORDER.plan_hash, "n", START),))

    ending = early_end(approved, configuration, frozenset({"service_restart"}), START)

    assert (ending.reason if ending else None) == reason


def test_a_deadline_says_what_is_left() -> None:
    deadline = Deadline.after(START, 10.0, 5.0)
    assert deadline.left_s(START + timedelta(seconds=5)) == 10.0
    assert deadline.left_s(START + timedelta(seconds=50)) == 0.0
