"""The shipped model is made from the shipped patterns, and broken patterns make none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from learning.write_model import main

CATALOGUE = Path(__file__).parents[2] / "learning" / "catalogue"


def test_the_model_is_written_beside_its_patterns(tmp_path: Path) -> None:
    shutil.copy(CATALOGUE / "apt.json", tmp_path / "apt.json")
    assert main(tmp_path) == 0
    assert (tmp_path / "model.json").stat().st_size > 0


def test_broken_patterns_make_no_model_and_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.json").write_text('{"family": "bad", "patterns": [{"id": 1}]}')
    assert main(tmp_path) == 1
    assert "bad.json" in capsys.readouterr().err
    assert not (tmp_path / "model.json").exists()
