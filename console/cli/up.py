"""``healstream up``: starts the supervisor as a process of its own and returns when it is ready."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import typer

from console.cli.show import NAME, home, talk
from console.home import LOCKED_VARIABLE, make_state, read_running, require_room
from console.init import init
from console.live import is_same_process
from schemas.errors import HealstreamError

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


def up(
    name: str = NAME, locked: bool = typer.Option(False, "--locked", help="nobody comes to the broker without a name and a right")
) -> None:
    """Start; a folder without a configuration gets the observing one. A copy that was started locked stays so."""
    place = home(name)
    if is_same_process(read_running(place).get("pid")):
        talk(f"it runs already: broker {read_running(place).get('brokers')}; see `healstream status`")
        return
    require_room(place)
    make_state(place)
    if init(place, getpass.getuser()):
        talk(f"made an observing configuration in {place.config}")
    place.running.unlink(missing_ok=True)
    log = place.logs / "supervisor.log"
    with log.open("ab") as out:
        began = out.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "console.system", name],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **({LOCKED_VARIABLE: "1"} if locked else {})},
        )
    talk("starting; the first time takes half a minute")
    end = time.monotonic() + READY_S
    try:
        while not place.running.exists():
            if process.poll() is not None or time.monotonic() > end:
                raise explained(log.read_bytes()[began:].decode("utf-8", "replace"), _end(process), log)
            time.sleep(0.1)
    except KeyboardInterrupt:
        # It has a session of its own, so Ctrl-C reached this process only.
        _end(process)
        raise
    talk(f"broker {read_running(place)['brokers']}; next: `healstream status`, `healstream send`, `healstream down`")
