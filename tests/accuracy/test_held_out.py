"""What is held out stays out: folds by project, a group's own verdicts, a tool's own patterns; and the abstention curve."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.recognition import load_recognizer
from learning.classification import Classification, Recognizer
from schemas.vocabulary import Kind, group_of
from tests.accuracy.abstention import picture, risk_coverage
from tests.accuracy.asking import WAYS, ask
from tests.accuracy.held_out import fold_of, recalibrated, tools_left_out
from tests.accuracy.scores import Judged
from tests.accuracy.splits import Labelled, absent, splits

CATALOGUE = Path(__file__).parents[2] / "learning" / "catalogue"
_DISK = Labelled(
    "1", "cp: error writing 'a': No space left on device\n##[error]Process completed with exit code 1.\n", Kind.DISK_FULL, "a", "p/q"
)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    """Return the shipped recognition."""
    return load_recognizer(CATALOGUE)


def test_a_project_is_in_one_fold() -> None:
    """Given two logs of one project, then they are in the same fold, and many projects fill all five."""
    assert fold_of(_DISK) == fold_of(replace(_DISK, id="2", text="another"))
    assert {fold_of(replace(_DISK, project=f"p/{number}")) for number in range(60)} == set("01234")


def test_a_groups_confidence_comes_from_the_other_groups(recognizer: Recognizer) -> None:
    """Given a group whose verdicts are right beside one whose are wrong, then the right ones look doubtful and the wrong ones sure."""
    wrong = replace(_DISK, ci="b", kind=Kind.TIMEOUT)
    found = recalibrated(ask([_DISK, wrong], recognizer)[WAYS[0]], lambda row: row.ci, recognizer)
    by_label = {row.kind: row.said.confidence for row in found}
    assert by_label[Kind.DISK_FULL] < 0.5 < by_label[Kind.TIMEOUT]


def test_a_group_that_nothing_is_left_to_fit_on_is_not_measured(recognizer: Recognizer) -> None:
    """Given one group only, then there is nothing to fit on and no verdict is made up."""
    assert recalibrated(ask([_DISK], recognizer)[WAYS[0]], lambda row: row.ci, recognizer) == []


def test_a_tool_left_out_takes_all_its_patterns_along(recognizer: Recognizer) -> None:
    """Given the written logs, when a tool is left out, then none of its patterns speaks."""
    tools = {pattern.id: pattern.anchors.tool for pattern in recognizer.matcher.catalogue.patterns}
    rows = splits()["written:compiled"]
    for left in tools_left_out(ask(rows, recognizer)[WAYS[0]], recognizer):
        assert all(tools.get(row.said.pattern) != left.tool for row in left.judged)


def _judged(kind: Kind, said: Kind, confidence: float) -> Judged:
    return Judged(kind, Classification(said, group_of(said), confidence, False, False, "", 0, (), (), said is Kind.UNKNOWN, {}))


def test_the_curve_keeps_the_surest_first_and_is_drawn() -> None:
    """Given a sure right verdict, a doubtful wrong one and an abstention, then risk rises with coverage, which ends below one."""
    rows = [_judged(Kind.TIMEOUT, Kind.TIMEOUT, 0.9), _judged(Kind.TIMEOUT, Kind.DISK_FULL, 0.5), _judged(Kind.TIMEOUT, Kind.UNKNOWN, 0.0)]
    assert [risk for _, risk in risk_coverage(rows)] == [0.0, 0.5]
    assert [coverage for coverage, _ in risk_coverage(rows)] == pytest.approx([1 / 3, 2 / 3])
    drawn = picture({"written": risk_coverage(rows)})
    assert drawn.startswith("<svg")
    assert drawn.count("<polyline") == 1


def test_what_is_not_at_hand_is_named() -> None:
    """Given this machine, then each split is either measured or named as absent."""
    assert all(("provoked" in splits()) is (name != "learning/corpus") for name in absent() if name == "learning/corpus")
    assert {"dev", "dev_signatures"} == (set(splits()) | {name.removesuffix(".jsonl") for name in absent()}) & {"dev", "dev_signatures"}
