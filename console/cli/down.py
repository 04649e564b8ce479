"""``healstream down``."""

from __future__ import annotations

import typer

from console.cli.deeds import DRY, tell
from console.cli.show import NAME, home, talk
from console.home import read_running
from console.live import end_process, is_same_process

STOP_S = 40.0


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("down", help=text)(down)


def down(name: str = NAME, dry: bool = DRY) -> None:
    """Stop the supervisor, which stops everything else first; data stays."""
    pid = read_running(home(name)).get("pid")
    if not is_same_process(pid) or not isinstance(pid, int):
        talk("nothing runs")
        return
    if dry:
        tell(f"process {pid} and all that it started end; the data stays in {home(name).state}", dry=True)
        return
    went = end_process(pid, STOP_S)
    talk(f"stopped; the data stays in {home(name).state}" if went else "it did not end by itself and was killed; its workers ended with it")
