"""The commands that a person types in the demo, each as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from console.home import Home
from console.supervise import clean_environ

COMMAND_S = 90.0


class CommandError(Exception):
    """A command did not end well; the text says what it said."""


class Commands:
    """Runs commands for one copy; once ``end`` was called none goes on."""

    def __init__(self, home: Home, brokers: str) -> None:
        """Speak to this copy."""
        self._told = {"HEALSTREAM_BROKERS": brokers, "HEALSTREAM_STATE": str(home.state), "HEALSTREAM_CONFIG": str(home.config)}
        self._running: set[subprocess.Popen[str]] = set()
        self._is_ended = False

    def run(self, *words: str) -> str:
        """Run a command to its end and return what it said; raises CommandError."""
        call = [sys.executable, "-m", "console.cli.main", *words]
        environ = clean_environ(os.environ) | self._told
        # A Ctrl-C is not the command's: ``end`` ends it.
        with subprocess.Popen(
            call, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            self._running.add(process)
            if self._is_ended:
                process.kill()
            try:
                out, wrong = process.communicate(timeout=COMMAND_S)
            except subprocess.TimeoutExpired:
                process.kill()
                out, wrong = process.communicate()
            self._running.discard(process)
        if process.returncode:
            raise CommandError(f"healstream {' '.join(words)} exited {process.returncode}: {wrong.strip()[-300:]}")
        return out

    def end(self) -> None:
        """End what runs, and whatever is begun later."""
        self._is_ended = True
        for process in tuple(self._running):
            process.kill()
