"""Row 34: the target lies; verification fails and everything is taken back in reverse within a minute."""

from __future__ import annotations

from schemas.recoveries import JournalKind, OutcomeStatus
from tests.support.memory_world import CONFIG_TARGET, DRIFTED
from tests.support.story import begin, told_of


def test_a_write_that_changed_nothing_is_rolled_back_and_the_state_is_the_pre_image() -> None:
    flow = begin()
    flow.world.files.lying = True

    flow.world.files.live["web-conf"] = DRIFTED
    flow.pass_time(120)

    told = told_of(flow, CONFIG_TARGET)
    assert told.final.status is OutcomeStatus.ROLLED_BACK
    assert not next(row for row in told.final.verification if row.factor == "hash_equals_commit").passed
    done = [row.step for row in told.journal if row.kind is JournalKind.DONE]
    undone = [row.step for row in told.journal if row.kind is JournalKind.UNDONE]
    assert undone == done[::-1]
    assert flow.world.files.live["web-conf"] == DRIFTED
    assert told.final.rollback_s is not None
    assert told.final.rollback_s < 60
