"""A copy of healstream as a person has it: folders of its own, and the commands as processes with their exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.home import Home, home_of, read_running

ROOT = Path(__file__).parents[2]
COMMAND_S = 180.0


@dataclass(frozen=True)
class Said:
    """What one command answered."""

    code: int
    out: str
    err: str

    def items(self) -> list[dict[str, object]]:
        """Return the rows of ``--output json``; the shape's version is checked."""
        found = json.loads(self.out)
        assert found["version"] == 1
        return [dict(row) for row in found["items"]]


@dataclass(frozen=True)
class Copy:
    """One named copy below a folder; two names in one folder are two copies side by side."""

    folder: Path
    name: str = "default"
    brokers: str = ""

    def environ(self) -> dict[str, str]:
        """Return our environment with the copy's folders and nothing else of healstream's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEALSTREAM_", "XDG_STATE", "XDG_CONFIG"))}
        places = {"XDG_STATE_HOME": str(self.folder / "state"), "XDG_CONFIG_HOME": str(self.folder / "config")}
        return {**kept, **places, **({"HEALSTREAM_BROKERS": self.brokers} if self.brokers else {})}

    @property
    def home(self) -> Home:
        """Return the copy's folders."""
        return home_of(self.environ(), self.name)

    def run(self, *words: str, told: str = "") -> Said:
        """Run one command to its end."""
        call = [sys.executable, "-m", "console.cli.main", *words, *(() if self.name == "default" else ("--name", self.name))]
        done = subprocess.run(
            call, input=told, env=self.environ(), cwd=ROOT, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def up(self, *words: str) -> None:
        """Start, and wait until every process is ready and stays so after the executors have shared their partitions."""
        said = self.run("up", *words)
        assert said.code == 0, said.err
        until(lambda: all(row["ready"] for row in self.run("status", "-o", "json").items()), "every process ready")

    def down(self) -> None:
        """Stop."""
        said = self.run("down")
        assert said.code == 0, said.err

    def pids(self) -> dict[str, int]:
        """Return our processes by name, the supervisor among them, without the broker."""
        running = read_running(self.home)
        rows = running.get("processes")
        found = {str(row["name"]): int(row["pid"]) for row in rows if row["pid"]} if isinstance(rows, list) else {}
        return {**found, "supervisor": int(str(running["pid"]))}


def until(question: Callable[[], bool], what: str, deadline_s: float = 120.0) -> None:
    """Ask until the answer is yes; fail at the deadline."""
    end = time.monotonic() + deadline_s
    while not question():
        assert time.monotonic() < end, f"{what}: not seen within {deadline_s:.0f} s"
        time.sleep(0.05)


def processes_naming(text: str) -> list[str]:
    """Return the command lines and environments of living processes, other than this one, in which the text stands."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        try:
            words = (folder / "cmdline").read_bytes()
            seen = words + (folder / "environ").read_bytes()
        except OSError:
            continue
        if words and text.encode() in seen:
            found.append(f"{folder.name}: {words.replace(bytes(1), b' ').decode(errors='replace')}")
    return found
