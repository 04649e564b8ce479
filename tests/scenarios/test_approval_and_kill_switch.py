"""A risky action waits for another person's yes to its plan; a halted fleet does nothing until another person releases it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from schemas.decisions import HealingCommand
from schemas.ids import id_of
from schemas.oversight import Approval, Control, KillSwitch, SwitchMode
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from schemas.signing import sign
from tests.support.memory_flow import MemoryFlow
from tests.support.story import AUTOMATIC, KEYS, begin, told_of, untouched


def engage(flow: MemoryFlow, by: str, mode: SwitchMode) -> None:
    flow.send(sign(Control("killswitch/fleet", by, flow.now, killswitch=KillSwitch(mode, "drill")), KEYS[by]))


def test_a_risky_restart_runs_after_an_approvers_yes_to_exactly_its_plan() -> None:
    flow = begin(replace(Policy(strategies=AUTOMATIC), medium_from=1, high_from=2))
    flow.world.processes.alive -= {"api"}
    flow.pass_time(10)
    assert untouched(flow)

    [plan] = [row for row in flow.of(HealingCommand, "recovery.commands") if row.mode == "plan"]
    yes = Approval(plan.plan_hash, True, flow.now + timedelta(hours=1), "nonce-1")
    flow.send(sign(Control(f"approval/{plan.decision_id}/anton", "anton", flow.now, approval=yes), KEYS["anton"]))
    flow.pass_time(20)

    told = told_of(flow, "service:api")
    assert told.final.status is OutcomeStatus.HEALED
    [run] = [row for row in told.commands if row.mode == "run"]
    assert [row.person for row in run.approvals] == ["anton"]
    assert run.plan_hash == plan.plan_hash
    assert told.final.command_id == id_of(run)


def test_under_a_halt_nothing_is_ordered_until_another_person_releases_it() -> None:
    flow = begin()
    engage(flow, "olga", SwitchMode.HALT)
    flow.pass_time(1)

    flow.world.processes.alive -= {"api"}
    flow.pass_time(20)
    assert untouched(flow)
    engage(flow, "olga", SwitchMode.OFF)
    flow.pass_time(5)
    assert untouched(flow)
    engage(flow, "anton", SwitchMode.OFF)
    flow.pass_time(20)

    assert told_of(flow, "service:api").final.status is OutcomeStatus.HEALED
