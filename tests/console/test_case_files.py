"""A case file is written whichever record of its incident comes last: the topics are followed side by side."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest

from console.system import CaseWriter
from schemas.ids import Record, id_of
from schemas.recoveries import OutcomeStatus
from tests.support.failures import admitted, incident, outcome

JOB = incident()
RECORDS = (JOB, admitted(id_of(JOB), 1), outcome(JOB, OutcomeStatus.ESCALATED, 9))


@pytest.mark.parametrize("order", list(permutations(RECORDS)), ids=lambda order: "-".join(record.RECORD for record in order))
def test_the_case_holds_everything_in_any_order(order: tuple[Record, ...], tmp_path: Path) -> None:
    writer = CaseWriter(tmp_path)
    for record in order:
        writer.take(record)

    case = tmp_path / id_of(JOB)
    assert "It ended as **escalated**" in (case / "case.md").read_text(encoding="utf-8")
    told = json.loads((case / "case.json").read_text(encoding="utf-8"))
    assert [len(told[name]) for name in ("admissions", "outcomes")] == [1, 1]


def test_what_was_healed_has_no_case(tmp_path: Path) -> None:
    writer = CaseWriter(tmp_path)
    for record in (JOB, outcome(JOB, OutcomeStatus.HEALED, 9)):
        writer.take(record)
    assert list(tmp_path.iterdir()) == []
