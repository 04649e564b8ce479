"""The units that keep healstream itself: systemd reads them without a word, and does with a stand-in what they promise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.service_notice import READY, tell_systemd
from schemas.errors import ConfigurationError
from tests.docs.unplayed import row_of_line
from tests.docs.written import lines_in
from tests.support.executor_world import wait_for
from tests.support.tools import tool
from tests.support.user_manager import UserManager

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "infra/deploy/systemd"
PROGRAM = "/opt/healstream/.venv/bin/healstream"
# It starts a service as a recipe would, says that it is ready and waits; asked to end it ends without a fault.
STAND_IN = """import os, signal, subprocess, sys, time
from infra.service_notice import READY, tell_systemd
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
service = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
open(sys.argv[1], "a").write(f"{os.getpid()} {service.pid} {' '.join(sys.argv[2:])}\\n")
tell_systemd(os.environ, READY)
while True:
    time.sleep(1)
"""


def unit_text(kind: str, program: str) -> str:
    text = (UNITS / kind / "healstream.service").read_text(encoding="utf-8")
    assert f"ExecStart={PROGRAM} up --foreground\n" in text
    return text.replace(PROGRAM, program)


@pytest.mark.parametrize("kind", ["user", "system"])
def test_systemd_reads_the_unit_without_a_word(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    unit = tmp_path / "healstream.service"
    unit.write_text(unit_text(kind, sys.executable), encoding="utf-8")
    argv = [tool("systemd-analyze"), f"--{kind}", "verify", "--man=no", str(unit)]
    told = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    # An unknown line is only a warning to systemd; of other units on the machine it may say what it likes.
    assert [line for line in told.stderr.splitlines() if "healstream" in line] == []
    # and the check can fail
    unit.write_text(unit.read_text(encoding="utf-8").replace("OOMPolicy=continue", "OOMPolicy=dance"), encoding="utf-8")
    told = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert "healstream.service" in told.stderr


def test_both_units_promise_the_same() -> None:
    promised = [
        {line for line in unit_text(kind, PROGRAM).splitlines() if line.partition("=")[0] in {"Type", "KillMode", "OOMPolicy", "Restart"}}
        for kind in ("user", "system")
    ]
    assert promised[0] == promised[1] == {"Type=notify", "KillMode=process", "OOMPolicy=continue", "Restart=on-failure"}


def test_what_it_started_outlives_it_and_a_killed_one_comes_back(manager: UserManager, tmp_path: Path) -> None:
    # given the unit with a stand-in for the program, which needs no broker
    program, said = tmp_path / "stand-in.py", tmp_path / "said"
    program.write_text(STAND_IN, encoding="utf-8")
    text = unit_text("user", f"{sys.executable} {program} {said}").replace("RestartSec=15", f"RestartSec=1\nEnvironment=PYTHONPATH={ROOT}")
    manager.write("healstream.service", text)

    def state() -> str:
        return manager.systemctl("show", "--property=ActiveState", "--value", "healstream.service").strip()

    def rows() -> list[list[str]]:
        return [line.split() for line in said.read_text(encoding="utf-8").splitlines()] if said.exists() else []

    def is_alive(pid: str) -> bool:
        return Path(f"/proc/{pid}/stat").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")

    # when it is started, then the start is over when it says that it is ready
    manager.systemctl("start", "healstream.service")
    assert state() == "active"
    ((first, service, *words),) = rows()
    assert words == ["up", "--foreground"]
    # when it is killed, then it comes back, and what it started lives
    manager.systemctl("kill", "--kill-whom=main", "--signal=KILL", "healstream.service")
    assert wait_for(lambda: len(rows()) == 2 and state() == "active", 60)
    assert rows()[1][0] != first
    assert is_alive(service)
    # when it is stopped, then it stays so, and both services still live
    manager.systemctl("stop", "healstream.service")
    assert state() == "inactive"
    assert all(is_alive(row[1]) for row in rows())


def edited(line: str, folder: Path) -> str:
    """Return the line with an editor that writes what a person would, at a terminal, without which systemd does not edit."""
    editor = folder / "editor"
    # Between the two lines that systemd puts there.
    written = "[Service]\\nEnvironment=XDG_STATE_HOME=/elsewhere"
    editor.write_text(f"#!/bin/sh\nsed -i '/^### Anything/a {written}' \"$1\"\n", encoding="utf-8")
    editor.chmod(0o755)
    return f"SYSTEMD_EDITOR={editor} {tool('script')} -qec '{line}' /dev/null </dev/null"


def test_the_commands_of_the_page_keep_a_copy_of_ones_own(manager: UserManager, tmp_path: Path) -> None:
    # given a checkout whose program is the stand-in
    stand_in, said, program = tmp_path / "stand-in.py", tmp_path / "said", tmp_path / ".venv/bin/healstream"
    stand_in.write_text(STAND_IN, encoding="utf-8")
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} {stand_in} {said} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "infra").symlink_to(ROOT / "infra")
    # when what the page says is typed, line by line
    page = lines_in("operations.md", (ROOT / "docs/operations.md").read_text(encoding="utf-8"))
    lines = [line.text for line in page if "systemd/user" in line.text or row_of_line(line) == "systemctl --user"]
    assert len(lines) == 4
    faults = [manager.fault_of(line.replace("~/.config", "$XDG_CONFIG_HOME"), tmp_path) for line in lines]
    assert faults == [""] * 4
    # then it runs, and is started with the session
    try:
        assert manager.systemctl("is-active", "healstream.service").strip() == "active"
        assert manager.systemctl("is-enabled", "healstream.service").strip() == "enabled"
        assert said.read_text(encoding="utf-8").split()[2:] == ["up", "--foreground"]
        # and what the page says of the machine's unit is the same for one's own
        others = [line.text for line in page if row_of_line(line) == "systemctl"]
        assert [line.split()[1] for line in others] == ["start", "status", "edit"]
        start, status, edit = (line.replace("systemctl ", "systemctl --user ") for line in others)
        assert [manager.fault_of(line, tmp_path) for line in (start, status, edited(edit, tmp_path))] == ["", "", ""]
        # Where the machine itself was not begun by systemd, it has nobody read the unit anew.
        manager.systemctl("daemon-reload")
        assert "XDG_STATE_HOME=/elsewhere" in manager.systemctl("show", "--property=Environment", "healstream.service")
    finally:
        manager.systemctl("disable", "--now", "healstream.service")


def test_without_a_socket_nobody_is_told_and_one_that_is_gone_is_an_error(tmp_path: Path) -> None:
    tell_systemd({}, READY)
    with pytest.raises(OSError, match="No such file"):
        tell_systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")}, READY)


def test_in_the_foreground_it_ends_with_the_code_of_what_is_wrong_and_names_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "people.yaml").write_text("people: []\n", encoding="utf-8")
    (config / "healstream.yaml").write_text("version: 1\nheartbeat: {every_s: 60}\n", encoding="utf-8")
    for name, value in (("STATE", tmp_path / "state"), ("CONFIG", config)):
        monkeypatch.setenv(f"HEALSTREAM_{name}", str(value))

    argv = [sys.executable, "-m", "console.cli.main", "up", "--foreground", "--name", "t"]
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)

    # the unit does not try again after this one
    assert told.returncode == ConfigurationError.exit_code, told.stderr
    assert f"RestartPreventExitStatus={told.returncode}\n" in unit_text("system", PROGRAM)
    assert "healstream.yaml:2:1: heartbeat: give either url or url_file" in told.stderr.splitlines()[-1]
