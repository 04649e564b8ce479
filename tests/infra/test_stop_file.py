"""The stop file: any file halts, the one word ``drain`` drains, and what cannot be read halts too."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.stop_file import stop_mode
from schemas.oversight import SwitchMode


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (b"", SwitchMode.HALT),
        (b"halt\n", SwitchMode.HALT),
        (b"drain", SwitchMode.DRAIN),
        (b"drain\n", SwitchMode.DRAIN),
        (b"drain please", SwitchMode.HALT),
        (b"off", SwitchMode.HALT),
        (b"\xff" * 5000, SwitchMode.HALT),
    ],
)
def test_a_file_halts_unless_it_says_drain(tmp_path: Path, content: bytes, mode: SwitchMode) -> None:
    (tmp_path / "stop").write_bytes(content)
    assert stop_mode(tmp_path / "stop") is mode


def test_without_a_file_nothing_is_stopped_and_what_can_not_be_read_halts(tmp_path: Path) -> None:
    assert stop_mode(tmp_path / "stop") is SwitchMode.OFF
    assert stop_mode(tmp_path / "nowhere" / "stop") is SwitchMode.OFF
    (tmp_path / "stop").mkdir()
    assert stop_mode(tmp_path / "stop") is SwitchMode.HALT
