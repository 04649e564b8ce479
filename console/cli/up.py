"""``healstream up``: starts the supervisor as a process of its own and returns when it is ready."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import time

import typer

from console.cli.show import NAME, home, talk
from console.home import make_state, read_running
from console.init import init
from console.live import is_same_process
from schemas.errors import HealstreamError

READY_S = 120.0


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("up", help=text)(up)


def up(name: str = NAME) -> None:
    """Start; a folder without a configuration gets the observing one."""
    place = home(name)
    make_state(place)
    if is_same_process(read_running(place).get("pid")):
        talk(f"it runs already: broker {read_running(place).get('brokers')}; see `healstream status`")
        return
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
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    talk("starting; the first time takes half a minute")
    end = time.monotonic() + READY_S
    while not place.running.exists():
        if process.poll() is not None or time.monotonic() > end:
            last = log.read_text(encoding="utf-8", errors="replace")[began:].strip().splitlines()
            process.terminate()
            raise HealstreamError("healstream up", last[-1] if last else "it ended at once", f"Read {log}, or run `healstream doctor`")
        time.sleep(0.1)
    talk(f"broker {read_running(place)['brokers']}; next: `healstream status`, `healstream send`, `healstream down`")
