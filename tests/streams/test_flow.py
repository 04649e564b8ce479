"""The map is the territory: its page, its topics and its roles agree with the tables they speak of."""

from __future__ import annotations

from pathlib import Path

from schemas.topics import BY_NAME
from streams.flow import FLOW, Loop, Role, render, stages_of, topics_of

PAGE = Path(__file__).parents[2] / "docs" / "flow.md"


def test_the_page_is_the_rendered_flow() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(FLOW)


def test_every_topic_of_the_flow_is_in_the_table_of_topics() -> None:
    carried = tuple(stage for stage in FLOW if stage.loop is Loop.FAUST)
    assert {topic for stage in FLOW for topic in (*stage.reads, *stage.writes)} <= set(BY_NAME)
    assert set(topics_of(carried)) <= set(BY_NAME)


def test_the_topics_of_one_faust_stage_and_its_state_have_one_partition_count() -> None:
    for stage in stages_of(Role.ALL):
        assert len({BY_NAME[topic].partitions for topic in (*stage.reads, stage.state_topic)}) == 1


def test_the_two_roles_share_out_all_faust_stages() -> None:
    detect, middle = stages_of(Role.DETECT), stages_of(Role.MIDDLE)
    assert {stage.name for stage in detect} == {"detect-runs", "detect-targets"}
    assert {stage.name for stage in middle} == {"classify", "decide", "learn"}
    assert set(detect) | set(middle) == set(stages_of(Role.ALL))


def test_the_drawing_has_an_arrow_for_each_topic_read_and_written() -> None:
    page = render(FLOW)
    for stage in FLOW:
        node = stage.name.replace("-", "_")
        for topic in stage.reads:
            assert f"{topic.replace('.', '_')} --> {node}" in page
        for topic in stage.writes:
            assert f"{node} --> {topic.replace('.', '_')}" in page
