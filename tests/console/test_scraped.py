"""The file that a Prometheus reads: where each process is, and which it is."""

from __future__ import annotations

import json
from pathlib import Path

from console.home import Home
from console.scraped import scraped_file, scraped_text

ROWS = [{"name": "gatekeeper", "port": 4001, "pid": 7}, {"name": "executor-1", "port": 4002, "pid": None}, {"name": "quiet", "port": 0}]


def test_each_process_that_shows_itself_is_a_target_with_its_name_also_while_it_is_down() -> None:
    assert json.loads(scraped_text(ROWS)) == [
        {"targets": ["127.0.0.1:4001"], "labels": {"process": "gatekeeper"}},
        {"targets": ["127.0.0.1:4002"], "labels": {"process": "executor-1"}},
    ]


def test_the_file_lies_in_the_state_folder(tmp_path: Path) -> None:
    assert scraped_file(Home("default", tmp_path / "state", tmp_path)).parent == tmp_path / "state"
