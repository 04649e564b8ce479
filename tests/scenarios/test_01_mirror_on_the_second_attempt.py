"""Row 1, the second attempt: what failed again in the same way is run again from the next mirror, or the setting comes back."""

from __future__ import annotations

from dataclasses import replace

from schemas.recoveries import OutcomeStatus
from schemas.targets.index import IndexSpec, IndexTool
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import SHOP, Job
from tests.support.story import begin, steps_done, told_of

HOME, NEXT, LAST = "https://index.example/simple", "https://two.example/simple", "https://three.example/simple"
PIP = IndexSpec("pip", IndexTool.PIP, "/srv/runner/pip.conf", (HOME, NEXT, LAST), "github", ("acme/api",), ("ask",))
SETTING = f"index-url = {HOME}\ntimeout = 15"
PASSED = "Collecting six\nSuccessfully installed six-1.17.0\n"


def timed_out(host: str = "index.example") -> str:
    pool = f"HTTPSConnectionPool(host='{host}', port=443)"
    return (
        f"Collecting six\nERROR: Could not install packages due to an OSError: {pool}: Max retries exceeded with url: /simple/six/ "
        f'(Caused by ReadTimeoutError("{pool}: Read timed out. (read timeout=15)"))\n\n##[error]Process completed with exit code 1.\n'
    )


def flow_with() -> MemoryFlow:
    flow = begin(services=replace(SHOP, indexes=(PIP,)))
    flow.world.indexes.files["pip"] = SETTING
    return flow


def test_the_second_attempt_fetches_from_the_next_mirror_and_is_green_on_the_same_commit() -> None:
    flow, job = flow_with(), Job((timed_out(), timed_out(), PASSED))

    flow.world.run_job(job, flow.now, ("failure", "failure", "success"))
    flow.pass_time(32)

    told = told_of(flow, job.target)
    assert [(row.attempt, row.strategy) for row in told.decisions] == [(1, "rerun_job"), (2, "mirror_switch")]
    second = told.decisions[1]
    assert {row: value for row, value in second.parameters if row in {"index", "mirror"}} == {"index": "pip", "mirror": HOME}
    assert (second.approvals_required, [row.strategy for row in second.candidates]) == (0, ["mirror_switch"])
    assert steps_done(replace(told, journal=[row for row in told.journal if row.command_id == told.final.command_id])) == [
        "switch:pip",
        "ask:pip",
        "rerun:job",
    ]
    assert told.final.status is OutcomeStatus.HEALED
    assert {(row.factor, row.source) for row in told.final.verification if row.passed} == {
        ("log_silence", "stream"),
        ("index_answers", "tool"),
        ("attempt_concluded_success", "rest_conclusion"),
        ("log_without_pattern", "rest_log"),
    }
    assert flow.world.ci.asked == 2
    assert flow.world.indexes.files["pip"] == SETTING.replace(HOME, NEXT)


def test_the_setting_comes_back_byte_for_byte_when_the_job_fails_again() -> None:
    flow, job = flow_with(), Job((timed_out(),))

    flow.world.run_job(job, flow.now, ("failure",))
    flow.pass_time(32)

    told = told_of(flow, job.target)
    assert told.final.status is OutcomeStatus.ROLLED_BACK
    assert [(step.name, step.status) for step in told.final.rollback] == [
        ("rerun:job", "undone"),
        ("ask:pip", "undone"),
        ("switch:pip", "undone"),
    ]
    assert flow.world.indexes.files["pip"] == SETTING
    assert flow.world.ci.asked == 2


def test_a_mirror_that_does_not_answer_costs_no_further_run_of_the_job() -> None:
    flow, job = flow_with(), Job((timed_out(),))
    flow.world.indexes.dead.add(NEXT)

    flow.world.run_job(job, flow.now, ("failure",))
    flow.pass_time(32)

    assert told_of(flow, job.target).final.status is OutcomeStatus.ROLLED_BACK
    assert flow.world.ci.asked == 1
    assert flow.world.indexes.files["pip"] == SETTING
