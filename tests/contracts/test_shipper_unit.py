"""The unit of the log shipper: systemd reads it without a word, and the command that it starts is one that we have."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from console.cli.send_follow import words_in
from console.shipper.templates import template_of
from tests.support.tools import tool

UNIT = Path(__file__).parents[2] / "infra/deploy/systemd/system/healstream-shipper.service"
PROGRAM = "/opt/healstream/.venv/bin/healstream"


def test_systemd_reads_the_shippers_unit_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    unit = tmp_path / "healstream-shipper.service"
    unit.write_text(UNIT.read_text(encoding="utf-8").replace(PROGRAM, sys.executable), encoding="utf-8")
    argv = [tool("systemd-analyze"), "--system", "verify", "--man=no", str(unit)]
    told = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert [line for line in told.stderr.splitlines() if "healstream" in line] == []


def test_what_the_unit_starts_names_jobs() -> None:
    [start] = [line for line in UNIT.read_text(encoding="utf-8").splitlines() if line.startswith("ExecStart=")]
    words = shlex.split(start.removeprefix("ExecStart="))
    assert words[:3] == [PROGRAM, "send", "follow"]
    template = template_of(words[3], words_in(words[words.index("--run") + 1]))
    job = template.job_of("acme/shop/77/build.log")
    assert job
    assert (job.source, job.project, job.run_id, job.job) == ("jenkins", "acme/shop", "77", "build")
