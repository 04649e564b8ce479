"""A real systemd: a user manager of its own, in namespaces and a control group of its own; nothing of the machine's is touched."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.adapters.systemctl import Systemctl
from tests.support.executor_world import wait_for
from tests.support.tools import tool

SYSTEMD = Path("/lib/systemd/systemd")
START_S = 60.0
# Its control groups are below ours, /run is its own, and there systemd is found to be running. In a process namespace of its own it
# would not know who asks, and drop one connection in four.
_OUTER = """set -e
echo $$ >"$1/cgroup.procs"
exec unshare --fork --kill-child --mount --cgroup sh -c "$2"
"""
_INNER = f"""set -e
mount --make-rprivate /
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
exec {SYSTEMD} --user --unit=basic.target
"""


@dataclass(frozen=True)
class UserManager:
    """The manager's folder, where its units and its socket lie."""

    home: Path

    @property
    def environ(self) -> tuple[tuple[str, str], ...]:
        """Return what ``systemctl --user`` finds it by."""
        return (("XDG_RUNTIME_DIR", str(self.home / "run")), ("XDG_CONFIG_HOME", str(self.home / "config")))

    @property
    def client(self) -> Systemctl:
        """Return what the adapters reach it by."""
        return Systemctl(("systemctl", "--user"), self.environ)

    def write(self, name: str, text: str) -> None:
        """Write a unit and let the manager read it."""
        folder = self.home / "config/systemd/user"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        self.systemctl("daemon-reload")

    def systemctl(self, *words: str) -> str:
        """Run systemctl as a person would."""
        return self._run([tool("systemctl"), "--user", *words], Path.cwd()).stdout

    def fault_of(self, line: str, folder: Path) -> str:
        """Run a line of a shell in a folder; return what it says when it fails."""
        done = self._run(["/bin/bash", "-c", line], folder)
        return f"{line} exits {done.returncode}: {done.stderr}" if done.returncode else ""

    def _run(self, argv: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, **dict(self.environ)}
        return subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60)


def _own_group() -> Path:
    root = next((place for place in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") if Path(place, "cgroup.controllers").exists()), "")
    if not root or os.geteuid() != 0:
        pytest.skip("a systemd of its own needs root and control groups of version 2; the fake passes the same checks")
    group = Path(root, f"healstream-test-{os.getpid()}")
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"a systemd of its own needs a control group of its own: {error}")
    return group


@contextmanager
def user_manager() -> Iterator[UserManager]:
    """Start the manager, yield it, and end it with all that it started."""
    tool("systemctl")
    tool(str(SYSTEMD))
    group = _own_group()
    # Short: a socket's path has 108 letters.
    home = Path(tempfile.mkdtemp(prefix="hsd"))
    (home / "run").mkdir(mode=0o700)
    manager = UserManager(home)
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), **dict(manager.environ)}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(["/bin/sh", "-c", _OUTER, "sh", str(group), _INNER], env=environ, stdout=log, stderr=log)
    try:
        # Its socket is there before it listens.
        wait_for(lambda: bool(manager.systemctl("show", "--property=Version")) or process.poll() is not None, START_S)
        if process.poll() is not None:
            pytest.skip(f"no namespaces for a systemd of its own: {(home / 'log').read_text(encoding='utf-8', errors='replace')[-300:]}")
        yield manager
    finally:
        process.kill()
        process.wait()
        wait_for(lambda: _is_gone(group), START_S)
        shutil.rmtree(home, ignore_errors=True)


def _is_gone(group: Path) -> bool:
    """End what runs in our control group, which holds nothing but what the manager and we have started, and remove it."""
    # Walked upwards and without a word about what has gone meanwhile: it is asked again until all has.
    for folder, _, _ in os.walk(group, topdown=False):
        with suppress(OSError):
            for pid in map(int, Path(folder, "cgroup.procs").read_text(encoding="ascii").split()):
                # A process of another namespace would be shown as 0, and that is this process's own group.
                if pid > 0:
                    os.kill(pid, signal.SIGKILL)
        with suppress(OSError):
            Path(folder).rmdir()
    return not group.exists()
