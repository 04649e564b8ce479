"""Row 2: an apt mirror in mid-sync: wait, remove the lists, fetch them from the next one, run the job again, or the sources come back."""

from __future__ import annotations

from dataclasses import replace

from schemas.recoveries import OutcomeStatus
from schemas.targets.index import IndexSpec, IndexTool
from schemas.vocabulary import Kind
from tests.support.ci_logs import APT_IN_MID_SYNC, GREEN
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import COMMIT, SHOP, Job
from tests.support.story import actions_on, begin, seconds_to_detect, steps_done, told_of

ONE, TWO = "http://mirror.example/debian", "http://two.example/debian"
APT = IndexSpec("apt", IndexTool.APT, "/srv/apt/sources.list", (ONE, TWO), "github", ("acme/api",), ("update",), "/srv/apt/lists")
SOURCES = f"deb {ONE} bookworm main"
MID_SYNC = (
    f"Get:1 {ONE} bookworm/main amd64 Packages [8000 B]\n"
    f"Err:1 {ONE} bookworm/main amd64 Packages\n  Hash Sum mismatch\n"
    f"E: Failed to fetch {ONE}/dists/bookworm/main/binary-amd64/Packages.gz  Hash Sum mismatch\n"
    "E: Some index files failed to download. They have been ignored, or old ones used instead.\n"
    "##[error]Process completed with exit code 100.\n"
)
PASSED = "Reading package lists...\nSetting up jq (1.6-2.1) ...\n"


def mid_sync() -> MemoryFlow:
    flow = begin(services=replace(SHOP, indexes=(APT,)))
    flow.world.indexes.files["apt"] = SOURCES
    flow.world.indexes.lists.add("Packages")
    return flow


def test_the_lists_are_waited_for_removed_and_fetched_from_another_mirror() -> None:
    flow, job = mid_sync(), Job((MID_SYNC, PASSED))
    began = flow.now

    flow.world.run_job(job, flow.now)
    flow.pass_time(10)

    told = told_of(flow, job.target)
    [incident] = told.incidents
    assert (incident.kind, incident.confidence >= 0.9) == (Kind.INTEGRITY_OR_CACHE, True)
    assert (seconds_to_detect(told) < 5, incident.run and incident.run.commit) == (True, COMMIT)
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("lists_refresh", 0)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["wait:apt", "clean:apt", "switch:apt", "ask:apt", "rerun:job"]
    assert told.final.status is OutcomeStatus.HEALED
    assert (told.final.finished_at - began).total_seconds() > 30, "a mirror is given time first"
    assert {(row.factor, row.source) for row in told.final.verification if row.passed} == {
        ("log_silence", "stream"),
        ("index_answers", "tool"),
        ("attempt_concluded_success", "rest_conclusion"),
        ("log_without_pattern", "rest_log"),
    }
    assert flow.world.indexes.files["apt"] == f"deb {TWO} bookworm main"
    assert flow.world.indexes.lists == set()
    assert flow.world.ci.asked == 1


def test_the_sources_come_back_when_the_other_mirror_does_not_answer_either() -> None:
    flow, job = mid_sync(), Job((MID_SYNC,))
    flow.world.indexes.dead.add(TWO)

    flow.world.run_job(job, flow.now, ("failure",))
    flow.pass_time(10)

    told = told_of(flow, job.target)
    assert told.final.status is OutcomeStatus.ROLLED_BACK
    assert [step.name for step in told.final.rollback] == ["switch:apt", "clean:apt", "wait:apt"]
    assert flow.world.indexes.files["apt"] == SOURCES
    assert flow.world.ci.asked == 0


def fail(flow: MemoryFlow, seed: int = 0) -> Job:
    """Let a job meet the half of a mirror's new state, and then all of it."""
    job = Job((APT_IN_MID_SYNC, GREEN), run_id=str(200 + seed))
    flow.world.run_job(job, flow.now)
    return job


def test_where_no_mirrors_are_known_the_job_is_run_again_and_passes_on_a_mirror_that_agrees_with_itself() -> None:
    flow = begin()

    job = fail(flow)
    flow.pass_time(8)

    told = told_of(flow, job.target)
    assert [row.kind for row in told.incidents] == [Kind.INTEGRITY_OR_CACHE]
    assert seconds_to_detect(told) < 10
    [decision] = told.decisions
    assert (decision.strategy, decision.approvals_required) == ("rerun_job", 0)
    assert decision.risk.score == round(sum(factor.points for factor in decision.risk.factors), 2)
    assert steps_done(told) == ["rerun:job"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.factor for row in told.final.verification} == {"attempt_concluded_success", "log_without_pattern", "log_silence"}
    assert flow.world.ci.asked == 1
    assert flow.world.caches.ledger == [], "no cache of ours is at fault"
    assert actions_on(flow, job.target)[-1] == "recovery.healed"
