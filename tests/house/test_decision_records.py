"""The decision records: each says what it must, and the tests that it names as its confirmation exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORDS = sorted((ROOT / "docs" / "adr").glob("*.md"))
PARTS = ("Context:", "Decision:", "Consequences:", "Confirmation:")
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_they_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_its_parts_and_a_test_that_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [part for part in PARTS if f"\n{part}" not in text] == []
    confirmation = text.partition("\nConfirmation:")[2]
    assert NAMED.search(confirmation), "it names no test"
    for file, function in NAMED.findall(confirmation):
        assert not function or f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{function} does not exist"
