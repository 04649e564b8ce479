"""The map of the flow and the table of rights say the same of who reads and writes what."""

from __future__ import annotations

from schemas.principals import PRINCIPALS, PUBLISHED
from streams.flow import FLOW, Role, stages_of

CARRIED = {
    "detect": stages_of(Role.DETECT),
    "middle": stages_of(Role.MIDDLE),
    "gatekeeper": tuple(stage for stage in FLOW if stage.name in {"admit", "notary"}),
    "executor": tuple(stage for stage in FLOW if stage.name == "execute"),
}


def test_every_stage_is_carried_by_one_principal() -> None:
    assert sorted(stage.name for stages in CARRIED.values() for stage in stages) == sorted(stage.name for stage in FLOW)


def test_a_process_may_read_what_its_stages_read_and_what_is_published_and_nothing_else() -> None:
    for principal in (one for one in PRINCIPALS if one.name in CARRIED):
        flows = {topic for stage in CARRIED[principal.name] for topic in stage.reads}
        # An executor listens to the detections while it verifies; it takes nothing up from there.
        is_executor = principal.name == "executor"
        own = {"recovery.journal", "heal.detections"} if is_executor else {stage.state_topic for stage in CARRIED[principal.name]}
        assert flows | own <= set(principal.all_reads) <= flows | own | set(PUBLISHED)


def test_a_process_may_write_what_its_stages_write_and_dead_letters_and_nothing_else() -> None:
    for principal in (one for one in PRINCIPALS if one.name in CARRIED):
        stages = CARRIED[principal.name]
        flows = {topic for stage in stages for topic in stage.writes} | {"heal.deadletter"}
        own = set() if principal.name == "executor" else {stage.state_topic for stage in stages}
        # A record that came to the wrong partition is written to the right one of the same topic.
        put_right = {topic for stage in stages for topic in stage.reads} if principal.name == "detect" else set()
        assert set(principal.writes) == flows | own | put_right
