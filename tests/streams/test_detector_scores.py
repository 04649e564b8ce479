"""The detectors find labelled faults in series of every kind, and say nothing of series without one."""

from __future__ import annotations

import pytest

from tests.bench.detectors import PRECISION, RECALL
from tests.support.detector_scores import score_fault
from tests.support.labelled_series import Fault


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_of_each_kind_is_found_and_little_else_is_said(fault: Fault) -> None:
    score = score_fault(fault, 2)
    assert (score.precision >= PRECISION, score.recall >= RECALL) == (True, True), score
