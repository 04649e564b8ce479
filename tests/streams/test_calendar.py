"""What holds a target's healing back by the calendar: windows, people's freezes, and workflows that run on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from infra.fenced_loop import LoopPlan
from schemas.avro_codec import Codec
from schemas.configuration import Configuration, Keys
from schemas.decisions import Admission, Tier, Verdict
from schemas.incidents import WORKFLOW, Detection, DetectionStatus, EvidenceRef
from schemas.oversight import Control, Freeze
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus, PlanShown
from schemas.services import Environment, Services, ServiceSpec
from schemas.signing import public_text
from schemas.windows import Subject, WindowRule
from streams.admission_records import AdmitRules
from streams.admit import Admit
from streams.gatekeeper import ADMIT_ONLY_WITH
from tests.streams.test_admit import ADMIT_KEY, PEOPLE, approval, at, commands, decision, ended, holds, outcomes, take, tick, word
from tests.support.records import AT

SERVICES = Services((ServiceSpec("s1", "g1", ("true",), "/", "/p", environment=Environment.PRODUCTION, team="blue"),))
# AT is 03:04:05 UTC on a Friday.
NIGHT = WindowRule("night", zone="UTC", from_time="03:00", to_time="03:10", weekdays=("fri",), teams=("blue",))


def door(*windows: WindowRule, before: Admit | None = None) -> Admit:
    policy = Policy(windows=windows)
    configuration = Configuration(policy=policy, services=SERVICES, people=PEOPLE, keys=Keys(public_text(ADMIT_KEY), ""))
    return Admit.from_state(before.snapshot() if before else {}, AdmitRules(configuration, ADMIT_KEY, 3))


def frozen(target: str, until: float, by: str = "ada", name: str = "f1", begin: float = 0) -> Control:
    return word(by, f"freeze/{name}", freeze=Freeze(target, at(begin), at(until), "we look at it ourselves"))


def waits_until(stage: Admit, seconds: float) -> list[datetime | None]:
    return [record.until for record in tick(stage, seconds) if isinstance(record, Admission)]


def workflow(status: DetectionStatus, target: str = "group:g1", seconds: float = 0, run: str = "github/acme/shop/9/1|deploy") -> Detection:
    signals = (("run", run), ("rule", "deploy"), ("deployment", "true"), ("longest_s", "600"))
    ref = EvidenceRef("ci.events", 0, int(seconds), f"{status}-{seconds}")
    return Detection(status, target, target, WORKFLOW, True, at(seconds), at(seconds), "info", (ref,), signals=signals)


def test_a_window_holds_with_its_name_and_end_and_lets_go_what_is_still_valid_then() -> None:
    stage = door(NIGHT)
    take(stage, decision())
    found = tick(stage, 2)
    end = AT.replace(minute=10, second=0, microsecond=0)
    assert holds(found) == [f"freeze: freeze window night, until {end.isoformat()}"]
    assert [record.until for record in found if isinstance(record, Admission)] == [end]
    stage = door(NIGHT, before=stage)
    assert tick(stage, 200) == []
    assert len(commands(tick(stage, 400))) == 1


def test_a_decision_that_a_window_outlasts_expires() -> None:
    stage = door(replace(NIGHT, to_time="09:00"))
    take(stage, decision())
    assert waits_until(stage, 2) == [decision().expires_at]
    assert [one.status for one in outcomes(tick(stage, 3600))] == [OutcomeStatus.EXPIRED]


@pytest.mark.parametrize("passes", [replace(NIGHT, except_strategies=("service_restart",)), replace(NIGHT, teams=("red",))])
def test_a_window_about_others_holds_nothing(passes: WindowRule) -> None:
    stage = door(passes)
    take(stage, decision())
    assert len(commands(tick(stage, 2))) == 1


def test_a_shadow_passes_a_window_for_it_changes_nothing() -> None:
    stage = door(NIGHT)
    take(stage, decision(dry_run=True))
    assert len(commands(tick(stage, 2))) == 1


@pytest.mark.parametrize("target", ["service:s1", "group:g1", "team:blue", "environment:production", "fleet"])
def test_hands_off_by_a_persons_word_holds_until_its_end(target: str) -> None:
    stage = door()
    take(stage, frozen(target, 100))
    take(stage, decision())
    assert holds(tick(stage, 2)) == [f"freeze: {target} by ada: we look at it ourselves, until {at(100).isoformat()}"]
    stage = door(before=stage)
    assert commands(tick(stage, 99)) == []
    assert len(commands(tick(stage, 100))) == 1


def test_a_lifted_freeze_holds_no_longer_and_one_for_later_not_yet() -> None:
    stage = door()
    take(stage, frozen("fleet", 1000, begin=500, name="later"))
    take(stage, frozen("service:s1", 1000))
    take(stage, decision())
    assert len(holds(tick(stage, 2))) == 1
    take(stage, frozen("service:s1", 3, by="ada"), 3)
    assert len(commands(tick(stage, 3))) == 1


@pytest.mark.parametrize("by", ["bob", "cyd"])
def test_a_freeze_by_somebody_without_the_right_holds_nothing(by: str) -> None:
    stage = door()
    take(stage, frozen("fleet", 1000, by=by))
    take(stage, decision())
    assert len(commands(tick(stage, 2))) == 1


def test_a_freeze_that_begins_after_the_approval_still_holds_the_command() -> None:
    stage = door()
    wanted = decision(verdict=Verdict.ASK, approvals_required=1, tier=Tier.HIGH)
    take(stage, wanted)
    [plan] = commands(tick(stage))
    take(stage, ended(wanted, plan, OutcomeStatus.PLANNED, final=False, plan=PlanShown(plan_hash="plan")))
    take(stage, approval(wanted, "bob"))
    take(stage, frozen("service:s1", 50))
    assert commands(tick(stage, 5)) == []
    assert len(commands(tick(stage, 50))) == 1


def test_while_a_target_is_left_alone_nobody_is_asked_and_no_plan_is_made() -> None:
    stage = door()
    take(stage, frozen("service:s1", 50))
    take(stage, decision(verdict=Verdict.ASK, approvals_required=1, tier=Tier.HIGH))
    assert commands(tick(stage, 5)) == []
    assert [command.mode for command in commands(tick(stage, 50))] == ["plan"]


def test_a_running_deployment_holds_until_its_end_is_seen() -> None:
    stage = door()
    take(stage, workflow(DetectionStatus.FIRING))
    take(stage, decision())
    reason = f"freeze: workflow deploy runs as github/acme/shop/9/1, until {at(600).isoformat()}"
    assert holds(tick(stage, 2)) == [reason]
    stage = door(before=stage)
    take(stage, workflow(DetectionStatus.FIRING))
    assert commands(tick(stage, 30)) == []
    take(stage, workflow(DetectionStatus.RESOLVED, seconds=40), 40)
    take(stage, workflow(DetectionStatus.FIRING), 41)
    assert len(commands(tick(stage, 41))) == 1, "a start that comes again after the end says nothing"


def test_a_deployment_whose_end_is_never_seen_holds_no_longer_than_it_may_last() -> None:
    stage = door()
    take(stage, workflow(DetectionStatus.FIRING))
    take(stage, decision())
    assert commands(tick(stage, 599)) == []
    assert len(commands(tick(stage, 600))) == 1
    take(stage, workflow(DetectionStatus.FIRING), 700)
    take(stage, decision(2, target="service:s1"), 700)
    assert stage.snapshot().keys().isdisjoint({"running/github/acme/shop/9/1|deploy|group:g1"})


def test_the_doors_loop_reads_of_all_detections_those_of_running_workflows_only() -> None:
    codec = Codec([Detection])
    plan = LoopPlan("admit", (), "", lambda *_: door(), only_with=ADMIT_ONLY_WITH)
    mine = workflow(DetectionStatus.FIRING)
    assert plan.is_for_stage("heal.detections", codec.encode(mine))
    assert not plan.is_for_stage("heal.detections", codec.encode(replace(mine, detector="health")))
    assert plan.is_for_stage("heal.control", b"")


def test_running_deployments_are_counted_once_a_run() -> None:
    running = door()._state.workflows  # the count that decide reads has no other way out yet
    for number, target in enumerate(("group:g1", "group:g2")):
        running.note(workflow(DetectionStatus.FIRING, target, number), at(number))
    running.note(workflow(DetectionStatus.FIRING, "group:g3", 5, "github/acme/shop/10/1|deploy"), at(5))
    running.note(replace(workflow(DetectionStatus.FIRING, "group:g3", 6), detector="health"), at(6))
    assert running.deployments(at(10)) == 2
    assert [running.deployments(at(10), Subject("service:s", f"group:g{number}")) for number in (1, 3, 4)] == [1, 1, 0]
    running.note(workflow(DetectionStatus.RESOLVED, "group:g3", 20, "github/acme/shop/10/1|deploy"), at(20))
    assert running.deployments(at(20)) == 1
    assert running.deployments(at(20) + timedelta(hours=1)) == 0
