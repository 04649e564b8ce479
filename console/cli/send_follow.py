"""``healstream send follow``: reads a call's words, then becomes the log shipper (``console/ship.py``); a verb of ``send.py``."""

from __future__ import annotations

import os
import sys

import typer

from console.cli.show import NAME, home
from console.gateway_client import URL_VARIABLE
from console.home import read_running
from console.ship import Orders
from console.shipper.templates import NEEDED, template_of
from infra.adapters.log_door import address_of
from schemas.errors import UnreachableError, UsageError

PATHS = typer.Argument(help="logs, by wildcards, or by fields that name their jobs: /ci/{project:path}/{run_id:int}/{job}.log")
RUN = typer.Option("", help="SOURCE/PROJECT/RUN_ID/JOB; a word in braces is taken from the path: jenkins/{project}/{run_id}/{job}")
GATEWAY = typer.Option("", envvar=URL_VARIABLE, help="the gateway's address; that of the copy which runs here if none is given")
END_AFTER = typer.Option(0.0, min=0.0, help="seconds of stillness after which a log is at its end; 0: only when its file is removed")
ONCE = typer.Option(False, "--once", help="send what is there to its end, then leave")


def follow(
    paths: list[str] = PATHS, run: str = RUN, gateway: str = GATEWAY, end_after: float = END_AFTER, once: bool = ONCE, name: str = NAME
) -> None:
    """Follow growing logs and send them to the gateway, whole and once, over rotations and restarts."""
    known = words_in(run)
    whole = tuple(os.path.abspath(path) for path in paths)  # noqa: PTH100 - a template's wildcards are no file's name
    for path in whole:
        template_of(path, known)
    place = home(name)
    there = gateway or str(read_running(place).get("gateway") or "")
    if not there:
        raise UnreachableError("gateway", "nothing runs here", "Start it with `healstream up`, or give --gateway")
    address_of(there)
    orders = Orders(whole, known, there, str(place.state / "shipper"), end_after, once)
    # The same process from here on, without what this command line has loaded: it runs beside every build.
    argv = [sys.executable, "-m", "console.ship", orders.written()]
    os.execve(argv[0], argv, dict(os.environ))  # noqa: S606 - an argument list, and no shell is wanted


def words_in(run: str) -> dict[str, str]:
    """Return the fields that ``--run`` gives for every log; raises UsageError."""
    if not run:
        return {}
    words = run.split("/")
    if len(words) < 4 or not all(words):
        raise UsageError("--run", f"{run!r} has fewer than four parts", "Give SOURCE/PROJECT/RUN_ID/JOB")
    named = dict(zip(NEEDED, (words[0], "/".join(words[1:-2]), words[-2], words[-1]), strict=True))
    return {name: word for name, word in named.items() if word != f"{{{name}}}"}
