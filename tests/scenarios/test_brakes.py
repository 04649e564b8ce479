"""What holds healing back and what a person's word does, from the signed word or the CI event to the effect on the target."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from schemas.decisions import Admission, Decision, HealingCommand
from schemas.events import JobStarted, Origin, Provenance, Trust, WorkflowFinished
from schemas.ids import id_of
from schemas.incidents import Incident
from schemas.oversight import Approval, Control, Freeze, KillSwitch, Override, SwitchMode
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.signing import sign
from schemas.vocabulary import Result
from schemas.watched_workflows import WorkflowRule
from schemas.windows import WindowRule
from tests.support.fakes import START
from tests.support.memory_flow import MemoryFlow
from tests.support.story import AUTOMATIC, KEYS, begin, told_of, untouched

CAREFUL = replace(Policy(strategies=AUTOMATIC), medium_from=1, high_from=2)
PRODUCER = Provenance(Origin.SIGNED_WEBHOOK, Trust.PROTECTED)


def say(flow: MemoryFlow, by: str, key: str, **value: object) -> None:
    flow.send(sign(Control(key, by, flow.now, **value), KEYS[by]))  # type: ignore[arg-type]


def override(flow: MemoryFlow, incident: str, word: Override, by: str = "olga") -> None:
    say(flow, by, f"override/{incident}/{word.nonce}", override=word)


def answer(flow: MemoryFlow, by: str = "anton", *, yes: bool = True) -> None:
    """Let a person answer to the newest plan."""
    plan = [row for row in flow.of(HealingCommand, "recovery.commands") if row.mode == "plan"][-1]
    word = Approval(plan.plan_hash, yes, flow.now + timedelta(hours=1), f"nonce-{len(plan.decision_id)}-{yes}")
    say(flow, by, f"approval/{plan.decision_id}/{by}", approval=word)


def switch(flow: MemoryFlow, by: str, mode: SwitchMode, scope: str = "fleet") -> None:
    say(flow, by, f"killswitch/{scope}", killswitch=KillSwitch(mode, "drill"))


def refused_once() -> tuple[MemoryFlow, str]:
    """Return a flow in which a restart was denied, and the closed incident."""
    flow = begin(CAREFUL)
    flow.world.processes.alive -= {"api"}
    flow.pass_time(10)
    answer(flow, yes=False)
    flow.pass_time(2)
    [incident] = [id_of(row) for row in flow.of(Incident, "heal.incidents") if row.target == "service:api"]
    assert untouched(flow)
    return flow, incident


def last(flow: MemoryFlow) -> RecoveryOutcome:
    return [row for row in flow.of(RecoveryOutcome, "recovery.outcomes") if row.final][-1]


def holds(flow: MemoryFlow) -> list[str]:
    return [row.reason.partition(",")[0] for row in flow.of(Admission, "heal.admissions") if row.reason.startswith("freeze")]


def test_a_word_to_run_it_opens_a_closed_incident_again_and_another_person_approves() -> None:
    flow, incident = refused_once()
    override(flow, incident, Override("n1", run=True))
    flow.pass_time(5)
    answer(flow, "olga")
    flow.pass_time(5)
    assert untouched(flow), "who started it does not approve it"
    answer(flow)
    flow.pass_time(20)
    assert (last(flow).status, last(flow).incident_id == incident) == (OutcomeStatus.HEALED, False)


def test_a_word_to_run_it_never_passes_the_kill_switch() -> None:
    flow, incident = refused_once()
    switch(flow, "olga", SwitchMode.HALT)
    override(flow, incident, Override("n1", run=True))
    flow.pass_time(5)
    assert len([row for row in flow.of(HealingCommand, "recovery.commands") if row.mode == "plan"]) == 1, "not even a plan is asked for"
    assert holds(flow) == ["freeze: kill switch halt by olga"]
    switch(flow, "anton", SwitchMode.OFF)
    flow.pass_time(5)
    answer(flow)
    flow.pass_time(20)
    assert last(flow).status is OutcomeStatus.HEALED


def test_a_forced_verdict_on_a_closed_incident_is_the_end_of_the_one_that_is_opened_for_it() -> None:
    flow, incident = refused_once()
    override(flow, incident, Override("n1", force_verdict="escalate"))
    flow.pass_time(5)
    assert (last(flow).status, last(flow).incident_id == incident) == (OutcomeStatus.ESCALATED, False)
    assert untouched(flow)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        (Override("n", hands_off=True), OutcomeStatus.REFUSED),
        (Override("n", mark_healed=True), OutcomeStatus.SELF_HEALED),
    ],
)
def test_a_word_on_what_waits_ends_it_and_nothing_is_touched(word: Override, status: OutcomeStatus) -> None:
    flow = begin(CAREFUL)
    flow.world.processes.alive -= {"api"}
    flow.pass_time(10)
    [incident] = [id_of(row) for row in flow.of(Incident, "heal.incidents") if row.target == "service:api"]
    override(flow, incident, word, "anton")
    flow.pass_time(2)
    assert flow.of(RecoveryOutcome, "recovery.outcomes")[-1].final is False, "an approver may not override"
    override(flow, incident, word)
    flow.pass_time(5)
    assert told_of(flow, "service:api").final.status is status
    assert untouched(flow)


def test_hands_off_a_target_holds_it_and_what_came_back_meanwhile_is_left_alone() -> None:
    flow = begin()
    say(flow, "olga", "freeze/f1", freeze=Freeze("group:shop", flow.now, flow.now + timedelta(seconds=60), "we look"))
    flow.world.processes.alive -= {"api"}
    flow.pass_time(30)
    assert untouched(flow)
    assert holds(flow) == ["freeze: group:shop by olga: we look"]
    flow.world.processes.alive |= {"api"}
    flow.pass_time(60)
    assert told_of(flow, "service:api").final.status is OutcomeStatus.SELF_HEALED
    assert untouched(flow)


def at_noon(flow_start: datetime, minutes: int) -> str:
    return (flow_start + timedelta(minutes=minutes)).strftime("%H:%M")


def test_a_window_holds_and_its_end_lets_go() -> None:
    window = WindowRule("release", from_time=at_noon(START, -1), to_time=at_noon(START, 2), targets=("service:api",))
    flow = begin(Policy(strategies=AUTOMATIC, windows=(window,)))
    flow.world.processes.alive -= {"api"}
    flow.pass_time(30)
    assert untouched(flow)
    flow.pass_time(120)
    assert told_of(flow, "service:api").final.status is OutcomeStatus.HEALED


def test_a_deployment_on_the_target_holds_until_its_workflow_has_finished() -> None:
    rule = WorkflowRule("deploy", "acme/shop", "Deploy", ("group:shop",))
    flow = begin(Policy(strategies=AUTOMATIC, workflows=(rule,)))
    run = ("github", "acme/shop", "9", 1, "Deploy")
    flow.send(JobStarted(*run, "rollout", "c", "main", "push", flow.now, provenance=PRODUCER))
    flow.pass_time(2)
    flow.restart("detect-runs")
    flow.restart("admit")
    flow.world.processes.alive -= {"api"}
    flow.pass_time(30)
    assert untouched(flow)
    assert holds(flow) == ["freeze: workflow deploy runs as github/acme/shop/9/1"]
    flow.send(WorkflowFinished(*run, "c", "main", "push", Result.SUCCESS, flow.now, provenance=PRODUCER))
    flow.pass_time(30)
    assert told_of(flow, "service:api").final.status is OutcomeStatus.HEALED
    [incident] = flow.of(Incident, "heal.incidents")
    assert (incident.target, incident.deployments) == ("service:api", 1), "a deployment is no incident, and it is known"
    [decision] = flow.of(Decision, "heal.decisions")
    assert [row.points > 0 for row in decision.risk.factors if row.name == "deployments"] == [True]
