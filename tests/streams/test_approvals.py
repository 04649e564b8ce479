"""A yes is for one command: not for another decision on the same plan, and not beyond its own end."""

from __future__ import annotations

from dataclasses import replace

from schemas.decisions import Mode
from schemas.ids import id_of
from schemas.oversight import SwitchMode
from schemas.recoveries import OutcomeStatus, PlanShown
from schemas.signing import sign
from tests.streams.test_admit import PEOPLE_KEYS, approval, asked, at, commands, ended, holds, switch, take, tick


def test_an_approval_is_for_one_command_and_no_other_decision_on_the_same_plan() -> None:
    stage, wanted, plan = asked()
    take(stage, ended(wanted, plan, OutcomeStatus.PLANNED, final=False, plan=PlanShown(plan_hash="plan")))
    take(stage, approval(wanted, "bob"))
    [command] = commands(tick(stage))
    # The same word again, the same decision again, and the next attempt with the very same plan: none of them goes by it.
    take(stage, approval(wanted, "bob"))
    take(stage, wanted)
    take(stage, ended(wanted, command, OutcomeStatus.ROLLED_BACK, final=False))
    again = replace(wanted, attempt=2)
    take(stage, again)
    [plan] = commands(tick(stage, 10))
    take(stage, ended(again, plan, OutcomeStatus.PLANNED, final=False, plan=PlanShown(plan_hash="plan")))
    assert (plan.mode, commands(tick(stage, 11))) == (Mode.PLAN, [])
    take(stage, sign(replace(approval(wanted, "bob"), key=f"approval/{id_of(again)}/bob", signature=""), PEOPLE_KEYS["ada"]), 12)
    assert commands(tick(stage, 12)) == [], "a yes that is copied to another decision is not its person's"


def test_an_approval_that_expires_before_its_turn_lets_nothing_go_and_people_are_asked_again() -> None:
    stage, wanted, plan = asked()
    take(stage, ended(wanted, plan, OutcomeStatus.PLANNED, final=False, plan=PlanShown(plan_hash="plan")))
    take(stage, switch("ada", SwitchMode.DRAIN))
    take(stage, approval(wanted, "bob", until=100))
    assert commands(tick(stage, 50)) == []
    take(stage, switch("bob", SwitchMode.OFF))
    assert holds(tick(stage, 100)) == ["approval: 1 more for plan plan"]
    take(stage, approval(wanted, "bob", until=300))
    [command] = commands(tick(stage, 290))
    assert command.not_after == at(300), "the order is valid no longer than the yes"
