"""Plays the planned failures at once on a real system in a sandbox, shows them live, and sums up with measured times."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from console.demo.commands import CommandError
from console.demo.failures import FAILURES
from console.demo.interrupts import ENDING, interrupt_once, undisturbed
from console.demo.planned import Ended, PlannedFailure
from console.demo.sandbox import build
from console.demo.small_disk import SmallDisk, small_disk
from console.demo.stage import Stage, SurpriseError
from console.system import System
from infra.broker.server import free_ports
from infra.logging import configure
from schemas.errors import HealstreamError


@dataclass(slots=True)
class Line:
    """One failure as it stands."""

    failure: PlannedFailure
    state: str = "waits"
    told: str = ""
    began_s: float = 0.0
    took_s: float = 0.0
    seconds: float | None = None
    well: bool = False
    done: threading.Event = field(default_factory=threading.Event)


def table_of(lines: Sequence[Line]) -> Table:
    """Return the lines as they stand now."""
    table = Table(title="healstream demo")
    for name in ("#", "failure", "ended as", "took", "recovered in", "what happened"):
        table.add_column(name)
    for number, line in enumerate(lines, 1):
        colour = "green" if line.well else "red" if line.done.is_set() else "yellow"
        took = f"{line.took_s:.1f} s" if line.done.is_set() else ""
        recovered = f"{line.seconds:.2f} s" if line.seconds is not None else ""
        table.add_row(str(number), line.failure.title, f"[{colour}]{line.state}[/]", took, recovered, line.told)
    return table


def summed_up(lines: Sequence[Line]) -> str:
    """Return the lines as plain text, one a failure, its measured times in columns."""
    rows = []
    for number, line in enumerate(lines, 1):
        recovered = "" if line.seconds is None else f"recovered in {line.seconds:.2f} s"
        rows.append(f"{number:2} {line.state:14} took {line.took_s:4.1f} s  {recovered:22} {line.failure.title}")
    return "\n".join(rows)


@contextmanager
def shown(lines: Sequence[Line], console: Console) -> Iterator[None]:
    """Show the lines live on a terminal; elsewhere each ends as one plain line."""
    if not console.is_terminal:
        yield
        return
    with Live(get_renderable=lambda: table_of(lines), console=console, refresh_per_second=4, transient=True):
        yield


def run_line(line: Line, stage: Stage, by_name: dict[str, Line], console: Console) -> None:
    """Play one failure and keep how it ended."""
    for name in line.failure.after:
        by_name[name].done.wait()
    if stage.is_left:
        line.done.set()
        return
    line.state, line.began_s = "plays", time.monotonic()
    try:
        ended = line.failure.play(stage)
        line.state, line.told, line.seconds = ended.status, ended.told, ended.seconds
        line.well = _is_planned(line.failure, ended)
    except (SurpriseError, CommandError, OSError, IndexError, HealstreamError) as surprise:
        line.state, line.told = "not as planned", str(surprise)[:300]
    finally:
        line.took_s = time.monotonic() - line.began_s
        line.done.set()
    if not console.is_terminal and not stage.is_left:
        console.print(
            f"{'ok ' if line.well else 'NOT'} {line.failure.title}: {line.state}, {line.took_s:.1f} s; {line.told}", soft_wrap=True
        )


def _is_planned(failure: PlannedFailure, ended: Ended) -> bool:
    return ended.status == failure.expected


def play_all(stage: Stage, console: Console) -> list[Line]:
    """Play every failure, those that disturb no other at once."""
    lines = [Line(failure) for failure in FAILURES]
    by_name = {line.failure.name: line for line in lines}
    with shown(lines, console), ThreadPoolExecutor(len(lines)) as pool:
        try:
            for done in [pool.submit(run_line, line, stage, by_name, console) for line in lines]:
                done.result()
        except KeyboardInterrupt:
            stage.leave()
            raise
    return lines


@contextmanager
def sandbox_folder(*, keep: bool) -> Iterator[Path]:
    """Yield a new folder and remove it at the end, unless it is to be kept."""
    with undisturbed():
        folder = Path(tempfile.mkdtemp(prefix="healstream-demo-"))
    try:
        yield folder
    finally:
        with undisturbed():
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)


def play_in(folder: Path, disk: SmallDisk, console: Console) -> list[Line]:
    """Build the sandbox in the folder, play everything in it, and leave no process, whatever happens."""
    began = time.monotonic()
    console.print(f"sandbox: {folder}")
    console.print(f"disk to fill: {disk.words}")
    sandbox = build(folder, free_ports(1)[0], disk)
    environ = {name: value for name, value in os.environ.items() if name != "HEALSTREAM_BROKERS"}
    system = System(sandbox.home, environ, lambda text: console.print(f"{time.monotonic() - began:5.1f} s  {text}", soft_wrap=True))
    stage: Stage | None = None
    try:
        sandbox.start_services()
        system.start()
        stage = Stage(sandbox, system.brokers)
        return play_all(stage, console)
    finally:
        with undisturbed():
            # Executors first: they would start again what is ended next.
            if stage is not None:
                stage.close()
            system.stop()
            sandbox.kill(*sandbox.ports)


def play(*, keep: bool) -> int:
    """Play the demo; return 0 when each failure ended as planned, else 1."""
    console = Console()
    configure("demo")
    for number in ENDING:
        signal.signal(number, interrupt_once)
    began = time.monotonic()
    with sandbox_folder(keep=keep) as folder, small_disk(folder / "disk", keep=keep) as disk:
        lines = play_in(folder, disk, console)
    console.print(table_of(lines) if console.is_terminal else summed_up(lines), soft_wrap=not console.is_terminal)
    well = sum(line.well for line in lines)
    console.print(f"{well} of {len(lines)} ended as planned, {time.monotonic() - began:.0f} s in all")
    if keep:
        console.print(f"kept: {folder}" + (f"; before you remove it: umount {disk.place}" if disk.is_mounted else ""), soft_wrap=True)
    sys.stdout.flush()
    return 0 if well == len(lines) else 1
