"""``make learning`` on a small world: its formulas, its honesty (a label is learned after it was scored), and poisoned labels."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from xml.etree import ElementTree as ET

import pytest

from console.recognition import load_recognizer
from console.system_paths import shipped_patterns
from learning.classification import Recognizer
from tests.learning_run.__main__ import plans_of
from tests.learning_run.assumptions import MONTH_S
from tests.learning_run.figures import calibration_error, drift_figures, figures_of, poison_figures, ratio, reduction, table
from tests.learning_run.material import GENERAL, Log, families_in, read_examples, tool_of, tools_by_pattern, vary
from tests.learning_run.picture import draw_picture
from tests.learning_run.play import Drift, Mark, Played, Step, play
from tests.learning_run.world import World, make_world
from tests.support.chance import seeded

A_MONTH = 70


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return load_recognizer(shipped_patterns())


@pytest.fixture(scope="module")
def material(recognizer: Recognizer) -> tuple[dict[str, str], tuple[Log, ...]]:
    tools = tools_by_pattern(recognizer, families_in(shipped_patterns()))
    return tools, read_examples(recognizer, tools, 3, every=6)


def world(recognizer: Recognizer, material: tuple[dict[str, str], tuple[Log, ...]], seed: int = 5) -> World:
    return make_world(recognizer, *material, seeded(seed))


@pytest.fixture(scope="module")
def played(recognizer: Recognizer, material: tuple[dict[str, str], tuple[Log, ...]]) -> dict[float, Played]:
    return {poison: play(world(recognizer, material), 5, poison, A_MONTH) for poison in (0.0, 0.2)}


def marks(learning: int, frozen: int, n: int = 100) -> list[Mark]:
    return [Mark(5, True, number >= learning, number >= frozen, False, False) for number in range(n)]


def test_the_reduction_is_the_constant_monthly_one_that_leads_to_the_last_ratio() -> None:
    assert ratio(marks(9, 19), 5, lambda _: True) == pytest.approx(9.5 / 19.5)
    found = reduction([0.9**6, 0.8**6])
    assert found.mean == pytest.approx(1 - exp((log(0.9) + log(0.8)) / 2))
    assert found.lower < found.mean
    assert reduction([0.5]).lower == -1.0
    assert reduction([1.0, 1.0, 1.0]).mean == 0.0


def test_no_reduction_and_a_worse_split_are_misses() -> None:
    bad = [Played(seed, marks(20, 20)) for seed in (1, 2)]
    missed = {figure.name for figure in figures_of(bad) if not figure.ok}
    assert missed == {"error_reduction_a_month|all", "error_reduction_lower_95|all", "error_reduction_lower_95|fresh"}
    good = [Played(seed, marks(5 + seed, 30)) for seed in (1, 2)]
    assert [figure.name for figure in figures_of(good) if not figure.ok] == []
    moved = [replace(one, steps=[Step(0.0, ("family:os",), False, 9, 8)], acts_moved=1) for one in good]
    assert [figure.name for figure in figures_of(moved) if not figure.ok] == [
        "promotions_that_made_a_split_worse",
        "acts_that_labels_moved",
    ]


def test_drift_is_missed_when_abstentions_rose_and_nobody_spoke_and_false_where_nothing_changed() -> None:
    """Given alarms before and after the first entry and in quiet runs, then each is counted for what it is."""
    steady = Played(3, failures=[100] * 6, abstentions=[10] * 6)
    rose = replace(steady, abstentions=[10, 30, 30, 20, 10, 10])
    seen = replace(rose, drifts=[Drift("labels/wrong", 9.0), Drift("inputs/abstained", 1.1 * MONTH_S)])
    silent = replace(rose, drifts=[Drift("labels/wrong", 2 * MONTH_S)])
    values = {figure.name: figure.value for figure in drift_figures([seen, silent, steady], [steady])}
    assert list(values.values()) == [1, 1, 1, 0]
    bad = {figure.name for figure in drift_figures([silent], [replace(steady, drifts=[*seen.drifts])]) if not figure.ok}
    assert bad == {"drift_missed", "false_drift_alarms_a_run"}


def test_the_seeds_that_are_played_follow_the_first_one() -> None:
    plans = plans_of(101, 7, 50)
    assert [plan.seed for plan in plans["clean"]] == list(range(101, 108))
    assert [(plan.seed, plan.poison) for plan in plans["poison 0.2"]] == [(seed, 0.2) for seed in range(101, 106)]
    assert {plan.absent for plan in plans["quiet"]} == {0.0}


def test_calibration_compares_what_was_claimed_with_what_was_right() -> None:
    assert calibration_error([(0.75, True), (0.75, True), (0.75, True), (0.75, False)]) == pytest.approx(0.0)
    assert calibration_error([(0.95, False)]) == pytest.approx(0.95)


def test_a_pattern_belongs_to_one_tool_family() -> None:
    assert tool_of("js_npm", "npm-wire-code") == "js"
    assert tool_of("go_cargo", "cargo-registry") == "rust"
    assert tool_of("go_cargo", "go-proxy-network") == "go"
    assert tool_of("network_generic", "connection-reset") == GENERAL


def test_a_variant_differs_in_masked_fields_only() -> None:
    text = "commit deadbeef01 in /tmp/abcdef12 took 17s at port :54321\nHTTP 503 exit code 1"
    varied = vary(text, seeded(1))
    assert varied != text
    assert varied.split("\n")[1] == "HTTP 503 exit code 1"
    assert len(varied) == len(text)


def test_absent_families_bring_neither_patterns_nor_logs_before_they_enter(
    recognizer: Recognizer, material: tuple[dict[str, str], tuple[Log, ...]]
) -> None:
    found = world(recognizer, material)
    absent = {family for family, month in found.enters.items() if month > 0}
    assert len(absent) == round(0.3 * len(set(material[0].values()) - {GENERAL}))
    assert not [log for log in found.present(0) if log.tool in absent]
    assert {log.tool for log in found.present(5)} >= absent
    sights = [found.sight(log, 0) for log in found.logs]
    assert not [hit for sight in sights for hit in sight.hits if found.tools[hit.pattern] in absent]
    assert not found.teaching & found.guarding


def test_both_sides_begin_equal_and_the_same_seed_plays_the_same(
    recognizer: Recognizer, material: tuple[dict[str, str], tuple[Log, ...]], played: dict[float, Played]
) -> None:
    first = [mark for mark in played[0.0].marks if mark.month == 0][:20]
    assert [mark.learning for mark in first] == [mark.frozen for mark in first]
    again = play(world(recognizer, material), 5, 0.0, A_MONTH)
    assert again.marks == played[0.0].marks
    assert again.steps == played[0.0].steps


def test_poisoned_labels_do_not_move_what_acts_and_make_no_split_worse(played: dict[float, Played]) -> None:
    """Given 20 % wrong labels from one project by one person, then no promotion changed what acts, and their teacher was refused."""
    poisoned = played[0.2]
    figures = poison_figures(0.2, [poisoned], [played[0.0]])
    assert [figure.name for figure in figures if not figure.ok] == []
    assert not [step for step in poisoned.steps if step.acted_changed or step.worse]
    assert poisoned.actions["lesson.learned"] > 0


def test_the_picture_and_the_table_show_every_month(played: dict[float, Played]) -> None:
    picture = ET.fromstring(draw_picture(list(played.values())))  # noqa: S314 - our own text
    lines = [element for element in picture if element.tag.endswith("polyline")]
    assert len(lines) == 2 * (len(played) + 1)
    assert all(len(line.attrib["points"].split()) == 6 for line in lines)
    assert len(table([played[0.0]])) == 7
