"""Ctrl-C in the demo and in ``up``, at several moments: it ends soon with 130, and leaves no process and no half-written file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.front_door import ROOT, Copy, processes_naming, until

INTERRUPTED = 130
LEAVE_S = 45.0
# Broker and workers have a minute each, and the first failure has to end.
START_S = 200.0


@pytest.fixture(autouse=True)
def as_in_a_terminal() -> Iterator[None]:
    """Let what is started obey Ctrl-C, though the tests themselves may have been started where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def wait_for_line(out: Path, words: str, process: subprocess.Popen[bytes]) -> str:
    """Return the first line of the output that holds the words, once it is there."""
    until(lambda: words in out.read_text(encoding="utf-8") or process.poll() is not None, words, START_S)
    return next((line for line in out.read_text(encoding="utf-8").splitlines() if words in line), "")


@pytest.mark.parametrize("moment", ["sandbox: ", "broker: Apache Kafka", "ok  "])
def test_ctrl_c_leaves_nothing_behind(jars: tuple[Path, ...], tmp_path: Path, moment: str) -> None:
    # given a demo that has come to some point: set-up, the broker's start, or its play
    assert jars
    out = tmp_path / "said"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with out.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "console.cli.main", "demo"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        assert wait_for_line(out, moment, process), out.read_text(encoding="utf-8")
        # when the person presses Ctrl-C, and once more because it takes a moment
        os.killpg(process.pid, signal.SIGINT)
        began = time.monotonic()
        until(lambda: process.poll() is not None or time.monotonic() - began > 1, "a second")
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        # then it ends soon, with the code of an interrupt, and nothing is left
        assert process.wait(LEAVE_S) == INTERRUPTED, out.read_text(encoding="utf-8")
    finally:
        process.kill()
        process.wait()
    assert list(temporary.iterdir()) == []
    until(lambda: processes_naming(f"{temporary}/healstream-demo") == [], "the end of every process", 60)
    assert "Traceback" not in out.read_text(encoding="utf-8")


def test_ctrl_c_while_up_starts_leaves_nothing_running(jars: tuple[Path, ...], tmp_path: Path) -> None:
    # given a start whose broker answers already
    assert jars
    copy = Copy(tmp_path)
    log = copy.home.logs / "supervisor.log"
    process = subprocess.Popen(
        [sys.executable, "-m", "console.cli.main", "up"], cwd=ROOT, env=copy.environ(), stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        until(lambda: log.exists() and "broker: Apache Kafka" in log.read_text(encoding="utf-8"), "the broker", 120)
        # when the person presses Ctrl-C
        os.killpg(process.pid, signal.SIGINT)
        # then the detached supervisor has gone too, and with it all that it had started
        assert process.wait(LEAVE_S) == INTERRUPTED, log.read_text(encoding="utf-8")
    finally:
        process.kill()
        process.wait()
    assert processes_naming(str(tmp_path)) == []
    assert not copy.home.running.exists()
    assert [path for path in tmp_path.rglob("*.new") if path.is_file()] == []
