"""Measured on labelled real logs where they are at hand: nothing acts on a successful job or on a code failure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from learning.classification import Recognizer, classify_log
from schemas.vocabulary import Group, Kind, Result, group_of

_SHARED = Path(__file__).parents[3] / "shared" / "data"
_LOGS = _SHARED / "dev.jsonl"

pytestmark = pytest.mark.skipif(not _LOGS.exists(), reason="the labelled logs are not beside this checkout (../shared/data)")


def _rows() -> list[Mapping[str, str]]:
    return [json.loads(line) for line in _LOGS.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("with_conclusion", [False, True])
def test_nothing_acts_on_successes_or_code_failures(recognizer: Recognizer, *, with_conclusion: bool) -> None:
    """Given real logs with and without the job's conclusion, then only infra failures act, and nearly all are rightly named."""
    right = wrong = 0
    for row in _rows():
        label = Kind(row["label"])
        conclusion = (Result.SUCCESS if label is Kind.SUCCESS else Result.FAILURE) if with_conclusion else None
        said = classify_log(row["text"], conclusion, recognizer)
        assert not (said.acts and group_of(label) in {Group.NONE, Group.CODE}), (row["id"], said)
        right += said.acts and said.kind is label
        wrong += said.acts and said.kind is not label
    assert wrong <= 0.02 * right
    assert right >= 80
