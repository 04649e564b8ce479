"""``healstream doctor``: looks at everything that healstream needs here, and says the next command for what is wrong."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from console.cli.formats import Output
from console.cli.show import NAME, OUTPUT, home, show
from console.configuration import load_configuration
from console.home import Home
from console.system_paths import shipped_patterns
from infra.broker.install import cache_folder
from infra.broker.server import free_ports
from infra.kafka import read_to_end
from infra.topics_admin import topic_problems
from schemas.configuration import Keys
from schemas.errors import HealstreamError
from schemas.oversight import Lease

PROBLEMS = 8
NEEDED_BYTES = 6 * 1024**3
SKEW_S = 2.0


@dataclass(frozen=True, slots=True)
class Checked:
    """One check: whether it is well, what was seen, and the next command."""

    check: str
    ok: bool
    seen: str
    mend: str = ""


def check_python(home: Home) -> Checked:
    """Look at the interpreter."""
    del home
    return Checked("python", sys.version_info >= (3, 11), sys.version.split()[0], "install Python 3.11 or newer")


def check_disk(home: Home) -> Checked:
    """Look at the free space and whether the state folder can be written."""
    folder = next(path for path in (home.state, *home.state.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    ok = free > NEEDED_BYTES and os.access(folder, os.W_OK)
    return Checked("disk", ok, f"{free / 1024**3:.1f} GiB free in {folder}", "free 6 GiB, or set XDG_STATE_HOME to a folder with room")


def check_ports(home: Home) -> Checked:
    """Look for free loopback ports."""
    del home
    try:
        return Checked("ports", True, f"free: {', '.join(map(str, free_ports(3)))}")
    except OSError as error:
        return Checked("ports", False, str(error), "close programs that hold ports")


def check_jars(home: Home) -> Checked:
    """Look for the fetched broker."""
    del home
    count = len(list(Path(cache_folder(os.environ)).glob("*.jar")))
    return Checked("broker jars", count > 0, f"{count} fetched", "run `make setup`")


def check_config(home: Home) -> Checked:
    """Read the configuration folder."""
    try:
        found = load_configuration(home.config, shipped_patterns(), Keys())
    except HealstreamError as error:
        return Checked("configuration", False, error.why, "run `healstream init`, or `healstream config check`")
    return Checked("configuration", True, f"version {found.version}")


def check_broker(home: Home) -> Checked:
    """Ask the broker for its topics."""
    brokers = home.brokers(os.environ)
    if not brokers:
        return Checked("broker", False, "nothing runs", "run `healstream up`")
    try:
        problems = topic_problems(brokers)
    except HealstreamError as error:
        return Checked("broker", False, error.why, "run `healstream up`")
    return Checked("broker", not problems, "; ".join(problems) or f"{brokers}, all topics", "run `healstream topics create`")


def check_clock(home: Home) -> Checked:
    """Compare the newest lease with this clock."""
    brokers = home.brokers(os.environ)
    try:
        leases = [row for row in read_to_end(brokers, "heal.lease") if isinstance(row, Lease)] if brokers else []
    except HealstreamError as error:
        return Checked("clock", False, error.why, "run `healstream up`")
    if not leases:
        return Checked("clock", True, datetime.now(UTC).isoformat(timespec="seconds"))
    skew = (datetime.now(UTC) - leases[-1].at).total_seconds()
    return Checked("clock", -SKEW_S < skew < 2 * SKEW_S, f"newest lease is {skew:.1f} s old", "run `healstream killswitch status`")


CHECKS: tuple[Callable[[Home], Checked], ...] = (
    check_python,
    check_disk,
    check_ports,
    check_jars,
    check_config,
    check_broker,
    check_clock,
)


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("doctor", help=text)(doctor)


def doctor(name: str = NAME, output: Output = OUTPUT) -> None:
    """Run every check; exit 8 when one is not well."""
    found = [check(home(name)) for check in CHECKS]
    rows = [{"check": row.check, "ok": "ok" if row.ok else "NOT OK", "seen": row.seen, "next": "" if row.ok else row.mend} for row in found]
    show(rows, output, ("check", "ok", "seen", "next"))
    if not all(row.ok for row in found):
        raise typer.Exit(PROBLEMS)
