"""The demo as a person runs it: every planned failure ends as planned, and no process is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# A minute on a quiet machine; a stuck failure is told by the demo itself after three.
LIMIT_S = 540


@pytest.mark.timeout(LIMIT_S + 60)
def test_every_planned_failure_ends_as_planned_and_no_process_is_left() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "console.cli.main", "demo"], capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd=Path.cwd()
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "13 of 13 ended as planned" in done.stdout
    sandbox = next(line.removeprefix("sandbox: ") for line in done.stdout.splitlines() if line.startswith("sandbox: "))
    assert not Path(sandbox).exists()
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if sandbox.encode() in _words(path)]
    assert left == []


def _words(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
