"""The figures of a split: counts, bounds and calibration from a few judged logs."""

from __future__ import annotations

import pytest

from learning.classification import Classification
from schemas.vocabulary import Kind, group_of
from tests.accuracy.scores import Judged, Share, scores_of
from tests.accuracy.splits import without_verdict


def judged(kind: Kind, said: Kind, confidence: float = 0.9, *, acts: bool = False) -> Judged:
    return Judged(kind, Classification(said, group_of(said), confidence, acts, acts, "", 0, (), (), said is Kind.UNKNOWN, {}))


def test_a_share_carries_its_one_sided_bounds() -> None:
    found = Share(0, 140)
    assert (found.value, found.lower) == (0.0, 0.0)
    assert found.upper == pytest.approx(1 - 0.05 ** (1 / 140))
    assert (Share(3, 3).upper, Share(0, 0, empty=1.0).value) == (1.0, 1.0)


def test_an_abstention_on_a_success_is_right_and_on_a_failure_wrong() -> None:
    found = scores_of([judged(Kind.SUCCESS, Kind.UNKNOWN, 0.0), judged(Kind.DISK_FULL, Kind.UNKNOWN, 0.0)])
    assert (found.classes.hits, found.groups.hits, found.seen_on_success.hits) == (1, 1, 0)


def test_each_false_positive_is_counted_where_it_does_harm() -> None:
    rows = [
        judged(Kind.SUCCESS, Kind.TEST_FAILURE),
        judged(Kind.SUCCESS, Kind.TIMEOUT),
        judged(Kind.COMPILE_ERROR, Kind.OUT_OF_MEMORY, acts=True),
        judged(Kind.DISK_FULL, Kind.DISK_FULL, acts=True),
    ]
    found = scores_of(rows)
    assert (found.seen_on_success.hits, found.infra_on_success.hits, found.infra_on_code.hits) == (2, 1, 1)
    assert (found.acts_right.hits, found.acts_right.n, found.acts_coverage.hits) == (1, 2, 1)


def test_calibration_is_the_distance_between_what_is_claimed_and_what_holds() -> None:
    rows = [judged(Kind.DISK_FULL, Kind.DISK_FULL, 0.95), judged(Kind.DISK_FULL, Kind.TIMEOUT, 0.95)]
    assert scores_of(rows).calibration_error == pytest.approx(0.45)


def test_the_verdict_lines_go_and_what_tools_say_stays() -> None:
    assert without_verdict("E: no\n##[error]Process completed with exit code 1.\nJob succeeded") == "E: no"
