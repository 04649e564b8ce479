"""Stored journals of earlier runs replay with today's code to the end that they had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from recoverers.journal import replay
from recoverers.transitions import State
from schemas.avro_shape import record_from_plain
from schemas.ids import from_micros
from schemas.recoveries import JournalRecord

STORED = sorted(Path(__file__).parent.glob("*.json"))


def _records(path: Path) -> list[JournalRecord]:
    rows = json.loads(path.read_text(encoding="utf-8"))["journal"]
    return [cast("JournalRecord", record_from_plain(JournalRecord)({**row, "at": from_micros(row["at"])})) for row in rows]


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_journal_replays_to_its_end(path: Path) -> None:
    wanted = json.loads(path.read_text(encoding="utf-8"))["expected"]
    (run,) = replay(_records(path)).values()
    assert run.state is State(wanted["state"])
    assert [[step.name, step.status] for step in run.steps] == wanted["steps"]
    assert [[step.name, step.status] for step in run.undo] == wanted["undo"]
    assert run.reason == wanted["reason"]


def test_there_are_stored_journals() -> None:
    assert len(STORED) >= 4
