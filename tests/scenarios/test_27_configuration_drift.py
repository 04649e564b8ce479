"""Row 27: a configuration file differs from its pinned commit; it is restored and reloaded, or put back when that does not hold."""

from __future__ import annotations

from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Kind
from tests.support.memory_world import CONFIG_TARGET, DRIFTED, PINNED
from tests.support.story import begin, steps_done, told_of


def test_a_drifted_file_is_restored_and_its_service_reloaded() -> None:
    flow = begin()

    flow.world.files.live["web-conf"] = DRIFTED
    flow.pass_time(30)

    told = told_of(flow, CONFIG_TARGET)
    assert told.incidents[0].kind is Kind.CONFIG_DRIFT
    assert steps_done(told) == ["write:web-conf", "reload:web"]
    assert told.final.status is OutcomeStatus.HEALED
    assert {row.factor for row in told.final.verification} == {"hash_equals_commit", "health_answers", "log_silence", "neighbours"}
    assert flow.world.files.live["web-conf"] == PINNED


def test_the_drifted_copy_is_put_back_when_the_service_does_not_reload() -> None:
    flow = begin()
    flow.world.processes.reload_fails = True

    flow.world.files.live["web-conf"] = DRIFTED
    flow.pass_time(120)

    told = told_of(flow, CONFIG_TARGET)
    assert told.final.status in {OutcomeStatus.ROLLED_BACK, OutcomeStatus.ROLLBACK_FAILED}
    assert flow.world.files.live["web-conf"] == DRIFTED
