"""``healstream up``: starts the supervisor as a process of its own and returns when it is ready, or becomes it."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from console.cli.deeds import DRY, tell
from console.cli.hints import for_copy
from console.cli.show import NAME, home, talk
from console.configuration import load_configuration
from console.home import DEFAULT_NAME, LOCKED_VARIABLE, Home, make_state, read_running, require_room
from console.init import absent_files, init
from console.live import is_same_process
from console.system_paths import shipped_patterns
from schemas.configuration import Keys
from schemas.errors import HealstreamError, TimedOutError

READY_S = 240.0


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("up", help=text)(up)


def explained(said: str, code: int, log: Path) -> HealstreamError:
    """Return why the supervisor ended: its own last words and exit code, or its log's last line."""
    lines = said.strip().splitlines()
    last = lines[-1] if lines else "it ended at once"
    try:
        row = json.loads(last)
        error = HealstreamError(row["what"], row["why"], row["mend"])
    except (ValueError, KeyError, TypeError):
        return HealstreamError("healstream up", last, f"Read {log}, or run `healstream doctor`")
    error.exit_code = code if code > 0 else 1
    return error


def _end(process: subprocess.Popen[bytes]) -> int:
    process.terminate()
    return process.wait()


LOCKED = typer.Option(False, "--locked", help="nobody comes to the broker without a name and a right")
FOREGROUND = typer.Option(False, "--foreground", help="become the supervisor, for a unit of systemd; its log goes to standard error")


def up(name: str = NAME, locked: bool = LOCKED, foreground: bool = FOREGROUND, dry: bool = DRY) -> None:
    """Start; a folder without a configuration gets the observing one. A copy that was started locked stays so."""
    place = home(name)
    running = read_running(place)
    if is_same_process(running.get("pid")):
        if foreground:
            # Whoever keeps us would take an end without a fault for the end of healing.
            raise HealstreamError(
                "healstream up", f"it runs already as process {running.get('pid')}", "End it with `healstream down` first"
            )
        talk(for_copy(f"it runs already: broker {running.get('brokers')}; see `healstream status`", name))
        return
    if dry:
        require_room(place)
        if not absent_files(place):
            load_configuration(place.config, shipped_patterns(), Keys())
        tell(f"everything starts with the configuration in {place.config} and keeps its data in {place.state}", dry=True)
        return
    prepare(place)
    argv = [sys.executable, "-m", "console.system", name]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", **({LOCKED_VARIABLE: "1"} if locked else {})}
    if foreground:
        # The same number from here on: it is the process that systemd watches and asks to end.
        os.execve(argv[0], argv, environ)  # noqa: S606 - an argument list, and no shell is wanted
    start(place, argv, environ)


def prepare(place: Home) -> None:
    """Make what a start needs."""
    require_room(place)
    make_state(place)
    if init(place, getpass.getuser()):
        talk(f"made an observing configuration in {place.config}")
    place.running.unlink(missing_ok=True)


def start(place: Home, argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Start the supervisor beside us and return when all is ready; raises HealstreamError with why it is not."""
    log = place.logs / "supervisor.log"
    with log.open("ab") as out:
        began = out.tell()
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=environ,
        )
    talk("starting; the first time takes half a minute")
    end = time.monotonic() + READY_S
    try:
        while not place.running.exists():
            if process.poll() is None and time.monotonic() > end:
                _end(process)
                raise TimedOutError("healstream up", f"it is not ready after {READY_S:.0f} s and was ended", f"Read {log}")
            if process.poll() is not None:
                raise explained(log.read_bytes()[began:].decode("utf-8", "replace"), _end(process), log)
            time.sleep(0.1)
    except KeyboardInterrupt:
        # It has a session of its own, so Ctrl-C reached this process only.
        _end(process)
        raise
    hint = f"broker {read_running(place)['brokers']}; next: `healstream status`, `healstream send`, `healstream down`"
    talk(for_copy(hint, "" if place.name == DEFAULT_NAME else place.name))
