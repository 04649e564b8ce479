"""What the commands share: options, data to standard output in the format that is asked for, talk to standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import typer

from console.cli.formats import Output, Row, text_of, text_of_one
from console.home import Home, brokers_here, home_of
from console.periods import begin_of

_FORMATS = ", ".join(Output)
OUTPUT = typer.Option(Output.TABLE, "--output", "-o", help=f"one of {_FORMATS}", metavar="FORMAT")
WHOLE = typer.Option(Output.JSON, "--output", "-o", help=f"one of {_FORMATS}", metavar="FORMAT")
WATCH = typer.Option(False, "--watch", help="go on: write a row whenever it changes, until Ctrl-C")
SINCE = typer.Option("", "--since", help="only what is newer: 30m, 24h, 7d, 2w or a time")
NAME = typer.Option("", "--name", help="which copy; `default` when not given")
LIVE = typer.Option(False, "--live", help="also try the runs that the log topic still holds")
AS = typer.Option("", "--as", help="whose key of this machine speaks")

EVERY_S = 1.0
HEADED = frozenset({Output.TABLE, Output.WIDE, Output.CSV})


def talk(text: str) -> None:
    """Say something to the person."""
    sys.stderr.write(text + "\n")


def show(rows: Sequence[Row], output: Output, columns: Sequence[str] = (), named: str = "") -> None:
    """Write the rows; ``named`` is the column that names one, the first when not given."""
    sys.stdout.write(text_of(rows, output, columns, named))


def show_one(document: Row, output: Output, name: str) -> None:
    """Write one thing that is more than a row."""
    sys.stdout.write(text_of_one(document, output, name))


def newer(rows: Iterable[Row], since: str, field: str) -> list[Row]:
    """Return the rows whose time is not before ``--since``; all of them when that is empty."""
    if not since:
        return list(rows)
    begin = begin_of(since, datetime.now(UTC))
    return [row for row in rows if datetime.fromisoformat(str(row[field])) >= begin]


def home(name: str) -> Home:
    """Return the folders of the named copy."""
    return home_of(os.environ, name)


def brokers_of(name: str, who: str = "operator") -> str:
    """Return the bootstrap address; raises UnreachableError when nothing runs and none is given."""
    return brokers_here(home(name), os.environ, who)


def show_or_watch(rows: Callable[[], Sequence[Row]], output: Output, columns: Sequence[str], *, watch: bool, named: str = "") -> None:
    """Write the rows, the newest first; with ``watch`` go on from the oldest and write each that changes, until Ctrl-C."""
    if watch:
        show_changes(lambda: [(str(row[named or columns[0]]), row) for row in reversed(rows())], columns, output, EVERY_S)
    else:
        show(rows(), output, columns, named)


def show_changes(rows: Callable[[], Iterable[tuple[str, Row]]], columns: Sequence[str], output: Output, every_s: float) -> None:
    """Write a row whenever what stands under its key is another, oldest first, until Ctrl-C; a heading is written once."""
    known: dict[str, Row] = {}
    # A list that never ends is no JSON document.
    asked = Output.JSONL if output is Output.JSON else output
    while True:
        changed = [(key, row) for key, row in rows() if known.get(key) != row]
        if changed:
            text = text_of([row for _, row in changed], asked, columns)
            sys.stdout.write(text.partition("\n")[2] if known and asked in HEADED else text)
            sys.stdout.flush()
        known.update(changed)
        time.sleep(every_s)
